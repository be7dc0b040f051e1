import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'

/** The tensors of a safetensors file of ours: by name their sizes and their numbers, float32 or (labels) int64. */
export function readTensors(file) {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, { dtype, shape, data_offsets: offsets }]) => {
        const [from, to] = offsets.map((offset) => bytes.byteOffset + 8 + length + offset)
        const buffer = bytes.buffer.slice(from, to)
        return [
          name,
          {
            shape,
            data: dtype === 'I64' ? Int32Array.from(new BigInt64Array(buffer), Number) : new Float32Array(buffer),
          },
        ]
      }),
  )
}

function resident(name) {
  return Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/**
 * Prints a line of JSON when the network is ready, and obeys lines on stdin as bench/peer/train_step.py does: `run N` does N steps and
 * answers with their times in milliseconds, `memory` with peak resident memory and with what there was before the network was made,
 * `losses N` does N steps and answers with their losses. A step that fails is answered with `{ "failed": WHY }`.
 *
 * @param start makes the network of the weights and the batch in the file that the command line names; gives what does one step
 *   and promises its loss
 */
export async function obey(start) {
  const [network, file] = process.argv.slice(-2)
  const before = process.platform === 'linux' ? resident('VmRSS') : undefined
  const step = await start(network, readTensors(file))
  say({ ready: network })
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, count] = line.split(' ')
    try {
      if (command === 'memory') say({ peak: resident('VmHWM'), before })
      else {
        const results = []
        for (let i = 0; i < Number(count); i++) {
          const from = performance.now()
          const loss = await step()
          results.push(command === 'losses' ? loss : performance.now() - from)
        }
        say(results)
      }
    } catch (error) {
      say({ failed: error instanceof Error ? error.message : String(error) })
    }
  }
}

/** torch.optim.SGD's settings in bench/peer/train_step.py. */
export const SGD = { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 }

/** The blocks of a ResNet-18: names as torchvision's, and strides. */
export const BLOCKS = [1, 2, 3, 4].flatMap((layer) =>
  [0, 1].map((block) => ({ name: `layer${layer}.${block}`, stride: layer > 1 && block === 0 ? 2 : 1 })),
)
