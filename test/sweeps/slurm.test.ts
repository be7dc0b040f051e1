import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LockWatch } from '../../src/runs/run-lock.js'
import { runsOf } from '../../src/sweeps/enumerate.js'
import { type FinishedRun, finishedRuns } from '../../src/sweeps/finished-run.js'
import { runOnSlurm, type SlurmExecutorOptions } from '../../src/sweeps/slurm.js'
import { readRecords } from '../../src/sweeps/slurm-record.js'
import type { SweepRun } from '../../src/sweeps/sweep.js'
import { trainRun } from '../../src/sweeps/train-run.js'
import { type Cluster, noSlurm, startCluster, waitUntil } from '../support/slurm.js'

const missing = noSlurm()
// On the terminal itself: it must not go under.
if (missing !== undefined) process.stderr.write(`\n*** SKIPPED: the tests of sweeps on Slurm: ${missing}\n\n`)

const runs = runsOf({
  base: {
    data: { name: 'random', shape: [3, 8, 8], training: 512, validation: 32, classes: 4 },
    model: { name: 'mlp', hidden: [24, 24] },
    training: { epochs: 12, batchSize: 8, optimizer: { name: 'adam', lr: 0.01 } },
    checkpoints: { steps: 30 },
  },
  axes: {},
  seeds: [1, 2, 3, 4, 5],
})
const [requeued, killed, cancelled, preempted, limited] = runs as [SweepRun, SweepRun, SweepRun, SweepRun, SweepRun]

describe.skipIf(missing !== undefined)('a sweep on a cluster', () => {
  let folder = ''
  let cluster: Cluster
  beforeAll(async () => {
    // A name that no shell, and none of Slurm's patterns, must see.
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'it\'s 50% "$HOME" \\a-'))
    cluster = await startCluster({ cpus: 8, maxArraySize: 3 })
  })
  afterAll(async () => {
    await cluster?.stop()
    fs.rmSync(folder, { recursive: true, maxRetries: 5 })
  })

  const runsFolder = () => path.join(folder, 'runs')
  const options = (warnings: string[] = []): SlurmExecutorOptions => ({
    slurm: { partition: 'main', memory: 350 },
    pollSeconds: 0.5,
    warn: (line) => warnings.push(line),
  })
  const at = (run: SweepRun) => path.join(runsFolder(), run.id)
  const isEnded = (run: SweepRun) => finishedRuns([run], runsFolder()).length > 0
  /** How often a run's task has begun again after it was put back. */
  const requeues = (run: SweepRun) => logsOf(run).split('begun again').length - 2
  const logsOf = (run: SweepRun) =>
    readRecords(runsFolder())
      .flatMap(({ tasks, name }) =>
        tasks.flatMap((task, i) =>
          task.some(({ id }) => id === run.id) ? [path.join(runsFolder(), '.slurm', name, `${i}.log`)] : [],
        ),
      )
      .map((file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''))
      .join('')
  /** The number of a run's task, for commands of Slurm. */
  const taskOf = (run: SweepRun) => {
    for (const { tasks, job } of readRecords(runsFolder()).reverse())
      for (const [i, task] of tasks.entries())
        if (job !== undefined && task.some(({ id }) => id === run.id)) return `${job}_${i}`
    return ''
  }
  /** Stops a run's process after its first checkpoint, so that it is not done before something happens to it. Slurm wakes it before it signals it. */
  const stopped = async (run: SweepRun): Promise<number> => {
    const pid = () => new LockWatch().holder(at(run))?.pid
    await waitUntil(() => fs.existsSync(path.join(at(run), 'checkpoints')) && pid() !== undefined, 40)
    process.kill(pid()!, 'SIGSTOP')
    expect(isEnded(run)).toBe(false)
    return pid()!
  }

  it.concurrent('ends with the same results, whatever happens to its jobs on the way', async () => {
    const main = [requeued, killed, cancelled, preempted]
    const warnings: string[] = []
    const atLimit = runOnSlurm([limited], runsFolder(), {
      ...options(),
      slurm: { partition: 'small', time: 1, signalSeconds: 60, memory: 350 },
    })
    // Two at once: each run is submitted by one of them.
    await Promise.all([0, 1].map(() => runOnSlurm(main, runsFolder(), { ...options(warnings), wait: false })))
    const submitted = readRecords(runsFolder()).flatMap(({ tasks }) => tasks.flat().map(({ id }) => id))
    expect(submitted.sort()).toEqual(runs.map(({ id }) => id).sort())
    // 4 tasks do not fit into an array of 3.
    expect(readRecords(runsFolder())).toHaveLength(3)
    expect(warnings.join()).toMatch(/scancel \d+/)

    const happens = async () => {
      const pids = await Promise.all([requeued, killed, cancelled, preempted, limited].map(stopped))
      cluster.run('scontrol', 'requeue', taskOf(requeued))
      process.kill(pids[1]!, 'SIGKILL')
      const before = taskOf(cancelled)
      cluster.run('scancel', before)
      await waitUntil(() => !/\b(R|CG|PD)\b/.test(cluster.run('squeue', '-h', '-o', '%t', `--jobs=${before}`)), 20)
      const rest = runOnSlurm(main, runsFolder(), options(warnings))
      await waitUntil(() => taskOf(cancelled) !== before, 20)
      // What was not cancelled is not submitted again.
      expect(readRecords(runsFolder()).flatMap(({ tasks }) => tasks.flat())).toHaveLength(runs.length + 1)
      await waitUntil(() => [requeued, killed, cancelled].every(isEnded), 40)
      expect(isEnded(preempted)).toBe(false)
      // Needs all places but that of the job in `small`.
      const free = isEnded(limited) ? 8 : 7
      cluster.run('srun', '--partition=urgent', `--cpus-per-task=${free}`, '--mem=100', '--quiet', 'true')
      await rest
    }
    // What an undisturbed process gets, trained meanwhile.
    const alone = path.join(folder, 'alone')
    const undisturbed = async () => {
      for (const run of runs) await trainRun(run, alone, { threads: 1 })
    }
    await Promise.all([happens(), atLimit, undisturbed()])

    const results = (ended: readonly FinishedRun[]) =>
      ended.map(({ id, ended, epochs }) => ({ id, ended, epochs: epochs.map(({ seconds: _, ...others }) => others) }))
    const finished = finishedRuns(runs, runsFolder())
    expect(finished.map(({ ended, epochs }) => [ended, epochs.length])).toEqual(runs.map(() => ['finished', 12]))
    expect(results(finished)).toEqual(results(finishedRuns(runs, alone)))
    for (const run of [requeued, killed, preempted, limited]) expect(requeues(run)).toBeGreaterThanOrEqual(1)
    for (const run of [preempted, limited]) expect(logsOf(run)).toContain('put back into the queue')
    expect(warnings.join('\n')).toMatch(/ended with a run left \(cancelled\)/)

    // All is done: nothing is submitted.
    const records = readRecords(runsFolder()).length
    await runOnSlurm(runs, runsFolder(), options())
    expect(readRecords(runsFolder())).toHaveLength(records)
  })

  it.concurrent('says that a run has failed which needs too much memory, or never gets further', async () => {
    const base = {
      data: { name: 'random', shape: [3, 32, 32], training: 40_000, validation: 8 },
      model: { name: 'mlp', hidden: [8] },
      training: { epochs: 1000, batchSize: 8, optimizer: { name: 'sgd', lr: 0.01 } },
    }
    const [large] = runsOf({ base, axes: {}, seeds: [1] })
    const [endless] = runsOf({ base: { ...base, data: { ...base.data, training: 8 } }, axes: {}, seeds: [1] })
    const killing = { slurm: { memory: 390, maxIdleRequeues: 0, setup: 'srun() { return 137; }' } }
    const other = path.join(folder, 'failing')
    const [ended, never] = await Promise.all([
      runOnSlurm([large!], other, { ...options(), slurm: { memory: 390 } }),
      runOnSlurm([endless!], other, { ...options(), ...killing }),
    ])
    expect(ended[0]?.reason).toMatch(/^out of memory: Slurm ended the job, which had 390M; raise slurm.memory$/)
    expect(never[0]?.reason).toMatch(
      /^its job ended 1 times without coming further, at last with status 137 \(killed\)/,
    )
  })

  it.concurrent('says in one line what Slurm refuses, and what to do', async () => {
    const submit = (slurm: NonNullable<SlurmExecutorOptions['slurm']>) =>
      runOnSlurm(runs, path.join(folder, 'refused'), { ...options(), slurm })
    await expect(submit({ partition: 'none' })).rejects.toThrow(
      /^sbatch: invalid partition specified: none.*; set slurm.partition to one of the cluster's, which `sinfo` lists$/,
    )
    await expect(submit({ memory: '900G' })).rejects.toThrow(/slurm.memory/)
    await expect(submit({ gpus: 1 })).rejects.toThrow(/slurm.gpus/)
    await expect(submit({ extraFlags: ['--nonsense'] })).rejects.toThrow(/slurm.extraFlags/)
    expect(readRecords(path.join(folder, 'refused'))).toEqual([])
  })
})

describe('without a cluster', () => {
  it('says that there is no sbatch', async () => {
    const { PATH } = process.env
    process.env['PATH'] = '/nonexistent'
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'no-slurm-'))
    try {
      await expect(runOnSlurm(runs, folder)).rejects.toThrow(/^there is no scontrol on the PATH: .*--executor local$/)
    } finally {
      process.env['PATH'] = PATH
      fs.rmSync(folder, { recursive: true })
    }
  })
})
