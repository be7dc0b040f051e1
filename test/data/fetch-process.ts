// Fetches a data set in a process of its own: `fetch-process.ts CACHE FORMAT.json`.
import { readFileSync } from 'node:fs'
import { fetchDataset } from '../../src/data/cifar.js'
import type { CifarFormat } from '../../src/data/cifar-format.js'

const [cache = '', format = ''] = process.argv.slice(2)
const result = await fetchDataset(JSON.parse(readFileSync(format, 'utf8')) as CifarFormat, { cache })
process.stdout.write(JSON.stringify(result))
