/**
 * How long it takes to scale weights, beside copying the same bytes with Buffer.copy, and whether the time for a weight
 * depends on how many there are. Needs 1.3 GB of memory for the first table, 20 MB for the others.
 *
 *     npx tsx bench/kernel.ts
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type FloatDType, bitsOf } from '../src/graph/dtype.js'
import { type Scaling, scaleElements } from '../src/teleport/kernel.js'

const ROUNDS = 7

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function print(...columns: string[]): void {
  process.stdout.write(`${columns.join(' ')}\n`)
}

function factors(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => 0.1 + 1.8 * ((i * 0.6180339887) % 1))
}

function scalingOf(rows: number, columns: number, inner: number): Scaling {
  return { rows: factors(rows), cols: factors(columns), columns, inner, rowsPerGroup: rows }
}

/** The shapes [rows, columns, inner] of VGG-16-bn's float32 tensors, with ten classes. */
function vgg16bn(): [number, number, number][] {
  const shapes: [number, number, number][] = []
  let channels = 3
  for (const width of [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]) {
    shapes.push([width, channels, 9])
    // The convolution's bias, and the normalisation's scale, bias, mean and variance.
    for (let i = 0; i < 5; i++) shapes.push([width, 1, 1])
    channels = width
  }
  for (const [rows, columns] of [
    [4096, 25088],
    [4096, 4096],
    [10, 4096],
  ] as const) {
    shapes.push([rows, columns, 1], [rows, 1, 1])
  }
  return shapes
}

interface Weights {
  readonly source: Buffer
  readonly scaling: Scaling
}

function makeWeights([rows, columns, inner]: [number, number, number]): Weights {
  const floats = Float32Array.from({ length: rows * columns * inner }, (_, i) => ((i * 0.7548776662) % 1) - 0.5)
  return { source: Buffer.from(floats.buffer), scaling: scalingOf(rows, columns, inner) }
}

function copy({ source }: Weights, target: Buffer): void {
  source.copy(target)
}

function scale({ source, scaling }: Weights, target: Buffer): void {
  scaleElements('float32', source, target, 0, scaling)
}

function milliseconds(act: () => void): number {
  const start = performance.now()
  act()
  return performance.now() - start
}

/** The least of each act's times, all acts in every round, so that a disturbance meets them alike. */
function leastTimes(acts: readonly (() => void)[]): number[] {
  const least = acts.map(() => Infinity)
  for (let round = 0; round < ROUNDS; round++) {
    acts.forEach((act, i) => {
      collectGarbage()
      least[i] = Math.min(least[i] as number, milliseconds(act))
    })
  }
  return least
}

function printRatios(): void {
  const weights = vgg16bn().map(makeWeights)
  const bytes = weights.reduce((sum, { source }) => sum + source.length, 0)
  print(`VGG-16-bn, ${(bytes / 4e6).toFixed(1)} M float32 weights; least of ${ROUNDS} rounds`)
  print('memory written   copy, ms   scale, ms   ratio   ns per weight')
  const printTimes = (name: string, [copied, scaled]: number[]): void => {
    const [c, s] = [copied as number, scaled as number]
    const columns = [c.toFixed(1).padStart(11), s.toFixed(1).padStart(11), (s / c).toFixed(2).padStart(7)]
    print(name.padEnd(14), ...columns, ((s * 4e6) / bytes).toFixed(2).padStart(15))
  }
  const inFresh = (act: typeof copy) => () => {
    // Each target is written once, and all live to the end, as the tensors of a teleported model do.
    const targets = weights.map((w) => {
      const target = Buffer.from(new ArrayBuffer(w.source.length))
      act(w, target)
      return target
    })
    if (targets.length !== weights.length) throw new Error('a target is missing')
  }
  printTimes('fresh', leastTimes([inFresh(copy), inFresh(scale)]))
  const targets = weights.map(({ source }) => Buffer.alloc(source.length, 1))
  const inWarm = (act: typeof copy) => () => weights.forEach((w, i) => act(w, targets[i] as Buffer))
  printTimes('warm', leastTimes([inWarm(copy), inWarm(scale)]))
}

/** Nanoseconds per weight of a matrix of `count` weights, streamed through buffers of a million. */
function streamed(dtype: FloatDType, count: number): number {
  const columns = 1000
  const piece = 1e6
  const bytes = (piece * bitsOf(dtype)) / 8
  const scaling = scalingOf(count / columns, columns, 1)
  const source = new Uint8Array(bytes).fill(60)
  const target = new Uint8Array(bytes).fill(1)
  const pass = (): void => {
    for (let first = 0; first < count; first += piece) scaleElements(dtype, source, target, first, scaling)
  }
  const repeats = count > 1e8 ? 1 : ROUNDS
  return (Math.min(...Array.from({ length: repeats }, () => milliseconds(pass))) * 1e6) / count
}

function printStreamed(): void {
  const counts = [1e6, 1e7, 1e8, 1e9]
  print('\nns per weight, streamed in pieces of a million')
  print('          ', ...counts.map((count) => `${count / 1e6} M`.padStart(8)))
  for (const dtype of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
    print(dtype.padEnd(10), ...counts.map((count) => streamed(dtype, count).toFixed(2).padStart(8)))
  }
}

printRatios()
collectGarbage()
printStreamed()
