import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Conversation } from './conversation.js'
import { inFolder } from './process.js'
import { type Benchmark, median, type Section, type Table } from './report.js'
import { ourProcess, turns } from './training.js'
import type { NetworkName } from './training-networks.js'

const ROUNDS = 5
/** About how long one turn of the program beside ours is to last, in milliseconds. */
const TURN = 3000
/** Where a step takes longer than this, in milliseconds, there is one round. */
const SLOW = 20_000
const MOST_STEPS = 20
const LOSSES = 3
/** How long the first losses may take, in milliseconds. */
const LIMIT = 300_000
/** How far a loss may be from ours, relatively, to be that of the same step. */
const SAME = 1e-4

const FOLDER = fileURLToPath(new URL('peer/js/', import.meta.url))

interface Case {
  readonly network: NetworkName
  readonly title: string
  readonly batch: number
}

const CASES: readonly Case[] = [
  { network: 'mlp', title: 'MLP 5×500', batch: 256 },
  // Of 64 images a step would take some of them minutes.
  { network: 'resnet18', title: 'ResNet-18', batch: 4 },
]

interface Peer {
  readonly library: string
  readonly script: string
  readonly backend: string
  /** The npm package without which it cannot run. */
  readonly needs: string
}

const PEERS: readonly Peer[] = [
  { library: 'TensorFlow.js', script: 'tfjs.mjs', backend: 'cpu', needs: '@tensorflow/tfjs' },
  { library: 'TensorFlow.js', script: 'tfjs.mjs', backend: 'wasm', needs: '@tensorflow/tfjs-backend-wasm' },
  { library: 'TensorFlow.js', script: 'tfjs.mjs', backend: 'tensorflow', needs: '@tensorflow/tfjs-node' },
  { library: 'jax-js', script: 'jax.mjs', backend: 'wasm', needs: '@jax-js/jax' },
]

function versionOf(packageName: string): string | undefined {
  const file = path.join(FOLDER, 'node_modules', packageName, 'package.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version : undefined
}

interface Measured {
  /** Milliseconds of a step, by rounds. */
  readonly peer: readonly number[]
  readonly ours: readonly number[]
  readonly oursAlone: readonly number[]
  /** The largest difference of a loss from ours, relative to the first loss. */
  readonly difference: number
}

/** @returns why it cannot do the step, if it cannot */
async function measure(
  { network, batch }: Case,
  { script, backend }: Peer,
  rounds: number,
): Promise<Measured | string> {
  return await inFolder(async (folder) => {
    const file = path.join(folder, 'weights.safetensors')
    const own = (threads: number) =>
      ourProcess(network, '--batch', `${batch}`, '--threads', `${threads}`, '--save', file)
    const programs: Conversation[] = []
    const started = async (program: Conversation): Promise<Conversation> => {
      programs.push(program)
      await program.hear()
      return program
    }
    try {
      const ours = await started(own(2))
      const oursAlone = await started(own(1))
      const peer = await started(
        new Conversation(process.execPath, [path.join(FOLDER, script), backend, network, file]),
      )
      const losses = await peer.ask<readonly number[] | { readonly failed: string }>(`losses ${LOSSES}`, LIMIT)
      if ('failed' in losses) return losses.failed
      const expected = await ours.ask<readonly number[]>(`losses ${LOSSES}`)
      // Steps with few images bring the loss down fast, and rounding does not shrink with it.
      const scale = Math.abs(expected[0] ?? NaN)
      const difference = Math.max(...expected.map((loss, i) => Math.abs((losses[i] ?? NaN) - loss) / scale))
      if (!(difference <= SAME)) return `another loss than ours: ${losses.join(', ')} instead of ${expected.join(', ')}`
      const [first = NaN] = await peer.ask<readonly number[]>('run 1')
      const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(TURN / first)))
      const [a = [], b = [], c = []] = await turns([ours, oursAlone, peer], first > SLOW ? 1 : rounds, steps)
      return { ours: a, oursAlone: b, peer: c, difference }
    } catch (error) {
      return error instanceof Error ? lastLine(error.message) : String(error)
    } finally {
      for (const program of programs) await program.end()
    }
  })
}

/** Of what a program said before it ended, the error itself. */
function lastLine(text: string): string {
  return text.split('\n').find((line) => line.includes('Error')) ?? text
}

function ratio(times: readonly number[], others: readonly number[]): string {
  const values = times.map((time, round) => time / (others[round] ?? NaN))
  return `${median(values).toPrecision(2)} (${Math.min(...values).toPrecision(2)}–${Math.max(...values).toPrecision(2)})`
}

function row({ title, batch }: Case, { library, backend }: Peer, measured: Measured | string): string[] {
  const head = [title, String(batch), `${library}, ${backend}`]
  if (typeof measured === 'string') return [...head, measured, '', '', '', '', '']
  const { peer, ours, oursAlone, difference } = measured
  return [
    ...head,
    median(peer).toFixed(0),
    median(ours).toFixed(0),
    ratio(ours, peer),
    ratio(oursAlone, peer),
    String(peer.length),
    difference.toExponential(0),
  ]
}

/** Steps of training beside those of libraries for JavaScript. */
export const javascript: Benchmark = {
  name: 'javascript',
  async run({ rounds = ROUNDS }): Promise<Section> {
    const rows: string[][] = []
    for (const network of CASES)
      for (const peer of PEERS) {
        const installed = versionOf(peer.needs) !== undefined
        rows.push(row(network, peer, installed ? await measure(network, peer, rounds) : 'not installed'))
      }
    const table: Table = {
      columns: [
        'network',
        'batch',
        'library, backend',
        'its step, ms',
        'ours, ms',
        'ours ÷ its',
        'ours, one thread ÷ its',
        'rounds',
        'loss differs by',
      ],
      rows,
    }
    return { title: 'Training steps beside other libraries for JavaScript', how: how(rounds), tables: [table] }
  },
}

function how(rounds: number): string {
  const versions = PEERS.map(({ needs }) => `${needs} ${versionOf(needs) ?? '(not installed)'}`).join(', ')
  return `The step of the section before, written for ${versions} (bench/peer/js), in Node. Each begins with our weights and our batch, and its first
${LOSSES} losses are compared with ours: the last column is the largest difference, relative to the first loss, and above ${SAME} nothing is measured. Ours works on two threads
and on one; without TensorFlow itself these libraries have only one in Node. Each program runs in a process of its own, and they take turns in up to ${rounds} rounds (one where a step takes
more than ${SLOW / 1000} s). Of ResNet-18 a step of few images, since with 64 some take minutes. \`npm ci --prefix bench/peer/js\` installs the libraries. @tensorflow/tfjs-node
fetches TensorFlow itself from a place of its own while it is installed, so it is not among them:
\`npm install --prefix bench/peer/js --no-save --ignore-scripts=false @tensorflow/tfjs-node@4.22.0\` adds it where that can be reached.`
}
