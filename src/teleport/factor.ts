import { sameDims, sizeOf } from '../graph/tensor.js'
import type { Scaling } from './kernel.js'

/** Numbers that vary along some axes of a view (size there: the view's) and not along the others (size 1). Row-major. */
export interface Numbers {
  readonly dims: readonly number[]
  readonly values: Float64Array
}

/** What a constant is multiplied by: the product of its terms, broadcast over `view`. `dims` is the constant's shape afterwards. */
export interface Factor {
  readonly view: readonly number[]
  readonly dims: readonly number[]
  readonly terms: readonly Numbers[]
}

/** Factors that are all 1 are left out; those that are all the same become one number. */
export function simplify(numbers: Numbers): Numbers | undefined {
  const first = numbers.values[0] ?? 1
  if (!numbers.values.every((value) => value === first)) return numbers
  return first === 1 ? undefined : { dims: numbers.dims.map(() => 1), values: Float64Array.of(first) }
}

/** The offset of every element of `dims` in an array of shape `own`, which is broadcast to it. */
export function offsets(own: readonly number[], dims: readonly number[]): Int32Array {
  const result = new Int32Array(sizeOf(dims))
  let block = 1
  let stride = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const size = dims[axis] as number
    const step = own[axis] === 1 ? 0 : stride
    if (step !== 0)
      for (let i = 0; i < result.length; i++) result[i] = (result[i] as number) + (Math.floor(i / block) % size) * step
    stride *= own[axis] as number
    block *= size
  }
  return result
}

/** Elementwise product, broadcast. Both have the same rank. */
export function multiplied(a: Numbers, b: Numbers): Numbers {
  const dims = a.dims.map((dim, axis) => Math.max(dim, b.dims[axis] as number))
  const left = writtenOut(a, dims)
  const right = writtenOut(b, dims)
  const values = new Float64Array(left.length)
  for (let i = 0; i < values.length; i++) values[i] = (left[i] as number) * (right[i] as number)
  return { dims, values }
}

function writtenOut({ dims: own, values }: Numbers, dims: readonly number[]): Float64Array {
  if (sameDims(own, dims)) return values
  const whole = new Float64Array(sizeOf(dims))
  if (values.length === 1) return whole.fill(values[0] as number)
  const from = offsets(own, dims)
  for (let i = 0; i < whole.length; i++) whole[i] = values[from[i] as number] as number
  return whole
}

/** The part of `size` from `start` on, along an axis; everything where the numbers do not vary along it. */
export function section(numbers: Numbers, axis: number, start: number, size: number): Numbers {
  if (numbers.dims[axis] === 1) return numbers
  const inner = sizeOf(numbers.dims.slice(axis + 1))
  const block = (numbers.dims[axis] as number) * inner
  const values = numbers.values.filter((_, i) => {
    const at = Math.floor((i % block) / inner)
    return at >= start && at < start + size
  })
  return { dims: numbers.dims.map((dim, i) => (i === axis ? size : dim)), values }
}

export function sameNumbers(a: Numbers, b: Numbers): boolean {
  return sameDims(a.dims, b.dims) && a.values.every((v, i) => v === b.values[i])
}

export function sameFactor(a: Factor | undefined, b: Factor | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return (
    sameDims(a.dims, b.dims) &&
    sameDims(a.view, b.view) &&
    a.terms.length === b.terms.length &&
    a.terms.every((term, i) => sameNumbers(term, b.terms[i] as Numbers))
  )
}

/** The factor of a constant before a Transpose with `permutation` (output axis i is input axis permutation[i]). */
export function beforeTranspose(factor: Factor, permutation: readonly number[]): Factor {
  const plain = onDims(factor)
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
  const dims = inverse.map((axis) => factor.dims[axis] as number)
  const terms = plain.map((term) => {
    const own = inverse.map((axis) => term.dims[axis] as number)
    // Strides of the term's own array, seen in the other order of axes.
    const strides = term.dims.map((_, axis) => sizeOf(term.dims.slice(axis + 1)))
    const values = new Float64Array(term.values.length)
    const index = new Array<number>(own.length).fill(0)
    for (let i = 0; i < values.length; i++) {
      values[i] = term.values[
        index.reduce((sum, at, axis) => sum + at * (strides[inverse[axis] as number] as number), 0)
      ] as number
      for (let axis = own.length - 1; axis >= 0 && ++(index[axis] as number) === own[axis]; axis--) index[axis] = 0
    }
    return { dims: own, values }
  })
  return { view: dims, dims, terms }
}

/** Terms over the constant's own axes. A view that splits axes (a grouped convolution's) is joined again. */
export function onDims(factor: Factor): readonly Numbers[] {
  const { view, dims, terms } = factor
  if (sameDims(view, dims)) return terms
  return terms.map((term) => {
    const own: number[] = []
    const expanded: number[] = []
    let axis = 0
    for (const dim of dims) {
      const start = axis
      for (
        let size = 1;
        size < dim || (axis < view.length && view[axis] === 1 && size <= dim && axis === start);
        axis++
      )
        size *= view[axis] as number
      const varies = term.dims.slice(start, axis).some((size) => size !== 1)
      own.push(varies ? dim : 1)
      expanded.push(...view.slice(start, axis).map((size) => (varies ? size : 1)))
    }
    while (expanded.length < view.length) expanded.push(1)
    const at = offsets(term.dims, expanded)
    return { dims: own, values: Float64Array.from(at, (offset) => term.values[offset] as number) }
  })
}

/**
 * The factor as the kernel takes it: rows × columns × a run of equal factors. Terms that vary over leading axes only become the
 * rows', over trailing axes only the columns'; one that varies over both (a grouped convolution's input scales) gets a set of
 * columns per group. The cut is made where the two tables are smallest.
 */
export function scalingOf(factor: Factor): Scaling {
  const { view } = factor
  const varying = factor.terms.map((term) => term.dims.flatMap((dim, axis) => (dim === 1 ? [] : [axis])))
  const last = Math.max(0, ...varying.map((axes) => (axes.at(-1) ?? -1) + 1))
  let best = { cost: Infinity, cut: last, group: 0 }
  for (let cut = 0; cut <= last; cut++) {
    const mixed = varying.filter((axes) => axes.some((axis) => axis < cut) && axes.some((axis) => axis >= cut))
    const group = Math.max(0, ...mixed.flatMap((axes) => axes.filter((axis) => axis < cut).map((axis) => axis + 1)))
    const cost = sizeOf(view.slice(0, cut)) + sizeOf(view.slice(0, group)) * sizeOf(view.slice(cut, last))
    if (cost < best.cost) best = { cost, cut, group }
  }
  const { cut, group } = best
  const rowDims = view.slice(0, cut)
  const colDims = [...view.slice(0, group), ...view.slice(cut, last)]
  const rows = new Float64Array(sizeOf(rowDims)).fill(1)
  const cols = new Float64Array(sizeOf(colDims)).fill(1)
  factor.terms.forEach((term, i) => {
    const onRows = (varying[i] as number[]).every((axis) => axis < cut)
    const own = onRows ? term.dims.slice(0, cut) : [...term.dims.slice(0, group), ...term.dims.slice(cut, last)]
    const table = onRows ? rows : cols
    offsets(own, onRows ? rowDims : colDims).forEach((offset, at) => {
      table[at] = (table[at] as number) * (term.values[offset] as number)
    })
  })
  return {
    rows,
    cols,
    columns: sizeOf(view.slice(cut, last)),
    inner: sizeOf(view.slice(last)),
    rowsPerGroup: Math.max(1, sizeOf(view.slice(group, cut))),
  }
}
