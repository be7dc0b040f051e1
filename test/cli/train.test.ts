import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { readMetrics } from '../../src/runs/metrics.js'
import { BINARY, fixture, json, refusal, teleport, temporaryFolder } from './run.js'
import { CONFIG } from '../support/run-config.js'

const work = temporaryFolder()
const at = (...parts: readonly string[]) => path.join(work.path, ...parts)

function config(name: string, text = CONFIG): string {
  writeFileSync(at(name), text)
  return name
}

/** Metrics but times, and the bytes of the final network. */
function outcome(folder: string) {
  return {
    metrics: readMetrics(at(folder, 'metrics.jsonl')).map(({ seconds: _, ...rest }) => rest),
    model: existsSync(at(folder, 'model.onnx')) ? readFileSync(at(folder, 'model.onnx')).toString('base64') : 'none',
  }
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts it, and does something to it: `when` is called after everything that it says, and every few milliseconds. */
function started(
  args: readonly string[],
  when: (said: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BINARY, 'train', ...args], { cwd: work.path })
    let [stdout, stderr] = ['', '']
    const look = () => when(stdout + stderr, (signal) => child.kill(signal))
    child.stdout.on('data', (data: Buffer) => ((stdout += data.toString()), look()))
    child.stderr.on('data', (data: Buffer) => ((stderr += data.toString()), look()))
    const timer = setInterval(look, 5)
    child.on('close', (status) => {
      clearInterval(timer)
      resolve({ status, stdout, stderr })
    })
  })
}

describe('teleport train', () => {
  it('trains, and leaves a folder with all that is to be known', () => {
    config('plain.yaml')
    const { status, stdout, stderr } = teleport(work.path, 'train', 'plain.yaml')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[1]).toMatch(
      /^epoch 2: loss \d\.\d{4}, [\d.]+ %; validation [\d.]+, [\d.]+ %; lr 0.01; .*teleported before it \(random inter 0.9, seed \d+, scope full, momentum transport: 48 neurons\)$/,
    )
    expect(lines[3]).toBe('finished; the network is in runs/plain/model.onnx')
    expect(readdirSync(at('runs/plain')).sort()).toEqual([
      'checkpoints',
      'config.yaml',
      'metrics.jsonl',
      'model.onnx',
      'run.json',
      'tensorboard',
    ])
    expect(readFileSync(at('runs/plain/config.yaml'), 'utf8')).toBe(CONFIG)
    expect(readdirSync(at('runs/plain/checkpoints'))).toEqual(['epoch-0002-batch-000004', 'epoch-0003'])
    expect(JSON.parse(readFileSync(at('runs/plain/run.json'), 'utf8'))).toMatchObject({
      seed: 3,
      threads: 1,
      versions: {
        'neural-teleportation': expect.any(String) as string,
        'onnxruntime-node': expect.any(String) as string,
      },
      machine: { cores: expect.any(Number) as number },
      configuration: at('plain.yaml'),
    })
    expect(readMetrics(at('runs/plain/metrics.jsonl')).map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 6],
      [2, 12],
      [3, 18],
    ])
    // An ordinary model: the other commands take it.
    expect(teleport(work.path, 'verify', 'runs/plain/model.onnx', 'runs/plain/model.onnx').status).toBe(0)
    expect(json(work.path, 'inspect', 'runs/plain/model.onnx')).toMatchObject({ coverage: 1 })
  })

  it('prints one JSON object with --json, and the epochs elsewhere', () => {
    config('json.yaml')
    const { status, stdout, stderr } = teleport(work.path, 'train', 'json.yaml', '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ended: 'finished',
      folder: 'runs/json',
      epochs: [{ epoch: 1 }, { epoch: 2 }, { epoch: 3 }],
    })
    expect(stderr.trim().split('\n')).toHaveLength(3)
    expect(teleport(work.path, 'train', 'json.yaml', '-o', 'quiet', '--json', '--quiet')).toMatchObject({
      status: 0,
      stderr: '',
    })
    // Same seed, same number of threads: same losses, bit for bit.
    expect(outcome('quiet')).toEqual(outcome('runs/json'))
    // A run that is finished has nothing to do.
    expect(json(work.path, 'train', '--resume', 'quiet', '--quiet')).toMatchObject({ ended: 'finished' })
    expect(outcome('quiet')).toEqual(outcome('runs/json'))
  })

  it('killed at any moment goes on as if nothing had been', async () => {
    config('kill.yaml', CONFIG.replace('epochs: 3', 'epochs: 5'))
    expect(teleport(work.path, 'train', 'kill.yaml', '-o', 'whole').status).toBe(0)
    let kills = 0
    for (let status: number | null = null; status !== 0; kills += Number(status === null)) {
      const begun = existsSync(at('killed/config.yaml'))
      const before = JSON.stringify(listing('killed'))
      // As soon as there is a folder, at a checkpoint, or on the way to the next; in the end let it finish.
      const changes = kills % 4
      let seen = 0
      const args = begun ? ['--resume', 'killed'] : ['kill.yaml', '-o', 'killed']
      ;({ status } = await started(args, (_, kill) => {
        if (kills < 5 && JSON.stringify(listing('killed')) !== before && ++seen > changes) kill('SIGKILL')
      }))
      expect(status === null || status === 0).toBe(true)
      const lines = existsSync(at('killed/metrics.jsonl')) ? readFileSync(at('killed/metrics.jsonl'), 'utf8') : ''
      for (const line of lines.split('\n').slice(0, -1)) expect(() => JSON.parse(line) as unknown).not.toThrow()
    }
    expect(kills).toBeGreaterThan(2)
    expect(outcome('killed')).toEqual(outcome('whole'))
    expect(readdirSync(at('killed/checkpoints')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  function listing(folder: string): readonly string[] {
    try {
      return readdirSync(at(folder, 'checkpoints'))
    } catch {
      return existsSync(at(folder, 'config.yaml')) ? ['begun'] : []
    }
  }

  it('uses no checkpoint that is damaged, nor what a killed process left of one', () => {
    cpSync(at('runs/plain'), at('damaged'), { recursive: true })
    rmSync(at('damaged/model.onnx'))
    const broken = at('damaged/checkpoints/epoch-0003')
    cpSync(broken, at('damaged/checkpoints/.epoch-0004.new'), { recursive: true })
    truncateSync(path.join(broken, 'model.onnx'), 1000)
    const { status, stderr } = teleport(work.path, 'train', '--resume', 'damaged')
    expect(stderr).toMatch(
      /^warning: 'damaged\/checkpoints\/epoch-0003' is not a whole checkpoint: [^\n]*; the run goes on from what was before it[^\n]*\n$/,
    )
    expect(status).toBe(0)
    expect(outcome('damaged')).toEqual(outcome('runs/plain'))
  })

  it('ends on Ctrl-C after the step, with a checkpoint, and says how to go on', async () => {
    config('long.yaml', CONFIG.replace('epochs: 3', 'epochs: 2000'))
    let sent = false
    const stop = (signal: NodeJS.Signals) => (said: string, kill: (signal: NodeJS.Signals) => void) => {
      if (!sent && said.includes('epoch 2:')) kill(signal)
      if (said.includes('epoch 2:')) sent = true
    }
    const interrupted = await started(['long.yaml', '-o', 'long run'], stop('SIGINT'))
    expect(interrupted.status).toBe(130)
    expect(interrupted.stderr).toBe('finishing the step and writing a checkpoint; once more to stop at once\n')
    expect(interrupted.stdout.trim().split('\n').at(-1)).toBe(
      "interrupted; go on with: teleport train --resume 'long run'",
    )
    expect(readdirSync(at('long run/checkpoints')).length).toBe(2)
    expect(readdirSync(at('long run')).filter((name) => name.startsWith('lock'))).toEqual([])
    expect(existsSync(at('long run/model.onnx'))).toBe(false)

    // The whole folder: edit it to end soon, and it does.
    writeFileSync(at('long run/config.yaml'), readFileSync(at('long run/config.yaml'), 'utf8').replace('2000', '1000'))
    sent = false
    const terminated = await started(['--resume', 'long run', '--json'], (said, kill) => {
      if (!sent && /epoch \d+:/.test(said)) kill('SIGTERM')
      if (/epoch \d+:/.test(said)) sent = true
    })
    expect(terminated.status).toBe(143)
    expect(JSON.parse(terminated.stdout)).toMatchObject({
      ended: 'interrupted',
      resume: "teleport train --resume 'long run'",
    })
    // A second time ends at once, and still the run can go on.
    const twice = await started(['--resume', 'long run'], (said, kill) => {
      if (/epoch \d+:/.test(said)) kill('SIGINT')
    })
    expect(twice.status).toBe(130)
  })

  it('has a folder to itself', async () => {
    let second = ''
    const first = await started(['--resume', 'long run'], (said, kill) => {
      if (second === '' && /epoch \d+:/.test(said)) {
        second = teleport(work.path, 'train', '--resume', 'long run').stderr
        kill('SIGKILL')
      }
    })
    expect(first.status).toBe(null)
    expect(second).toMatch(/^teleport: 'long run': process \d+ is training this run; wait for it, or stop it\n$/)
    expect(readdirSync(at('long run')).filter((name) => name.startsWith('lock'))).toHaveLength(1)
    // The lock of a process that is gone keeps nobody out.
    const third = await started(['--resume', 'long run'], (said, kill) => {
      if (/epoch \d+:/.test(said)) kill('SIGINT')
    })
    expect(third.status).toBe(130)
    expect(readdirSync(at('long run')).filter((name) => name.startsWith('lock'))).toEqual([])
  })

  it('fine-tunes a network that PyTorch exported', () => {
    mkdirSync(at('deep'))
    cpSync(fixture('resnet.onnx'), at('deep/pretrained.onnx'))
    const text = `data: { name: random, shape: [3, 16, 16], training: 64, validation: 16, classes: 10 }
model: { file: pretrained.onnx }
training: { epochs: 2, batchSize: 16, optimizer: { name: sgd, lr: 0.01, momentum: 0.9 }, frozen: [conv1.*] }
teleportations: [{ epoch: 1, kind: random }]
`
    config('deep/tune.yaml', text)
    expect(json(work.path, 'train', 'deep/tune.yaml', '-o', 'tuned', '--quiet')).toMatchObject({ ended: 'finished' })
    // A copy is kept: the run goes on, and begins again, without the original.
    rmSync(at('deep'), { recursive: true })
    const expected = outcome('tuned')
    rmSync(at('tuned/checkpoints'), { recursive: true })
    expect(json(work.path, 'train', '--resume', 'tuned', '--quiet')).toMatchObject({ ended: 'finished' })
    expect(outcome('tuned')).toEqual(expected)
    const { distance } = json(work.path, 'inspect', 'tuned/model.onnx') as { distance?: unknown }
    expect(distance).toBeUndefined()
  })
})

describe('teleport train refuses in one line, and writes nothing:', () => {
  it('a wrong configuration', () => {
    config('wrong.yaml', `${CONFIG}sed: 1\n`)
    expect(refusal(work.path, 'train', 'wrong.yaml')).toBe("teleport: wrong.yaml:12: there is no setting 'sed'")
    expect(existsSync(at('runs/wrong'))).toBe(false)
  })

  it('a CoB of another network', () => {
    config('wrong.yaml', CONFIG.replace('kind: random, sampling: inter', 'kind: given, cob: other.safetensors'))
    expect(
      teleport(work.path, 'apply', fixture('vgg.onnx'), '-o', 'moved.onnx', '--save-cob', 'other.safetensors').status,
    ).toBe(0)
    expect(refusal(work.path, 'train', 'wrong.yaml')).toMatch(
      /wrong\.yaml:8: 'other\.safetensors' does not fit the network: the CoB has a vertex '[^']*' that the model has not/,
    )
    expect(existsSync(at('runs/wrong'))).toBe(false)
  })

  it('wrong usage', () => {
    expect(refusal(work.path, 'train')).toMatch(/give either a configuration, or --resume/)
    expect(refusal(work.path, 'train', 'plain.yaml', '--resume', 'runs/plain')).toMatch(/give either/)
    expect(refusal(work.path, 'train', '--resume', 'runs/plain', '-o', 'x')).toMatch(/--output is for a new run/)
    expect(refusal(work.path, 'train', '--resume', 'nowhere')).toMatch(/'nowhere' holds no run/)
    expect(refusal(work.path, 'train', 'none.yaml')).toMatch(/cannot read 'none\.yaml'/)
    expect(refusal(work.path, 'train', 'plain.yaml')).toMatch(
      /'runs\/plain' holds a run already; go on with it by --resume runs\/plain/,
    )
    expect(refusal(work.path, 'train', 'plain.yaml', '-o', 'plain.yaml')).toMatch(/it is a file; expected a folder/)
  })

  it('with exit status 1 where training diverges, and keeps what was before', () => {
    config('diverge.yaml', CONFIG.replace('{ name: adam, lr: 0.01 }', '{ name: sgd, lr: 1.0e+39 }'))
    const { status, stdout, stderr } = teleport(work.path, 'train', 'diverge.yaml')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^teleport: training diverged: the loss is (NaN|Infinity|-Infinity) \(epoch 1, step \d+, learning rate 1e\+39\); use a smaller learning rate[^\n]*\n$/,
    )
  })

  it('but has help with an example that works', () => {
    const { status, stdout } = teleport(work.path, 'train', '--help')
    expect(status).toBe(0)
    const example = /A configuration:\n((?: {2}.*\n)+)/.exec(stdout)?.[1] ?? ''
    const text = example
      .replace(/^ {2}/gm, '')
      .replace('name: cifar10', 'name: random, training: 256, validation: 64')
      .replace('epochs: 10', 'epochs: 1')
    config('example.yaml', text)
    const { status: done } = spawnSync(process.execPath, [BINARY, 'train', 'example.yaml', '--quiet'], {
      cwd: work.path,
    })
    expect(done).toBe(0)
  })
})
