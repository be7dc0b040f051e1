/** A dense matrix, row-major. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

/** How a kernel slides along one axis. */
export interface Sliding {
  /** Elements of the axis before and after. */
  readonly size: number
  readonly outSize: number
  /** Elements of the kernel. */
  readonly taps: number
  readonly stride: number
  readonly dilation: number
  /** Zeros before the first element; those behind the last follow from the sizes. */
  readonly padBegin: number
}

/**
 * A correlation along one axis, y[o] = Σⱼ w[j] · x[stride·o + dilation·j − padBegin], as
 *
 *     y = output · ( (kernel · w) ⊙ (input · x) )
 *
 * where ⊙ multiplies the row (point, tile) of input · x by the row `point` of kernel · w. Rows of `input` and columns of `output` are
 * numbered point · tiles + tile. Several channels turn ⊙ into a matrix product for each point, two axes turn the matrices into
 * Kronecker products; adjoints give the gradients. Fewer points for each output are fewer products.
 */
export interface Bilinear {
  readonly points: number
  readonly tiles: number
  readonly input: Matrix
  readonly kernel: Matrix
  readonly output: Matrix
}

/** One tile of an algorithm: its inputs are `at + 0, at + 1, …`, and it gives neighbouring outputs. */
interface Tile {
  readonly input: readonly (readonly number[])[]
  readonly kernel: readonly (readonly number[])[]
  readonly output: readonly (readonly number[])[]
}

/** Winograd's F(2, 3): two outputs by 4 products instead of 6. Its coefficients are 0, ±1 and ±½, so nothing is lost by rounding them. */
const WINOGRAD_2_3: Tile = {
  input: [
    [1, 0, -1, 0],
    [0, 1, 1, 0],
    [0, -1, 1, 0],
    [0, 1, 0, -1],
  ],
  kernel: [
    [1, 0, 0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 0],
    [0, 1, -1, -1],
  ],
}

/**
 * F(4, 3) at the points 0, 1, −1, ½, −2 and ∞: four outputs by 6 products instead of 12. Of the points that are tried in practice these round
 * least: about five times as much as the sum itself, 10⁻⁶ of the result's size. What is no power of two stands in the kernel's matrix.
 */
const WINOGRAD_4_3: Tile = {
  input: [
    [1, -1.5, -2, 1.5, 1, 0],
    [0, -1, 0.5, 2.5, 1, 0],
    [0, 1, -2.5, 0.5, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 0.5, -1, -0.5, 1, 0],
    [0, 1, -1.5, -2, 1.5, 1],
  ],
  kernel: [
    [1, 0, 0],
    [1 / 3, 1 / 3, 1 / 3],
    [-1 / 3, 1 / 3, -1 / 3],
    [-16 / 15, -8 / 15, -4 / 15],
    [1 / 15, -2 / 15, 4 / 15],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 0.5, -2, 0],
    [0, 1, 1, 0.25, 4, 0],
    [0, 1, -1, 0.125, -8, 1],
  ],
}

/** Stride 2: the taps 0 and 2 meet the even inputs, a F(2, 2) with 3 products; tap 1 meets the odd ones. 5 products instead of 6. */
const STRIDED_2_3: Tile = {
  input: [
    [1, 0, -1, 0, 0],
    [0, 0, 1, 0, 0],
    [0, 0, 1, 0, -1],
    [0, 1, 0, 0, 0],
    [0, 0, 0, 1, 0],
  ],
  kernel: [
    [1, 0, 0],
    [1, 0, 1],
    [0, 0, 1],
    [0, 1, 0],
    [0, 1, 0],
  ],
  output: [
    [1, 1, 0, 1, 0],
    [0, 1, -1, 0, 1],
  ],
}

/** Two elements between zeros: y₀ = w₁x₀ + w₂x₁, y₁ = w₀x₀ + w₁x₁, a Toeplitz matrix, by 3 products (Karatsuba). Inputs begin with the padding. */
const PAIR: Tile = {
  input: [
    [0, 1, 1, 0],
    [0, 0, 1, 0],
    [0, 1, 0, 0],
  ],
  kernel: [
    [0, 1, 0],
    [0, -1, 1],
    [1, -1, 0],
  ],
  output: [
    [1, 1, 0],
    [1, 0, 1],
  ],
}

/** The algorithm with the fewest products. */
export function bilinear(sliding: Sliding): Bilinear {
  const { size, outSize, taps, stride, dilation, padBegin } = sliding
  if (taps === 3 && dilation === 1) {
    if (stride === 1 && padBegin === 1 && size === 2 && outSize === 2) return tiled(PAIR, sliding)
    if (stride === 1 && outSize > 1)
      return tiled(6 * Math.ceil(outSize / 4) < 4 * Math.ceil(outSize / 2) ? WINOGRAD_4_3 : WINOGRAD_2_3, sliding)
    if (stride === 2 && outSize > 1) return tiled(STRIDED_2_3, sliding)
  }
  return direct(sliding)
}

function tiled(tile: Tile, { size, outSize, stride, padBegin, taps }: Sliding): Bilinear {
  const points = tile.input.length
  const outputs = tile.output.length
  const tiles = Math.ceil(outSize / outputs)
  const input = matrix(points * tiles, size)
  const output = matrix(outSize, points * tiles)
  for (let t = 0; t < tiles; t++) {
    tile.input.forEach((row, point) =>
      row.forEach((value, i) => {
        const at = t * outputs * stride - padBegin + i
        if (at >= 0 && at < size) set(input, point * tiles + t, at, value)
      }),
    )
    tile.output.forEach((row, o) =>
      row.forEach((value, point) => {
        if (t * outputs + o < outSize) set(output, t * outputs + o, point * tiles + t, value)
      }),
    )
  }
  const kernel = matrix(points, taps)
  tile.kernel.forEach((row, point) => row.forEach((value, tap) => set(kernel, point, tap, value)))
  return { points, tiles, input, kernel, output }
}

/** One point for each tap that meets an element at all, one tile for each output. */
function direct({ size, outSize, taps, stride, dilation, padBegin }: Sliding): Bilinear {
  const place = (output: number, tap: number): number => output * stride + tap * dilation - padBegin
  const outputs = [...Array(outSize).keys()]
  const used = [...Array(taps).keys()].filter((tap) =>
    outputs.some((output) => place(output, tap) >= 0 && place(output, tap) < size),
  )
  const kept = used.length === 0 ? [0] : used
  const input = matrix(kept.length * outSize, size)
  const kernel = matrix(kept.length, taps)
  const output = matrix(outSize, kept.length * outSize)
  kept.forEach((tap, point) => {
    set(kernel, point, tap, 1)
    for (const o of outputs) {
      const at = place(o, tap)
      if (at >= 0 && at < size) set(input, point * outSize + o, at, 1)
      set(output, o, point * outSize + o, 1)
    }
  })
  return { points: kept.length, tiles: outSize, input, kernel, output }
}

export function matrix(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float64Array(rows * columns) }
}

export function set({ columns, values }: Matrix, row: number, column: number, value: number): void {
  values[row * columns + column] = value
}

export function at({ columns, values }: Matrix, row: number, column: number): number {
  return values[row * columns + column] as number
}

export function isIdentity(m: Matrix): boolean {
  return m.rows === m.columns && m.values.every((value, i) => value === (i % (m.columns + 1) === 0 ? 1 : 0))
}

/**
 * The Kronecker product, with rows (a's, b's) and columns (a's, b's). `rowTiles` and `columnTiles`: rows (columns) of a and b are
 * (point, tile) with so many tiles, and are put in the order (a's point, b's point, a's tile, b's tile).
 */
export function kronecker(
  a: Matrix,
  b: Matrix,
  tiles: { readonly rows?: readonly [number, number]; readonly columns?: readonly [number, number] } = {},
): Matrix {
  const product = matrix(a.rows * b.rows, a.columns * b.columns)
  const row = place(b.rows, tiles.rows)
  const column = place(b.columns, tiles.columns)
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++)
      for (let k = 0; k < a.columns; k++) {
        const factor = at(a, i, k)
        if (factor !== 0)
          for (let l = 0; l < b.columns; l++) set(product, row(i, j), column(k, l), factor * at(b, j, l))
      }
  return product
}

/** The place of the pair (i of the first, j of the second). */
function place(size: number, tiles: readonly [number, number] = [1, 1]): (i: number, j: number) => number {
  const [first, second] = tiles
  const points = size / second
  return (i, j) => {
    const point = Math.floor(i / first) * points + Math.floor(j / second)
    return (point * first + (i % first)) * second + (j % second)
  }
}
