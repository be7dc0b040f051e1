import { type FloatDType, bitsOf } from '../graph/dtype.js'
import { BLOCK_BYTES, COLUMN_FACTORS, ROW_FACTORS, type Engine } from './kernel-engine.js'
import { createJsEngine } from './kernel-js.js'
import { createWasmEngine } from './kernel-wasm.js'

/**
 * A factor for every element of a tensor of shape [rows, columns, inner]: with e = (r · columns + c) · inner + k, element e is
 * scaled by rows[r] · cols[⌊r / rowsPerGroup⌋ · columns + c]. A grouped convolution's weight has a set of columns per group
 * of rows; everything else has one group, of all rows.
 */
export interface Scaling {
  readonly rows: Float64Array
  /** `columns` factors for each group, one group after the other. */
  readonly cols: Float64Array
  readonly columns: number
  readonly inner: number
  readonly rowsPerGroup: number
}

let engine: Engine | undefined

/** The fastest engine that works here, made at first use. */
export function defaultEngine(): Engine {
  return (engine ??= createWasmEngine() ?? createJsEngine())
}

/**
 * target[i] = round_to_dtype(source[i] · (row factor · column factor)), in double, rounded once, for the elements from
 * `firstElement` of the tensor on, as many as `source` holds. Little-endian; neither array needs to be aligned; they may be
 * the same bytes, but must not overlap otherwise.
 * @throws RangeError if lengths disagree or the elements are not all within the tensor
 */
export function scaleElements(
  dtype: FloatDType,
  source: Uint8Array,
  target: Uint8Array,
  firstElement: number,
  scaling: Scaling,
  engine: Engine = defaultEngine(),
): void {
  const elementBytes = bitsOf(dtype) / 8
  const count = source.length / elementBytes
  check(source.length, target.length, count, firstElement, scaling)
  if (count === 0) return
  const capacity = BLOCK_BYTES / elementBytes
  const matrix = matrixOf(scaling)
  const { rowLength } = matrix
  const columns = new ColumnWindow(engine.columns, matrix)
  let row = Math.floor(firstElement / rowLength)
  let column = firstElement % rowLength
  for (let done = 0; done < count;) {
    const left = count - done
    const wholeRows = column === 0 && rowLength <= Math.min(left, capacity, COLUMN_FACTORS)
    const rowCount = wholeRows
      ? Math.min(Math.floor(Math.min(left, capacity) / rowLength), ROW_FACTORS, matrix.rowsAlike(row))
      : 1
    const length = Math.min(rowLength - column, left, capacity, COLUMN_FACTORS)
    const firstColumn = columns.find(row, column, length, Math.min(rowLength - column, left))
    matrix.fillRows(engine.rows, row, rowCount)
    const bytes = rowCount * length * elementBytes
    const at = done * elementBytes
    engine.load(source.subarray(at, at + bytes), target.byteOffset + at)
    engine.scale(dtype, rowCount, length, firstColumn)
    engine.store(target, at, bytes)
    done += rowCount * length
    column += length
    if (column >= rowLength) {
      column = 0
      row += rowCount
    }
  }
}

function check(sourceBytes: number, targetBytes: number, count: number, firstElement: number, scaling: Scaling): void {
  const { rows, cols, columns, inner, rowsPerGroup } = scaling
  if (sourceBytes !== targetBytes) throw new RangeError(`scaling ${sourceBytes} bytes into ${targetBytes}`)
  if (!Number.isInteger(count)) throw new RangeError(`${sourceBytes} bytes to scale are not whole elements`)
  const size = rows.length * columns * inner
  if (!Number.isInteger(firstElement)) throw new RangeError(`element ${firstElement} is not a whole one`)
  if (firstElement < 0 || firstElement + count > size)
    throw new RangeError(
      `elements ${firstElement} to ${firstElement + count} are not within a tensor of ${size} elements`,
    )
  const groups = Math.ceil(rows.length / rowsPerGroup)
  if (cols.length < groups * columns)
    throw new RangeError(`${groups} × ${columns} column factors needed, got ${cols.length}`)
}

/**
 * A tensor as the engine sees it: rows of `rowLength` elements, a factor for every row and, within a group of rows, for every
 * element of a row. All products that this leads to are of the same two factors, at most times 1.
 */
interface Matrix {
  readonly rowLength: number
  /** Rows from `row` on, itself included, that share its column factors. */
  rowsAlike(row: number): number
  fillRows(to: Float64Array, row: number, count: number): void
  /** Which rows share column factors: those with the same number. */
  groupOf(row: number): number
  fillColumns(to: Float64Array, group: number, column: number, count: number): void
}

/** From here on a run of elements with one factor is worth a row of its own. */
const LONG_RUN = 32

function matrixOf(scaling: Scaling): Matrix {
  const { columns, inner } = scaling
  if (columns === 1 && inner === 1) return vectorMatrix(scaling)
  if (columns === 1 || inner >= LONG_RUN) return runMatrix(scaling)
  return plainMatrix(scaling)
}

/** A row for each of `rows`, each column's factor repeated `inner` times. */
function plainMatrix({ rows, cols, columns, inner, rowsPerGroup }: Scaling): Matrix {
  return {
    rowLength: columns * inner,
    rowsAlike: (row) => rowsPerGroup - (row % rowsPerGroup),
    fillRows: (to, row, count) => copyInto(to, rows, row, count),
    groupOf: (row) => Math.floor(row / rowsPerGroup),
    fillColumns(to, group, column, count) {
      if (inner === 1) return copyInto(to, cols, group * columns + column, count)
      let c = group * columns + Math.floor(column / inner)
      let k = column % inner
      for (let i = 0; i < count; c++, k = 0) {
        const factor = cols[c] as number
        for (const end = Math.min(i + inner - k, count); i < end; i++) to[i] = factor
      }
    },
  }
}

/** A row for each pair of a row and a column, its elements alike. */
function runMatrix({ rows, cols, columns, inner, rowsPerGroup }: Scaling): Matrix {
  return {
    rowLength: inner,
    rowsAlike: () => Infinity,
    fillRows(to, row, count) {
      let r = Math.floor(row / columns)
      let c = row % columns
      for (let i = 0; i < count; i++) {
        to[i] = (rows[r] as number) * (cols[Math.floor(r / rowsPerGroup) * columns + c] as number)
        if (++c === columns) {
          c = 0
          r++
        }
      }
    },
    groupOf: () => 0,
    fillColumns: (to, _, __, count) => to.fill(1, 0, count),
  }
}

/** A single row, for a bias and the like. */
function vectorMatrix({ rows, cols, rowsPerGroup }: Scaling): Matrix {
  return {
    rowLength: rows.length,
    rowsAlike: () => 1,
    fillRows: (to) => to.fill(1, 0, 1),
    groupOf: () => 0,
    fillColumns(to, _, column, count) {
      for (let i = 0; i < count;) {
        const group = Math.floor((column + i) / rowsPerGroup)
        const factor = cols[group] as number
        for (const end = Math.min((group + 1) * rowsPerGroup - column, count); i < end; i++) {
          to[i] = (rows[column + i] as number) * factor
        }
      }
    },
  }
}

function copyInto(to: Float64Array, from: Float64Array, first: number, count: number): void {
  to.set(from.subarray(first, first + count))
}

/** The column factors that lie in the engine's memory, filled anew only when others are asked for. */
class ColumnWindow {
  #group = -1
  #start = 0
  #end = 0
  readonly #factors: Float64Array
  readonly #matrix: Matrix
  constructor(factors: Float64Array, matrix: Matrix) {
    this.#factors = factors
    this.#matrix = matrix
  }

  /** Where in the engine's memory `count` factors from `column` on lie, of which the next `soon` will be asked for in turn. */
  find(row: number, column: number, count: number, soon: number): number {
    const group = this.#matrix.groupOf(row)
    if (group !== this.#group || column < this.#start || column + count > this.#end) {
      const length = Math.min(soon, COLUMN_FACTORS)
      this.#matrix.fillColumns(this.#factors, group, column, length)
      this.#group = group
      this.#start = column
      this.#end = column + length
    }
    return column - this.#start
  }
}
