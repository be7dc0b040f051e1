import { isFloat } from '../graph/dtype.js'
import type { Node } from '../graph/model.js'
import type { Facts, NodeContext } from '../ops/rule.js'
import { constantNumbers, scalableAxes } from './constants.js'
import type { Value, Values } from './values.js'

/** A node as its shape rule sees it. */
export class NodeView implements NodeContext {
  readonly node: Node
  readonly opset: number
  protected readonly values: Values
  constructor(node: Node, opset: number, values: Values) {
    this.node = node
    this.opset = opset
    this.values = values
  }

  protected value(input: number): Value | undefined {
    const name = this.node.inputs[input] ?? ''
    return name === '' ? undefined : this.values.find(name)
  }

  has(input: number): boolean {
    return (this.node.inputs[input] ?? '') !== ''
  }

  input(input: number): Facts {
    return this.value(input)?.facts ?? {}
  }

  /** A float constant that is computed in a way through which no scale passes counts as an activation that is never scaled. */
  isConstant(input: number): boolean {
    const value = this.value(input)
    if (value === undefined || !value.constant) return false
    return !isFloat(value.facts.dtype) || scalableAxes(value, this.values) !== undefined
  }

  constant(input: number, limit = 1 << 16): Float64Array | undefined {
    const value = this.value(input)
    return value?.constant === true ? constantNumbers(value, this.values, limit) : undefined
  }

  integers(input: number): readonly number[] | undefined {
    const numbers = this.input(input).numbers
    if (numbers?.every((n): n is number => typeof n === 'number') === true) return numbers
    const constant = this.constant(input)
    return constant === undefined ? undefined : [...constant]
  }
}
