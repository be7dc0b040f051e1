/**
 * Steps of training of one network, as many as it is told to do, in a process of their own:
 *
 *     node --import tsx bench/training-process.ts NETWORK [--batch N] [--threads N] [--plain] [--derive] [--save FILE]
 *
 * Prints one line of JSON when it is ready, and obeys the same lines on stdin as bench/peer/train_step.py: `run N` does N steps and
 * answers with their times in milliseconds, `memory` answers with the peak of the process's resident memory and with what it was before
 * the network was made, in bytes. Besides, `losses N` does N steps and answers with their losses. `--plain` leaves the step as it was
 * derived, `--derive` ends when that is done, `--save` writes the weights and the batch to a safetensors file first.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { HostTensor, HostTensors } from '../src/index.js'
import type { TrainingStep } from '../src/train/step.js'
import type { TrainingBatch } from '../src/train/trainer.js'
import { BATCHES, type NetworkName, SETTINGS } from './training-networks.js'

const built = <T>(module: string): Promise<T> =>
  import(new URL(`../dist/${module}`, import.meta.url).href) as Promise<T>
const { cpuLowering } = await built<typeof import('../src/autodiff/lowering/lowering.js')>(
  'autodiff/lowering/lowering.js',
)
const { encodeSafetensors } = await built<typeof import('../src/graph/safetensors.js')>('graph/safetensors.js')
const { modelOf } = await built<typeof import('../src/models/registry.js')>('models/registry.js')
const { tensorOfHost } = await built<typeof import('../src/runtime/host.js')>('runtime/host.js')
const { nodeRuntime } = await built<typeof import('../src/runtime/node/session.js')>('runtime/node/session.js')
const { randomStream } = await built<typeof import('../src/teleport/random.js')>('teleport/random.js')
const { sgd } = await built<typeof import('../src/train/optimizer-sgd.js')>('train/optimizer-sgd.js')
const { openTrainer } = await built<typeof import('../src/train/runner.js')>('train/runner.js')
const { trainingStep } = await built<typeof import('../src/train/training-step.js')>('train/training-step.js')

/** What is printed when the process is ready. */
export interface Ready {
  readonly ready: string
  readonly batch: number
  readonly parameters: number
  /** Milliseconds of making the model, of deriving the step from it, and of handing it to the runtime. */
  readonly model: number
  readonly derive: number
  readonly open: number
  readonly nodes: number
}

/** Images of about the moments of normalised ones, and labels. */
function batchOf(size: number): { readonly x: HostTensor; readonly target: HostTensor } {
  const random = randomStream(1, 'images')
  const data = Float32Array.from({ length: size * 3 * 32 * 32 }, () => random.normal())
  const labels = BigInt64Array.from({ length: size }, (_, i) => BigInt((7 * i) % 10))
  return {
    x: { dtype: 'float32', dims: [size, 3, 32, 32], data },
    target: { dtype: 'int64', dims: [size], data: labels },
  }
}

/** Now, and at its highest; Linux's own account, since elsewhere the highest is at least that of the process which started this one. */
function residentMemory(): { readonly now: number; readonly peak: number } {
  const lines = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : ''
  const bytes = (name: string): number => Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(lines)?.[1]) * 1024
  return process.platform === 'linux'
    ? { now: bytes('VmRSS'), peak: bytes('VmHWM') }
    : { now: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * 1024 }
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** The step, with what is needed for `Ready`. */
function derived(network: NetworkName, batchSize: number, plain: boolean) {
  const modelStart = performance.now()
  const model = modelOf(network, { seed: 1, ...SETTINGS[network] })
  const deriveStart = performance.now()
  const optimizer = sgd({ lr: 0.01, momentum: 0.9, weightDecay: 5e-4 })
  const options = { loss: 'crossEntropy', optimizer, batchSize } as const
  const step = plain ? trainingStep(model, options) : trainingStep(model, options, cpuLowering)
  const derive = performance.now() - deriveStart
  return { step, times: { model: deriveStart - modelStart, derive } }
}

function parametersOf({ parameters }: TrainingStep): number {
  return parameters.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0)
}

function save(file: string, weights: HostTensors, { x, target }: TrainingBatch): void {
  const tensors = [...weights, ['x', x as HostTensor] as const, ['target', target] as const]
  writeFileSync(
    file,
    encodeSafetensors({ tensors: tensors.map(([name, tensor]) => tensorOfHost(name, tensor)), metadata: {} }),
  )
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      batch: { type: 'string' },
      threads: { type: 'string', default: '2' },
      plain: { type: 'boolean', default: false },
      derive: { type: 'boolean', default: false },
      save: { type: 'string' },
    },
  })
  const network = positionals[0] as NetworkName
  const batchSize = Number(values.batch ?? BATCHES[network])
  // As PyTorch's program has its library by then.
  await import('onnxruntime-node')
  const before = residentMemory().now
  const { step, times } = derived(network, batchSize, values.plain)
  const nodes = step.model.graph.nodes.length
  const ready = { ready: network, batch: batchSize, parameters: parametersOf(step), nodes, ...times }
  if (values.derive) return say({ ...ready, open: 0 } satisfies Ready)
  const openStart = performance.now()
  const trainer = await openTrainer(nodeRuntime, step, { threads: Number(values.threads) })
  const open = performance.now() - openStart
  const batch = batchOf(batchSize)
  if (values.save !== undefined) save(values.save, trainer.weights(), batch)
  say({ ...ready, open } satisfies Ready)
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, count] = line.split(' ')
    if (command === 'memory') {
      say({ peak: residentMemory().peak, before })
      continue
    }
    const results: number[] = []
    for (let i = 0; i < Number(count); i++) {
      const start = performance.now()
      const { loss } = await trainer.run(batch)
      results.push(command === 'losses' ? loss : performance.now() - start)
    }
    say(results)
  }
}

await main()
