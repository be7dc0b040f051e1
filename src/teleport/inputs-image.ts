import { sizeOf } from '../graph/tensor.js'
import type { Random } from './random.js'

export interface ImageTask {
  readonly dims: readonly number[]
  /** Position of the channel axis: 1, or the last. */
  readonly channelAxis: number
  readonly random: Random
  readonly sample: number
}

/**
 * What the samples look like, in deviations of a normalised image: the amplitudes of a coarse structure and of the grain, what is
 * added to all, and how far figures stand out. A page of figures, a picture within [0, 1], noise, figures on a bold picture.
 */
const PICTURES = [
  { coarse: 0.3, grain: 0.1, offset: 1, figures: -2.5 },
  { coarse: 0.2, grain: 0.05, offset: 0.5, figures: 0 },
  { coarse: 0.3, grain: 1, offset: 0, figures: 0 },
  { coarse: 1, grain: 0.1, offset: -0.5, figures: 2 },
] as const

/**
 * Draws a picture for every image of a batch and passes its elements to `write`. Networks average white noise away, and those that
 * look for something answer all noise alike: with zeros, or with numbers at the edge of what a sigmoid can express, which show
 * neither that two networks agree nor that they differ. So there is structure of eight pixels' size, and there are figures with
 * sharp edges, in rows like writing.
 */
export function drawImage(
  { dims, channelAxis, random, sample }: ImageTask,
  write: (at: number, value: number) => void,
): void {
  const picture = PICTURES[sample % PICTURES.length] ?? PICTURES[0]
  const rank = dims.length
  const channelsLast = channelAxis === rank - 1
  const height = dims[channelsLast ? rank - 3 : rank - 2] ?? 1
  const width = dims[channelsLast ? rank - 2 : rank - 1] ?? 1
  const channels = dims[channelAxis] ?? 1
  const step = channelsLast ? channels : 1
  const columns = Math.ceil(width / 8) + 2
  const grid = new Float64Array((Math.ceil(height / 8) + 2) * columns)
  const figures = new Uint8Array(height * width)
  const planes = sizeOf(dims) / (height * width)
  for (let plane = 0; plane < planes; plane++) {
    const base = channelsLast
      ? Math.floor(plane / step) * height * width * step + (plane % step)
      : plane * height * width
    if (picture.figures !== 0 && plane % channels === 0) drawFigures(figures, height, width, random)
    const shift = picture.offset + 0.3 * picture.coarse * random.normal()
    for (let i = 0; i < grid.length; i++) grid[i] = picture.coarse * random.normal()
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const figure = picture.figures * (figures[y * width + x] ?? 0)
        const value = shift + bilinear(grid, columns, y / 8, x / 8) + picture.grain * random.normal() + figure
        write(base + (y * width + x) * step, value)
      }
  }
}

function bilinear(grid: Float64Array, columns: number, y: number, x: number): number {
  const row = Math.floor(y)
  const column = Math.floor(x)
  const at = (r: number, c: number) => grid[(row + r) * columns + column + c] ?? 0
  const [v, u] = [y - row, x - column]
  return (1 - v) * ((1 - u) * at(0, 0) + u * at(0, 1)) + v * ((1 - u) * at(1, 0) + u * at(1, 1))
}

/** Rows of figures as a seven-segment display has them, each segment lit or not. */
function drawFigures(mask: Uint8Array, height: number, width: number, random: Random): void {
  mask.fill(0)
  const cell = 4 + random.below(5)
  const thickness = 1 + Math.floor(cell / 4)
  const bar = (top: number, left: number, rows: number, columns: number): void => {
    if (random.uniform() > 0.6) return
    for (let y = top; y < Math.min(height, top + rows); y++)
      mask.fill(1, y * width + Math.min(width, left), y * width + Math.min(width, left + columns))
  }
  for (let top = Math.floor(cell / 2); top + 2 * cell < height; top += 3 * cell)
    for (let left = Math.floor(cell / 2); left + cell < width; left += Math.ceil(1.5 * cell)) {
      for (let row = 0; row < 3; row++) bar(top + row * cell, left, thickness, cell + thickness)
      for (let side = 0; side < 4; side++) bar(top + (side >> 1) * cell, left + (side & 1) * cell, cell, thickness)
    }
}
