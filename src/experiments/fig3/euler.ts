import type { Model } from '../../graph/model.js'
import { sizeOf } from '../../graph/tensor.js'
import type { Field } from '../../ops/field.js'
import type { Quiver } from '../../quiver/quiver.js'

/** How exactly Euler's identity holds. */
export interface Euler {
  readonly neurons: number
  readonly largestDifference: number
  readonly largestSum: number
}

interface Elements {
  readonly weights: Float32Array
  readonly gradient: Float32Array
}

/**
 * Euler's identity at each neuron, by the powers with which its τ stands in arrows: Σ power · w · ∂L/∂w = 0.
 * @param quiver of the network without explicit arrows, scope `full`
 * @param model with explicit arrows; its other nodes write the same values
 * @param elements of every weight and every arrow, by name
 */
export function eulerOf(quiver: Quiver, model: Model, elements: (name: string) => Elements | undefined): Euler {
  const sums = new Map<number, { signed: number; absolute: number }>()
  /** Adds what belongs to a channel of a field to the neurons of which its τ is made. */
  const add = ({ ids }: Field, channel: number, power: number, signed: number, absolute: number): void => {
    for (const [variable, exponent] of quiver.classes.powersOf(ids[channel] as number)) {
      if (quiver.classes.domainOf(variable + 1) === 'pinned') continue
      const sum = sums.get(variable) ?? { signed: 0, absolute: 0 }
      sum.signed += power * exponent * signed
      sum.absolute += Math.abs(power * exponent) * absolute
      sums.set(variable, sum)
    }
  }
  const addAll = (field: Field, view: readonly number[], power: number, found: Elements): void => {
    const { signed, absolute } = byChannel(field.dims, view, found)
    for (let channel = 0; channel < signed.length; channel++)
      add(field, channel, power, signed[channel] as number, absolute[channel] as number)
  }
  for (const { node, input, terms, view } of quiver.plan.constants) {
    const found = elements(node.inputs[input] as string)
    if (found !== undefined) for (const { field, power } of terms) addAll(field, view, power, found)
  }
  const byOutput = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const readers = new Map<string, string>()
  for (const { node, input, from, to, part } of quiver.plan.rescales) {
    if (node === undefined || part === 'sign') continue
    const arrow = byOutput.get(byOutput.get(node.outputs[0] ?? '')?.inputs[input] ?? '')?.inputs[1] ?? ''
    const found = elements(arrow)
    if (found === undefined) continue
    // A factor on the arrows to several nodes is one weight, whose gradient is of all of them.
    const reader = `${node.outputs[0] ?? ''} ${input}`
    if (!readers.has(arrow)) readers.set(arrow, reader)
    if (readers.get(arrow) !== reader) continue
    const dims = to.dims.map((size, axis) => Math.max(size, from.dims[axis] ?? 1))
    addAll(to, dims, 1, found)
    addAll(from, dims, -1, found)
  }
  const all = [...sums.values()]
  const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0)
  return {
    neurons: sums.size,
    largestDifference: largest(all.map(({ signed }) => Math.abs(signed))),
    largestSum: largest(all.map(({ absolute }) => absolute)),
  }
}

/** Σ w·∂L/∂w, and Σ of the absolute values, over the axes of `view` along which `own` does not vary. */
function byChannel(own: readonly number[], view: readonly number[], { weights, gradient }: Elements) {
  const signed = new Float64Array(sizeOf(own))
  const absolute = new Float64Array(signed.length)
  const row = view.at(-1) ?? 1
  const along = own.at(-1) === 1 ? 0 : 1
  for (let start = 0; start < weights.length; start += row) {
    const base = channelOf(own, view, start)
    for (let i = 0; i < row; i++) {
      const term = (weights[start + i] as number) * (gradient[start + i] as number)
      const channel = base + along * i
      ;(signed[channel] as number) += term
      ;(absolute[channel] as number) += Math.abs(term)
    }
  }
  return { signed, absolute }
}

/** The place in an array of shape `own` that belongs to the element `index` of `view`, to which it is broadcast. */
function channelOf(own: readonly number[], view: readonly number[], index: number): number {
  let [rest, stride, place] = [index, 1, 0]
  for (let axis = view.length - 1; axis >= 0; axis--) {
    const size = view[axis] as number
    if (own[axis] !== 1) place += (rest % size) * stride
    rest = Math.floor(rest / size)
    stride *= own[axis] as number
  }
  return place
}
