import type { FloatDType } from '../graph/dtype.js'

/** Sizes of an engine's scratch memory. The data and its factors stay in a core's own cache while they are worked on. */
export const DATA_BYTES = 32768
export const ROW_FACTORS = 2048
export const COLUMN_FACTORS = 65536

/**
 * What scales one block of a tensor. The block lies in the engine's own scratch memory, which is aligned and never moves:
 * callers copy a block in, let it be scaled in place, and copy it out.
 */
export interface Engine {
  /** DATA_BYTES bytes: the block, rows of `rowLength` elements one after the other, little-endian. */
  readonly data: Uint8Array
  /** ROW_FACTORS doubles. */
  readonly rows: Float64Array
  /** COLUMN_FACTORS doubles. */
  readonly columns: Float64Array
  /**
   * data[r][j] = round_to_dtype(data[r][j] * (rows[r] * columns[firstColumn + j])) in double, rounded once, to nearest, ties
   * to even. A NaN stays a NaN: in the two half formats the positive quiet one, in the others whichever the processor gives.
   */
  scale(dtype: FloatDType, rowCount: number, rowLength: number, firstColumn: number): void
}
