import { generatorOf } from '../../cob/stream.js'
import { type Model, ModelError, type Tensor } from '../../graph/model.js'
import { bytesOf } from '../../graph/tensor.js'
import { quoted } from '../../graph/text.js'

/** Weights W and gradients by them, tensor by tensor: the vectors of which a teleportation's step is multiplied. */
export interface Coordinate {
  readonly name: string
  readonly weights: Float32Array
  /** One for each batch. */
  readonly gradients: readonly Float32Array[]
}

/** Inner products of a step d = V − W, of gradients g, and of two random vectors r and s. */
export interface Products {
  /** Numbers in each vector. */
  dimension: number
  dd: number
  dw: number
  dr: number
  rr: number
  rs: number
  ss: number
  readonly gd: number[]
  readonly gr: number[]
  /** Σ (g·d)², element by element. */
  readonly squares: number[]
}

/** Elements that are read at a time: they stay in the processor's cache. */
const PIECE = 2 ** 14

/** The elements of a float32 tensor; memory is shared where it is aligned. @throws ModelError for other types */
export function elementsOf(tensor: Tensor): Float32Array {
  if (tensor.dtype !== 'float32')
    throw new ModelError(`tensor ${quoted(tensor.name)}: expected elements of type float32, got ${tensor.dtype}`)
  return aligned(bytesOf(tensor))
}

function aligned(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = byteAligned(bytes)
  return new Float32Array(buffer, byteOffset, byteLength / 4)
}

function byteAligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
}

/**
 * Inner products along the step to `moved`. Its weights are computed in pieces and never held; neither are the random vectors.
 * @param random the seed of two random vectors, uniform in each number as the authors draw them; default: none are drawn
 * @throws ModelError where `moved` lacks a coordinate
 */
export function productsOf(coordinates: readonly Coordinate[], moved: Model, random?: number): Products {
  const count = coordinates[0]?.gradients.length ?? 0
  const zeros = () => new Array<number>(count).fill(0)
  const sums: Products = {
    ...{ dimension: 0, dd: 0, dw: 0, dr: 0, rr: 0, rs: 0, ss: 0 },
    ...{ gd: zeros(), gr: zeros(), squares: zeros() },
  }
  const step = new Float64Array(PIECE)
  const first = new Float64Array(PIECE)
  const memory = new Float32Array(PIECE)
  for (const { name, weights, gradients } of coordinates) {
    const tensor = moved.graph.initializers.get(name)
    if (tensor?.data.byteLength !== weights.byteLength)
      throw new ModelError(`tensor ${quoted(name)}: the teleported network has none of this name and size`)
    let counter = random === undefined ? undefined : generatorOf(random, `random vectors ${name}`).next()
    sums.dimension += weights.length
    for (let start = 0; start < weights.length; start += PIECE) {
      const length = Math.min(PIECE, weights.length - start)
      const from = weights.subarray(start, start + length)
      addStep(sums, from, piece(tensor, start, length, memory), step)
      if (counter !== undefined) counter = addRandom(sums, counter, step, first, length)
      gradients.forEach((whole, at) => {
        const gradient = whole.subarray(start, start + length)
        addGradient(sums, at, gradient, step)
        if (counter !== undefined) addGradientRandom(sums, at, gradient, first)
      })
    }
  }
  return sums
}

function piece({ data }: Tensor, start: number, length: number, memory: Float32Array): Float32Array {
  if (data.readInto === undefined) return aligned(data.read(4 * start, 4 * length))
  const target = memory.subarray(0, length)
  data.readInto(4 * start, new Uint8Array(target.buffer, target.byteOffset, target.byteLength))
  return target
}

function addStep(sums: Products, from: Float32Array, to: Float32Array, step: Float64Array): void {
  let dd = 0
  let dw = 0
  for (let i = 0; i < from.length; i++) {
    const w = from[i] as number
    const d = (to[i] as number) - w
    step[i] = d
    dd += d * d
    dw += d * w
  }
  sums.dd += dd
  sums.dw += dw
}

function addGradient(sums: Products, at: number, gradient: Float32Array, step: Float64Array): void {
  let gd = 0
  let squares = 0
  for (let i = 0; i < gradient.length; i++) {
    const product = (gradient[i] as number) * (step[i] as number)
    gd += product
    squares += product * product
  }
  ;(sums.gd[at] as number) += gd
  ;(sums.squares[at] as number) += squares
}

/**
 * Two random vectors, uniform on both sides of 0, of 16 bits each from one number of 32: a counter whose bits are mixed, in line, since
 * a hundred draws for a hundred million weights want as many numbers. The first is kept in `r`.
 * @returns the counter after it
 */
function addRandom(sums: Products, counter: number, step: Float64Array, r: Float64Array, length: number): number {
  let [dr, rr, rs, ss] = [0, 0, 0, 0]
  let state = counter
  for (let i = 0; i < length; i++) {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
    bits ^= bits >>> 15
    const x = (bits >> 16) + 0.5
    const y = ((bits << 16) >> 16) + 0.5
    r[i] = x
    dr += (step[i] as number) * x
    rr += x * x
    rs += x * y
    ss += y * y
  }
  sums.dr += dr
  sums.rr += rr
  sums.rs += rs
  sums.ss += ss
  return state
}

function addGradientRandom(sums: Products, at: number, gradient: Float32Array, r: Float64Array): void {
  let gr = 0
  for (let i = 0; i < gradient.length; i++) gr += (gradient[i] as number) * (r[i] as number)
  ;(sums.gr[at] as number) += gr
}

export function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Products over the coordinates of both. */
export function added(a: Products, b: Products): Products {
  const both = (x: readonly number[], y: readonly number[]) => x.map((value, i) => value + (y[i] ?? 0))
  return {
    dimension: a.dimension + b.dimension,
    dd: a.dd + b.dd,
    dw: a.dw + b.dw,
    dr: a.dr + b.dr,
    rr: a.rr + b.rr,
    rs: a.rs + b.rs,
    ss: a.ss + b.ss,
    gd: both(a.gd, b.gd),
    gr: both(a.gr, b.gr),
    squares: both(a.squares, b.squares),
  }
}
