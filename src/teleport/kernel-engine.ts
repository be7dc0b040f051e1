import type { FloatDType } from '../graph/dtype.js'

/**
 * Sizes of an engine's scratch memory. Together they stay within a cache; smaller blocks would too, but a copy between memory
 * and cache is the faster the longer it is.
 */
export const BLOCK_BYTES = 1048576
export const ROW_FACTORS = 2048
export const COLUMN_FACTORS = 65536

/** What scales one block of a tensor, at most BLOCK_BYTES: loaded into the engine's own memory, scaled there, stored. */
export interface Engine {
  /** ROW_FACTORS doubles. */
  readonly rows: Float64Array
  /** COLUMN_FACTORS doubles. */
  readonly columns: Float64Array
  /** Takes in a block, little-endian, that is to be stored at the offset `to` of some buffer: it matters to the copies' speed. */
  load(block: Uint8Array, to: number): void
  /**
   * block[r][j] = round_to_dtype(block[r][j] * (rows[r] * columns[firstColumn + j])) in double, rounded once, to nearest, ties
   * to even. A NaN stays a NaN: in the two half formats the positive quiet one, in the others whichever the processor gives.
   */
  scale(dtype: FloatDType, rowCount: number, rowLength: number, firstColumn: number): void
  /** Writes the first `length` bytes of the block into `target` from `at` on. */
  store(target: Uint8Array, at: number, length: number): void
}
