import type { FloatDType } from '../graph/dtype.js'
import type { Attribute, Node } from '../graph/model.js'
import { numbersOf, tensorOf } from '../graph/tensor.js'
import { RESCALE_PREFIX } from '../ops/field.js'
import { type Draft, type DraftNode, insertedName, type Use } from './draft.js'
import { multiplied, type Numbers, sameNumbers } from './factor.js'

/** A constant that differs from 1 by no more than this is 1 that was rounded on the way there and back. */
const ROUNDING: Readonly<Record<FloatDType, number>> = { float64: 1e-14, float32: 1e-6, float16: 4e-3, bfloat16: 3e-2 }

/** A Mul that an earlier teleportation inserted. */
interface Inserted {
  readonly draft: Draft
  readonly node: DraftNode
  readonly dtype: FloatDType
  numbers: Numbers
}

/**
 * Inserts the nodes of scope `full`: a Mul by a constant on an arrow or behind an operator. Where one from an earlier
 * teleportation stands already, its constant is multiplied, and it is taken out where that gives 1.
 */
export class Rescaler {
  nodesAdded = 0
  readonly #irVersion: number
  readonly #inserted = new Map<DraftNode, Inserted>()
  readonly #changed = new Set<Inserted>()

  constructor(irVersion: number) {
    this.#irVersion = irVersion
  }

  /** Multiply what a node reads at an input. Several calls for one graph are grouped by value and factor. */
  arrows(
    draft: Draft,
    demands: ReadonlyMap<DraftNode, ReadonlyMap<number, { readonly numbers: Numbers; readonly dtype: FloatDType }>>,
  ): void {
    const groups = new Map<
      string,
      { numbers: Numbers; dtype: FloatDType; uses: { node: DraftNode; input: number }[] }[]
    >()
    for (const [node, inputs] of demands)
      for (const [input, { numbers, dtype }] of inputs) {
        const name = node.inputs[input] as string
        let ofValue = groups.get(name)
        if (ofValue === undefined) groups.set(name, (ofValue = []))
        const group = ofValue.find((candidate) => sameNumbers(candidate.numbers, numbers))
        if (group === undefined) ofValue.push({ numbers, dtype, uses: [{ node, input }] })
        else group.uses.push({ node, input })
      }
    const position = new Map([...draft.nodes, draft.sink].map((node, i) => [node, i]))
    for (const [name, ofValue] of groups)
      for (const { numbers, dtype, uses } of ofValue) {
        const existing = this.#find(draft, draft.producers.get(name))
        if (existing !== undefined && ofValue.length === 1 && draft.uses.get(name)?.length === uses.length) {
          this.#multiply(existing, numbers)
          continue
        }
        const first = uses.reduce((a, b) =>
          (position.get(a.node) as number) <= (position.get(b.node) as number) ? a : b,
        ).node
        const output = draft.fresh(insertedName('arrow', name))
        first.before.push(this.#mul(draft, name, output, numbers, dtype))
        for (const use of uses) use.node.inputs[use.input] = output
      }
  }

  /** Multiply an output of a node. Its name goes to the product. */
  output(draft: Draft, node: DraftNode, index: number, numbers: Numbers, dtype: FloatDType): void {
    const name = node.outputs[index] as string
    const uses: readonly Use[] = draft.uses.get(name) ?? []
    const only = uses.length === 1 ? uses[0] : undefined
    const existing = only?.input === 0 && only.draft === draft ? this.#find(draft, only.node) : undefined
    if (existing !== undefined) return this.#multiply(existing, numbers)
    const raw = draft.fresh(insertedName('before', name))
    node.outputs[index] = raw
    node.after.push(this.#mul(draft, raw, name, numbers, dtype))
  }

  /** Write the constants of nodes that were there before, and take out those that have become 1. */
  finish(): void {
    for (const { draft, node, numbers, dtype } of this.#changed) {
      if (numbers.values.every((value) => Math.abs(value - 1) <= ROUNDING[dtype])) this.#remove(draft, node)
      else
        draft.setInitializer(tensorOf(node.inputs[1] as string, dtype, numbers.dims, numbers.values), this.#irVersion)
    }
  }

  #find(draft: Draft, node: DraftNode | undefined): Inserted | undefined {
    if (node === undefined || node.node.opType !== 'Mul' || !node.node.name.startsWith(RESCALE_PREFIX)) return undefined
    const known = this.#inserted.get(node)
    if (known !== undefined) return known
    const owner = draft.owner(node.inputs[1] ?? '')
    const tensor = owner?.plan.graph.initializers.get(node.inputs[1] ?? '')
    if (tensor === undefined || owner?.uses.get(tensor.name)?.length !== 1) return undefined
    const inserted = {
      draft,
      node,
      dtype: tensor.dtype as FloatDType,
      numbers: { dims: tensor.dims, values: numbersOf(tensor) },
    }
    this.#inserted.set(node, inserted)
    return inserted
  }

  #multiply(inserted: Inserted, numbers: Numbers): void {
    const rank = Math.max(inserted.numbers.dims.length, numbers.dims.length)
    const padded = ({ dims, values }: Numbers) => ({
      dims: [...new Array<number>(rank - dims.length).fill(1), ...dims],
      values,
    })
    inserted.numbers = multiplied(padded(inserted.numbers), padded(numbers))
    this.#changed.add(inserted)
  }

  #mul(draft: Draft, input: string, output: string, numbers: Numbers, dtype: FloatDType): Node {
    const name = draft.fresh(insertedName('rescale', output.startsWith(RESCALE_PREFIX) ? input : output))
    const constant = draft.fresh(`${name}/scale`)
    draft.setInitializer(tensorOf(constant, dtype, numbers.dims, numbers.values), this.#irVersion)
    this.nodesAdded++
    return {
      name,
      opType: 'Mul',
      domain: '',
      inputs: [input, constant],
      outputs: [output],
      attributes: new Map<string, Attribute>(),
    }
  }

  #remove(draft: Draft, node: DraftNode): void {
    const input = node.inputs[0] as string
    const output = node.outputs[0] as string
    node.removed = true
    this.nodesAdded--
    const owner = draft.owner(node.inputs[1] as string) ?? draft
    owner.initializers.delete(node.inputs[1] as string)
    const at = owner.inputs.findIndex((info) => info.name === node.inputs[1])
    if (at >= 0) owner.inputs.splice(at, 1)
    const producer = draft.producers.get(input)
    if (input.startsWith(insertedName('before', '')) && producer !== undefined) {
      producer.outputs[producer.outputs.indexOf(input)] = output
      return
    }
    draft.sink.inputs.forEach((name, i) => {
      if (name === output) draft.sink.inputs[i] = input
    })
    for (const use of draft.uses.get(output) ?? [])
      if (use.node?.inputs[use.input] === output) use.node.inputs[use.input] = input
  }
}
