// A process that trains runs: `node scheduler.mjs RUNS.json FOLDER [PATIENCE]`.
import fs from 'node:fs'
import { register } from 'tsx/esm/api'

register()
const { runLocally } = await import('../../src/sweeps/local.ts')
const [file, folder, patience] = process.argv.slice(2)
const options = { processes: 2, tries: 99, ...(patience && { patience: Number(patience) }) }
try {
  const runs = await runLocally(JSON.parse(fs.readFileSync(file, 'utf8')), folder, options)
  process.stdout.write(`ended ${runs.length}\n`)
} catch (error) {
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 2
}
