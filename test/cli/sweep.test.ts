import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LockWatch } from '../../src/runs/run-lock.js'
import { readSweep } from '../../src/sweeps/sweep-folder.js'
import { writeRecord } from '../../src/sweeps/slurm-record.js'
import { outcomes } from '../sweeps/runs.js'
import { BINARY, json, refusal, teleport, temporaryFolder } from './run.js'

const work = temporaryFolder()
const at = (...parts: readonly string[]) => path.join(work.path, ...parts)

const CONFIG = `base:
  data: { name: random, shape: [3, 8, 8], training: 96, validation: 32, classes: 4, seed: 1 }
  model: { name: mlp, hidden: [24] }
  training: { epochs: 3, batchSize: 8, optimizer: { name: sgd, lr: 0.05, momentum: 0.9 } }
  checkpoints: { steps: 4 }
axes:
  teleportation:
    none: {}
    inter: { teleportations: [{ epoch: 1, kind: random, sampling: inter }] }
seeds: 1
`
/** Runs that take long enough for something to happen to them. */
const LONG = CONFIG.replace('epochs: 3', 'epochs: 40')

function write(name: string, text: string): string {
  fs.writeFileSync(at(name), text)
  return name
}

const sweepIn = (name: string) => readSweep(at(name))
/** Of its first two runs. */
const outcomesIn = (name: string) => outcomes(sweepIn(name).runs.slice(0, 2), at(name, 'runs'))

interface Started {
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>
}

function start(...args: readonly string[]): Started {
  const child = spawn(process.execPath, [BINARY, 'sweep', ...args], { cwd: work.path })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return {
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => child.once('close', (status) => resolve({ status, stdout, stderr }))),
  }
}

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}

/** Stops the process of each of its runs once that has written a checkpoint. @param former processes that are gone, or about to be */
async function stopped(name: string, former: readonly number[] = []): Promise<number[]> {
  const checkpoints = (id: string) => {
    const folder = at(name, 'runs', id, 'checkpoints')
    return fs.existsSync(folder) ? fs.readdirSync(folder).join(' ') : ''
  }
  const before = new Map<string, string>()
  if (former.length > 0) for (const { id } of sweepIn(name).runs) before.set(id, checkpoints(id))
  while (!fs.existsSync(at(name, 'sweep.yaml'))) await setTimeout(10)
  const pids = new Set<number>()
  const { runs } = sweepIn(name)
  while (pids.size < runs.length) {
    await setTimeout(10)
    for (const { id } of runs) {
      const pid = new LockWatch().holder(at(name, 'runs', id))?.pid
      if (pid === undefined || former.includes(pid) || pids.has(pid)) continue
      if (checkpoints(id) === (before.get(id) ?? '')) continue
      process.kill(pid, 'SIGSTOP')
      onTestFinished(() => wake(pid))
      pids.add(pid)
    }
  }
  return [...pids]
}

describe('teleport sweep', () => {
  it('trains the runs, says how they ended, extends a sweep, and refuses another', () => {
    write('s.yaml', CONFIG)
    const { status, stdout, stderr } = teleport(work.path, 'sweep', 's.yaml', '-o', 'first', '--processes', '2')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toBe(`first: 2 runs
  done       2
  running    0
  failed     0
  left       0
  epochs     6 of 6
`)
    const before = outcomesIn('first')
    const times = () => sweepIn('first').runs.map(({ id }) => fs.statSync(at('first/runs', id, 'result.json')).mtimeMs)
    const ended = times()

    // One value more, whose run diverges; the networks of the others stay as they are.
    const larger = CONFIG.replace(
      'axes:',
      'axes:\n  lr: { usual: {}, huge: { training: { optimizer: { lr: 1e30 } } } }',
    )
    write('larger.yaml', `${larger}exclude: [{ lr: huge, teleportation: inter }]\n`)
    const extended = json(work.path, 'sweep', 'larger.yaml', '-o', 'first', '--quiet')
    expect(extended).toMatchObject({ ended: 'finished', runs: 3, done: 2, failed: 1, left: 0, secondsLeft: 0 })
    expect(extended['failures']).toMatchObject([
      {
        labels: { lr: 'huge', teleportation: 'none', seed: 1 },
        reason: expect.stringMatching(/loss is NaN/) as string,
      },
    ])
    expect(times().slice(0, 2)).toEqual(ended)
    expect(outcomesIn('first')).toEqual(before)

    const runs = fs.readFileSync(at('first/runs.json'), 'utf8')
    expect(refusal(work.path, 'sweep', 's.yaml', '-o', 'first')).toBe(
      "teleport: 'first' holds a sweep with 1 runs that are not in 's.yaml' (lr huge, teleportation none, seed 1); choose another folder, or add them: a sweep can only grow",
    )
    expect(fs.readFileSync(at('first/runs.json'), 'utf8')).toBe(runs)
    expect(teleport(work.path, 'sweep', 'status', 'first').stdout).toMatch(
      /^first: 3 runs\n {2}done +2\n {2}running +0\n {2}failed +1\n {2}left +0\n {2}epochs +6 of 6\n\nfailed +reason\n[0-9a-f]{16} {2}lr huge, teleportation none, seed 1 {2}training diverged: .*\n$/,
    )
  })

  it('refuses what makes no sense, in a line', () => {
    write('wrong.yaml', CONFIG.replace('lr: 0.05', 'lr: fast'))
    expect(refusal(work.path, 'sweep')).toMatch(/give either a configuration, or --resume/)
    expect(refusal(work.path, 'sweep', 's.yaml')).toMatch(/say by --output where the runs go/)
    expect(refusal(work.path, 'sweep', 'status', 'nowhere')).toMatch(/'nowhere' holds no sweep/)
    expect(refusal(work.path, 'sweep', 'wrong.yaml', '-o', 'wrong')).toMatch(
      /^teleport: wrong\.yaml:4 .*training\.optimizer\.lr/,
    )
    expect(fs.existsSync(at('wrong'))).toBe(false)
  })
})

describe.runIf(process.platform === 'linux')('teleport sweep, interrupted', () => {
  it('by Ctrl-C finishes the steps and goes on later as if nothing had been; a second one ends at once', async () => {
    write('long.yaml', LONG)
    const second = start('long.yaml', '-o', 'long', '--processes', '2', '--json')
    const pids = await stopped('long')
    const half = json(work.path, 'sweep', 'status', 'long')
    expect(half).toMatchObject({ folder: 'long', runs: 2, done: 0, running: 2, failed: 0, left: 0 })
    expect((half['active'] as { pid: number }[]).map(({ pid }) => pid).sort()).toEqual([...pids].sort())
    const text = teleport(work.path, 'sweep', 'status', 'long').stdout
    expect(text).toMatch(
      /\nrunning +epochs +process\n([0-9a-f]{16} +\d+ {2}\d+ on \S+ {2}teleportation \w+, seed 1\n){2}$/,
    )

    // The processes cannot finish their steps while they are stopped.
    second.kill('SIGINT')
    await setTimeout(500)
    second.kill('SIGINT')
    const atOnce = await second.ended
    expect(atOnce).toMatchObject({ status: 130, stdout: '' })

    const first = start('--resume', 'long', '--processes', '2')
    const again = await stopped('long', pids)
    first.kill('SIGINT')
    for (const pid of again) process.kill(pid, 'SIGCONT')
    const { status, stdout, stderr } = await first.ended
    expect(status).toBe(130)
    expect(stderr).toBe('finishing the steps and writing checkpoints; once more to stop at once\n')
    expect(stdout).toMatch(/^long: 2 runs\n(.*\n)*interrupted; go on with: teleport sweep --resume long\n$/)
    expect(json(work.path, 'sweep', 'status', 'long')).toMatchObject({ done: 0, running: 0, failed: 0, left: 2 })
    for (const { id } of sweepIn('long').runs)
      expect(fs.readdirSync(at('long/runs', id)).filter((name) => name.startsWith('lock'))).toEqual([])

    expect(teleport(work.path, 'sweep', '--resume', 'long').status).toBe(0)
    expect(teleport(work.path, 'sweep', 'long.yaml', '-o', 'whole').status).toBe(0)
    expect(outcomesIn('long')).toEqual(outcomesIn('whole'))
    // It starts fifteen processes.
  }, 300_000)
})

describe('the program of a task on Slurm, built', () => {
  it('does its runs', async () => {
    const { runs } = sweepIn('first')
    const record = { name: 'job', runsFolder: at('tasks'), tasks: [[runs[0]!]], threads: 1, idleRequeues: 0, over: [] }
    fs.mkdirSync(at('tasks/.slurm/job'), { recursive: true })
    writeRecord(record)
    const program = path.join(path.dirname(BINARY), '../sweeps/slurm-task-main.js')
    const child = spawn(process.execPath, [program, at('tasks/.slurm/job.json'), '0'])
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(outcomes([runs[0]!], at('tasks'))).toEqual(outcomes([runs[0]!], at('first/runs')))
  })
})
