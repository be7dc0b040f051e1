import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { shellWord } from '../../src/sweeps/slurm-commands.js'
import { slurmSchema } from '../../src/sweeps/slurm-options.js'
import type { SlurmRecord } from '../../src/sweeps/slurm-record.js'
import { batchScript, sbatchFlags } from '../../src/sweeps/slurm-script.js'
import { readSweepFile, runsOfFile } from '../../src/sweeps/sweep-file.js'

const file = (name: string) => fs.readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const record = (runsFolder: string): SlurmRecord => ({
  name: 'teleport-1',
  runsFolder,
  tasks: [[], [], []],
  threads: 1,
  idleRequeues: 3,
  over: [],
})

describe("a sweep's slurm section", () => {
  it.each([
    [{ time: '8 hours' }, /expected minutes, hours:minutes:seconds/],
    [{ memory: '8 GB' }, /such as 8G/],
    [{ partition: 'a\n#SBATCH --nice' }, /on one line/],
    [{ extraFlags: ['exclude=node7'] }, /expected a flag of sbatch/],
    [{ extraFlags: ['--array=0-9'] }, /the sweep sets this flag itself/],
    [{ extraFlags: ['-J', 'name'] }, /the sweep sets this flag itself/],
    [{ extraFlags: ['-oname'] }, /the sweep sets this flag itself/],
    [{ tme: 1 }, /tme/],
  ])('%o is refused', (section, message) => {
    const parsed = slurmSchema.safeParse(section)
    expect(parsed.success).toBe(false)
    expect(parsed.error?.issues[0]?.message).toMatch(message)
  })

  it.each(['30', '8:00:00', '1-12', '2-0:30', 90])('takes the time %s', (time) => {
    expect(slurmSchema.parse({ time }).time).toBe(time)
  })

  it('becomes flags of sbatch', () => {
    const options = slurmSchema.parse({
      partition: 'cpu',
      time: '1-12',
      memory: '8G',
      gpus: 'a100:1',
      cpusPerTask: 2,
      arrayLimit: 5,
      extraFlags: ['--exclude=node7'],
    })
    const flags = sbatchFlags(record('/runs'), options, '/runs/.slurm/teleport-1', { array: true, after: '12' })
    expect(flags).toEqual(
      expect.arrayContaining([
        ...['--array=0-2%5', '--partition=cpu', '--time=1-12', '--mem=8G', '--gres=gpu:a100:1', '--cpus-per-task=2'],
        ...['--requeue', '--open-mode=append', '--signal=TERM@120', '--dependency=afterany:12', '--exclude=node7'],
      ]),
    )
  })

  it('is described on its page, each setting', () => {
    const page = file('docs/slurm.md')
    for (const name of Object.keys(slurmSchema.shape)) expect(page).toContain(`\`${name}\``)
  })

  it('stands in the example, whose runs are those of a sweep', () => {
    const text = file('examples/sweep-slurm.yaml')
    expect(runsOfFile(text, 'examples/sweep-slurm.yaml')).toHaveLength(12)
    expect(readSweepFile(text, 'examples/sweep-slurm.yaml').slurm).toMatchObject({ time: '2:00:00', arrayLimit: 20 })
  })
})

describe('the script of a job', () => {
  const hostile = ['plain', "it's", 'a "b" $HOME `id`', 'back\\slash %a', 'line\nend', '-n', '*', '!x', 'ü ñ']

  it.each(hostile)('quotes %j', (text) => {
    const { stdout } = spawnSync('bash', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })
    expect(stdout).toBe(text)
  })

  it.each(hostile)('is one that bash reads, and calls the worker, in a folder %j', (name) => {
    const options = slurmSchema.parse({ setup: ['srun() { shift 2; printf "%s|" "$@"; }', 'exec 1>&3'] })
    const flags = sbatchFlags(record(`/tmp/${name}`), options, `/tmp/${name}`, { array: true })
    const script = batchScript(record(`/tmp/${name}`), options, flags, '/')
      // Where there is no such folder.
      .replace(/^exec >>.*$/m, '')
    const { stdout, status } = spawnSync('bash', ['-c', `{ ${script}\n} 3>&1 >/dev/null`], {
      encoding: 'utf8',
      env: { ...process.env, SLURM_ARRAY_TASK_ID: '2' },
    })
    expect(status).toBe(0)
    expect(stdout.split('|').slice(-3)).toEqual([`/tmp/${name}/.slurm/teleport-1.json`, '2', ''])
  })
})
