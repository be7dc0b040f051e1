import { isFloat } from '../graph/dtype.js'
import type { Attribute, Tensor } from '../graph/model.js'
import { numbersOf, sizeOf, tensorOf } from '../graph/tensor.js'
import type { ComputedConstant } from '../quiver/plan.js'
import { tensorOfConstant } from '../shapes/constants.js'
import type { Draft, DraftNode, Use } from './draft.js'
import {
  beforeTranspose,
  type Factor,
  multiplied,
  type Numbers,
  offsets,
  onDims,
  sameFactor,
  scalingOf,
  section,
  simplify,
} from './factor.js'
import { ScaledData } from './scaled-data.js'

/** What was rewritten. */
export interface ConstantChanges {
  tensors: number
  /** Elements of those tensors. */
  weights: number
  /** Copies made of nodes that compute constants. */
  nodes: number
  /** Copies made of constants whose users disagree. */
  copies: number
}

/** Users of a constant that want the same factor. */
interface Group {
  readonly factor: Factor | undefined
  readonly uses: Use[]
}

/**
 * Multiplies constants where they are read. A constant with several users that want different factors is copied, so that none
 * is changed under another user's feet; a constant that is computed (Transpose, Cast, DequantizeLinear … of an initializer) is
 * followed back to what it is computed from.
 */
export class ConstantScaler {
  readonly changes: ConstantChanges = { tensors: 0, weights: 0, nodes: 0, copies: 0 }
  readonly #factors = new Map<DraftNode, Map<number, Factor>>()
  readonly #irVersion: number

  constructor(irVersion: number) {
    this.#irVersion = irVersion
  }

  /** Ask for a factor at one input of a node. */
  ask(node: DraftNode, input: number, factor: Factor): void {
    if (factor.terms.length === 0) return
    let inputs = this.#factors.get(node)
    if (inputs === undefined) this.#factors.set(node, (inputs = new Map<number, Factor>()))
    const before = inputs.get(input)
    inputs.set(input, before === undefined ? factor : both(before, factor))
  }

  /** Give every constant of a graph, and of the graphs inside it, the factors that were asked for. */
  apply(draft: Draft): void {
    for (const child of draft.children) this.apply(child)
    // From the last node to the first: what a computed constant passes on to its inputs is known before they are visited.
    for (const node of draft.nodes.toReversed()) for (const name of [...node.outputs]) this.#value(draft, name, node)
    for (const name of [...draft.initializers.keys()]) this.#value(draft, name, undefined)
  }

  #factorOf(use: Use): Factor | undefined {
    return use.node && this.#factors.get(use.node)?.get(use.input)
  }

  #value(draft: Draft, name: string, producer: DraftNode | undefined): void {
    const uses = draft.uses.get(name) ?? []
    if (!uses.some((use) => this.#factorOf(use) !== undefined)) return
    const groups: Group[] = []
    // A weight may have thousands of users, each with a factor of its own.
    const alike = new Map<number, Group[]>()
    for (const use of uses) {
      const factor = this.#factorOf(use)
      const key = factor?.terms[0]?.values[0] ?? 0
      const candidates = alike.get(key) ?? []
      const group = candidates.find((candidate) => sameFactor(candidate.factor, factor))
      if (group !== undefined) {
        group.uses.push(use)
        continue
      }
      const added = { factor, uses: [use] }
      groups.push(added)
      alike.set(key, [...candidates, added])
    }
    // Whoever wants the constant as it is keeps it.
    groups.sort((a, b) => Number(a.factor !== undefined) - Number(b.factor !== undefined))
    groups.forEach(({ factor, uses: users }, i) => {
      if (factor === undefined) return
      const source = producer?.node.opType === 'Identity' ? producer.inputs[0] : undefined
      if (i > 0 && source !== undefined) return readInstead(users, source, draft)
      if (i > 0) this.changes.copies++
      const target = i === 0 ? name : draft.fresh(`${name}#scaled`)
      if (producer === undefined) this.#initializer(draft, name, target, factor)
      else this.#computed(draft, producer, name, target, factor)
      if (target === name) return
      for (const use of users) if (use.node !== undefined) use.node.inputs[use.input] = target
    })
  }

  #initializer(draft: Draft, name: string, target: string, factor: Factor): void {
    const tensor = draft.plan.graph.initializers.get(name)
    if (tensor === undefined) throw new Error(`no initializer '${name}'`)
    draft.setInitializer(this.#scaled(tensor, target, factor), this.#irVersion)
  }

  #scaled(tensor: Tensor, name: string, factor: Factor): Tensor {
    this.changes.tensors++
    this.changes.weights += sizeOf(factor.dims)
    return scaledTensor(tensor, name, factor)
  }

  #computed(draft: Draft, producer: DraftNode, name: string, target: string, factor: Factor): void {
    const tensor = producer.node.opType === 'Constant' ? tensorOfConstant(producer.node) : undefined
    // A copy is no node if it need not be one.
    if (tensor !== undefined && target !== name)
      return draft.setInitializer(this.#scaled(tensor, target, factor), this.#irVersion)
    let node = producer
    if (target !== name) {
      this.changes.nodes++
      node = {
        ...producer,
        // Two nodes of one name are refused by some readers.
        node: { ...producer.node, name: producer.node.name && draft.fresh(`${producer.node.name}#scaled`) },
        inputs: [...producer.inputs],
        outputs: [target],
        attributes: new Map(producer.attributes),
        before: [],
        after: [],
      }
      draft.nodes.splice(draft.nodes.indexOf(producer), 0, node)
      node.inputs.forEach((input, at) => {
        if (input !== '') draft.owner(input)?.use(input, { draft, node, input: at })
      })
    } else draft.reshape(name, factor.dims)
    if (tensor !== undefined) {
      node.attributes.clear()
      const value: Attribute = { type: 'tensor', value: this.#scaled(tensor, tensor.name, factor) }
      node.attributes.set('value', value)
      return
    }
    const computed = draft.plan.computed.get(name)
    if (computed === undefined) throw new Error(`constant '${name}' is computed in a way that cannot be scaled`)
    passOn(computed, factor).forEach((share, i) => this.ask(node, computed.through.inputs[i] as number, share))
  }
}

/** Lets the users of an Identity read, and scale, what it copies. */
function readInstead(uses: readonly Use[], source: string, draft: Draft): void {
  for (const use of uses) {
    if (use.node === undefined) continue
    use.node.inputs[use.input] = source
    draft.owner(source)?.use(source, use)
  }
}

/** Two demands on one input: their product. */
function both(a: Factor, b: Factor): Factor {
  const terms = [...onDims(a), ...onDims(b)]
  const rank = Math.max(a.dims.length, b.dims.length)
  const whole = terms.map((term) => ({
    ...term,
    dims: [...new Array<number>(rank - term.dims.length).fill(1), ...term.dims],
  }))
  const dims = a.dims.length === rank ? a.dims : b.dims
  return {
    view: dims,
    dims,
    terms: [whole.reduce<Numbers>(multiplied, { dims: dims.map(() => 1), values: Float64Array.of(1) })],
  }
}

/** What a computed constant asks of each input by way of which it can be multiplied. */
function passOn({ through, inputDims }: ComputedConstant, factor: Factor): Factor[] {
  const dims = inputDims[0] as readonly number[]
  switch (through.kind) {
    case 'transpose':
      return [beforeTranspose(factor, through.permutation)]
    case 'quantised':
      return [ofQuantisationScale(dims, through.axis, factor)]
    case 'order':
      // A reshape keeps the order of the elements: the view stays, the shape is the input's own.
      return [through.reshapes ? { ...factor, dims } : factor]
    case 'product':
      return [{ ...factor, dims }]
    case 'slice':
      // The scale does not vary along the axes that are cut.
      return [{ view: dims, dims, terms: onDims(factor) }]
    case 'expansion': {
      // Along the axes that are broadcast the scale does not vary; axes in front that the input lacks are among them.
      const terms = onDims(factor).map((term) => ({ ...term, dims: term.dims.slice(term.dims.length - dims.length) }))
      return [{ view: dims, dims, terms }]
    }
    case 'concatenation': {
      let start = 0
      return inputDims.map((own) => {
        const size = own[through.axis] as number
        const terms = onDims(factor).flatMap((term) => simplify(section(term, through.axis, start, size)) ?? [])
        start += size
        return { view: own, dims: own, terms }
      })
    }
  }
}

/** DequantizeLinear's scale takes the factor: one number, or one for each slice along its axis. */
function ofQuantisationScale(dims: readonly number[], axis: number | undefined, factor: Factor): Factor {
  const size = sizeOf(dims)
  const terms = onDims(factor).map((term): Numbers => {
    const own = term.dims.map((dim, i) => (i === axis ? size : dim))
    const at = offsets(term.dims, own)
    const values = Float64Array.from({ length: size }, (_, i) => term.values[at[i] ?? 0] as number)
    return { dims: [size], values }
  })
  return { view: [size], dims, terms }
}

/** A tensor times a factor; enlarged first where the factor says so. */
function scaledTensor(tensor: Tensor, name: string, factor: Factor): Tensor {
  if (!isFloat(tensor.dtype)) throw new Error(`tensor '${tensor.name}' of ${tensor.dtype} cannot be scaled`)
  const enlarged = sizeOf(factor.dims) === sizeOf(tensor.dims) ? tensor : enlarge(tensor, factor.dims)
  return {
    name,
    dtype: tensor.dtype,
    dims: factor.dims,
    data: new ScaledData(enlarged.data, tensor.dtype, scalingOf(factor)),
  }
}

function enlarge(tensor: Tensor, dims: readonly number[]): Tensor {
  const own = [...new Array<number>(dims.length - tensor.dims.length).fill(1), ...tensor.dims]
  const numbers = numbersOf(tensor)
  return tensorOf(
    tensor.name,
    tensor.dtype,
    dims,
    Float64Array.from(offsets(own, dims), (at) => numbers[at] as number),
  )
}
