import type { Model, Node } from '../../../src/graph/model.js'
import { numbersOf } from '../../../src/graph/tensor.js'
import { tensorOfConstant } from '../../../src/shapes/constants.js'
import { activations } from './activations.js'
import { basics } from './basics.js'
import { convolutions } from './convolutions.js'
import { layers } from './layers.js'
import { movements } from './movements.js'
import { spaces } from './spaces.js'

/** A tensor of doubles, row-major. Integers and truth values are numbers too. */
export interface Numbers {
  readonly dims: readonly number[]
  readonly data: Float64Array
}

/** An operator as its definition says, slowly, in double precision. Inputs that are left out are undefined. */
export type Reference = (inputs: readonly (Numbers | undefined)[], node: Node) => readonly Numbers[]

const OPERATORS: Readonly<Record<string, Reference>> = {
  ...basics,
  ...activations,
  ...convolutions,
  ...layers,
  ...movements,
  ...spaces,
}

/** Evaluates a model in double precision, whatever types it declares; the outputs that are named. */
export function evaluate(
  model: Model,
  feeds: ReadonlyMap<string, Numbers>,
  outputs: readonly string[],
): Map<string, Numbers> {
  const values = new Map<string, Numbers>(feeds)
  for (const tensor of model.graph.initializers.values())
    if (!values.has(tensor.name)) values.set(tensor.name, { dims: tensor.dims, data: numbersOf(tensor) })
  for (const node of model.graph.nodes) {
    const constant = node.opType === 'Constant' ? tensorOfConstant(node) : undefined
    if (constant !== undefined) {
      values.set(constant.name, { dims: constant.dims, data: numbersOf(constant) })
      continue
    }
    const operator = OPERATORS[node.opType]
    if (operator === undefined) throw new Error(`the reference evaluator has no ${node.opType}`)
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name)))
    operator(inputs, node).forEach((value, i) => {
      const name = node.outputs[i] ?? ''
      if (name !== '') values.set(name, value)
    })
  }
  return new Map(outputs.map((name) => [name, values.get(name) as Numbers]))
}
