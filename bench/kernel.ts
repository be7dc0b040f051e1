import { type FloatDType, bitsOf } from '../src/graph/dtype.js'
import type { Engine } from '../src/teleport/kernel-engine.js'
import { createJsEngine } from '../src/teleport/kernel-js.js'
import { createWasmEngine } from '../src/teleport/kernel-wasm.js'
import { type Scaling, scaleElements } from '../src/teleport/kernel.js'
import { inTurns, milliseconds } from './measure.js'
import { type Benchmark, median, type Section } from './report.js'

const ROUNDS = 7
/** Weights in a turn. */
const COUNT = 2e7
/** Weights that are scaled at a time. */
const PIECE = 1e6
const COLUMNS = 1000

function factors(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => 0.1 + 1.8 * ((i * 0.6180339887) % 1))
}

/** Scale a matrix of `COUNT` weights, piece after piece in the same memory. */
function scaling(dtype: FloatDType, engine: Engine): () => number {
  const rows = COUNT / COLUMNS
  const scaling: Scaling = {
    rows: factors(rows),
    cols: factors(COLUMNS),
    columns: COLUMNS,
    inner: 1,
    rowsPerGroup: rows,
  }
  const bytes = (PIECE * bitsOf(dtype)) / 8
  const source = new Uint8Array(bytes).fill(60)
  const target = new Uint8Array(bytes).fill(1)
  return () =>
    milliseconds(() => {
      for (let first = 0; first < COUNT; first += PIECE) scaleElements(dtype, source, target, first, scaling, engine)
    })
}

function copying(dtype: FloatDType): () => number {
  const bytes = (PIECE * bitsOf(dtype)) / 8
  const source = Buffer.alloc(bytes, 60)
  const target = Buffer.alloc(bytes, 1)
  return () =>
    milliseconds(() => {
      for (let first = 0; first < COUNT; first += PIECE) source.copy(target)
    })
}

/** The multiplication alone, for each type and engine. */
export const kernel: Benchmark = {
  name: 'kernel',
  run(): Section {
    const dtypes = ['float32', 'float64', 'float16', 'bfloat16'] as const
    const engines = [createWasmEngine(), createJsEngine()].filter((engine) => engine !== undefined)
    const perWeight = (times: readonly number[] = []): string => {
      const costs = times.map((time) => (time * 1e6) / COUNT)
      return `${median(costs).toFixed(2)} (${Math.min(...costs).toFixed(2)}–${Math.max(...costs).toFixed(2)})`
    }
    const rows = dtypes.map((dtype) => {
      const acts = [copying(dtype), ...engines.map((engine) => scaling(dtype, engine))]
      return [dtype, ...inTurns(ROUNDS, acts).map(perWeight)]
    })
    const names = engines.length === 2 ? ['WebAssembly', 'JavaScript'] : ['JavaScript']
    return {
      title: 'The multiplication alone',
      how: `Nanoseconds per weight, ${COUNT / 1e6} million weights in pieces of a million that stay in memory: median (min–max) of ${ROUNDS}
rounds. Products are formed in double and rounded once. JavaScript takes the place of WebAssembly where its vectors are missing.`,
      tables: [{ columns: ['type', '`Buffer.copy`', ...names], rows }],
    }
  },
}
