import { sameDims, sizeOf } from '../graph/tensor.js'
import type { HostTensor } from '../runtime/session.js'
import { numberReader } from '../runtime/host.js'

/** How one output of the second model compares with the first's, over all samples. Every number survives JSON. */
export interface OutputComparison {
  readonly name: string
  /** The same bits in every element (NaN is equal to NaN of any payload; 0 is not −0). */
  readonly identical: boolean
  /** max|y − y'|; null if a NaN or an infinity stands against anything else, or if the shapes or types differ. */
  readonly maxAbsError: number | null
  /** max|y − y'| ÷ max|y|, infinities left out; where y is all zeros max|y − y'| itself. Null as `maxAbsError`. */
  readonly maxRelError: number | null
  /** The share of elements whose bits differ. */
  readonly mismatch: number
  /** What the errors mean: integers, booleans and strings must be equal, floats within the tolerance. */
  readonly exact: boolean
  /** For floats of rank 2 and more: the share of rows whose largest element (the first, if several) is the same one. */
  readonly argmaxAgreement?: number
  /** Why the two cannot be compared, if they cannot: shapes or types. */
  readonly difference?: string
}

/** Gathers the comparison of one output over the samples. */
export class Comparator {
  readonly #name: string
  #identical = true
  #finite = true
  #exact = false
  #error = 0
  #scale = 0
  #elements = 0
  #mismatches = 0
  #rows = 0
  #agreeing = 0
  #difference: string | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** @returns the sample's own max|y − y'| ÷ max|y|, Infinity where it has none */
  add(expected: HostTensor, actual: HostTensor): number {
    const difference = differenceOf(expected, actual)
    if (difference !== undefined) {
      this.#difference ??= difference
      this.#identical = false
      this.#finite = false
      return Infinity
    }
    this.#elements += expected.data.length
    if (Array.isArray(expected.data)) return this.#addStrings(expected, actual)
    this.#exact = !isFloatTensor(expected)
    const errors = compareNumbers(expected, actual)
    this.#mismatches += errors.mismatches
    this.#error = Math.max(this.#error, errors.error)
    this.#scale = Math.max(this.#scale, errors.scale)
    if (errors.mismatches > 0) this.#identical = false
    if (!errors.finite) this.#finite = false
    this.#addArgmax(expected, actual)
    return errors.finite ? relative(errors.error, errors.scale) : Infinity
  }

  result(): OutputComparison {
    return {
      name: this.#name,
      identical: this.#identical,
      maxAbsError: this.#finite ? this.#error : null,
      maxRelError: this.#finite ? relative(this.#error, this.#scale) : null,
      mismatch: this.#elements === 0 ? 0 : this.#mismatches / this.#elements,
      exact: this.#exact,
      ...(this.#rows > 0 ? { argmaxAgreement: this.#agreeing / this.#rows } : {}),
      ...(this.#difference === undefined ? {} : { difference: this.#difference }),
    }
  }

  #addStrings(expected: HostTensor, actual: HostTensor): number {
    this.#exact = true
    let different = 0
    for (let i = 0; i < expected.data.length; i++) if (expected.data[i] !== actual.data[i]) different++
    this.#mismatches += different
    if (different === 0) return 0
    this.#identical = false
    this.#finite = false
    return Infinity
  }

  #addArgmax(expected: HostTensor, actual: HostTensor): void {
    const rank = expected.dims.length
    if (this.#exact || rank < 2) return
    // Classes lie on the last axis, but on axis 1 in what looks like a picture with a channel per class.
    const axis = rank >= 4 ? 1 : rank - 1
    const classes = expected.dims[axis] ?? 1
    const read = [numberReader(expected), numberReader(actual)] as const
    if (classes < 2 || read[0] === undefined || read[1] === undefined) return
    const stride = sizeOf(expected.dims.slice(axis + 1))
    const rows = expected.data.length / classes
    for (let row = 0; row < rows; row++) {
      const base = Math.floor(row / stride) * stride * classes + (row % stride)
      if (argmax(read[0], base, stride, classes) === argmax(read[1], base, stride, classes)) this.#agreeing++
    }
    this.#rows += rows
  }
}

/** error ÷ scale; the error itself where there is no scale. */
function relative(error: number, scale: number): number {
  return scale === 0 ? error : error / scale
}

function argmax(read: (i: number) => number, base: number, stride: number, count: number): number {
  let best = 0
  let largest = -Infinity
  for (let i = 0; i < count; i++) {
    const value = read(base + i * stride)
    if (value > largest) {
      largest = value
      best = i
    }
  }
  return best
}

export function isFloatTensor(tensor: HostTensor): boolean {
  return tensor.dtype === 'float32' || tensor.dtype === 'float64' || tensor.dtype === 'float16'
}

/** Why two tensors cannot be compared element by element; undefined where they can. */
export function differenceOf(expected: HostTensor, actual: HostTensor): string | undefined {
  if (expected.dtype !== actual.dtype) return `type ${actual.dtype} instead of ${expected.dtype}`
  return sameDims(expected.dims, actual.dims)
    ? undefined
    : `shape [${actual.dims.join(', ')}] instead of [${expected.dims.join(', ')}]`
}

export interface NumberErrors {
  /** max|y − y'| over elements that are finite in both. */
  readonly error: number
  /** max|y| over finite elements. */
  readonly scale: number
  /** Elements whose bits differ, two NaN apart. */
  readonly mismatches: number
  /** False if a NaN or an infinity stands against anything else. */
  readonly finite: boolean
}

/** Compares two numeric tensors of one type and shape. */
export function compareNumbers(expected: HostTensor, actual: HostTensor): NumberErrors {
  const read = numberReader(expected)
  const readActual = numberReader(actual)
  let error = 0
  let scale = 0
  let mismatches = 0
  let finite = true
  const count = expected.data.length
  if (read === undefined || readActual === undefined) return { error, scale, mismatches: count, finite: false }
  const wide = distanceOfWide(expected, actual)
  for (let i = 0; i < count; i++) {
    const y = read(i)
    const z = readActual(i)
    const magnitude = Math.abs(y)
    if (magnitude > scale && magnitude !== Infinity) scale = magnitude
    const distance = wide === undefined ? Math.abs(y - z) : wide(i)
    if (wide === undefined ? Object.is(y, z) : distance === 0) continue
    mismatches++
    if (!(distance < Infinity)) finite = false
    else if (distance > error) error = distance
  }
  return { error, scale, mismatches, finite }
}

/** |y − y'| of 64-bit integers, which may differ where their doubles do not. */
function distanceOfWide(expected: HostTensor, actual: HostTensor): ((i: number) => number) | undefined {
  const [y, z] = [expected.data, actual.data]
  if (y instanceof BigInt64Array && z instanceof BigInt64Array)
    return (i) => Math.abs(Number((y[i] ?? 0n) - (z[i] ?? 0n)))
  if (y instanceof BigUint64Array && z instanceof BigUint64Array)
    return (i) => Math.abs(Number((y[i] ?? 0n) - (z[i] ?? 0n)))
  return undefined
}
