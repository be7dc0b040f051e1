import { ModelError, type Model, type ValueInfo } from '../graph/model.js'
import { quoted, shapeText } from '../graph/text.js'
import { converted } from '../runtime/host.js'
import type { HostTensor, HostTensors } from '../runtime/session.js'
import { fedInputs } from './inputs-context.js'

/**
 * Refuses two models whose inputs or outputs differ in name, type or declared shape (a named size fits any), since what is
 * computed could not be compared.
 * @throws ModelError
 */
export function checkInterfaces(a: Model, b: Model): void {
  compareLists('input', fedInputs(a), fedInputs(b))
  compareLists('output', a.graph.outputs, b.graph.outputs)
}

function compareLists(role: 'input' | 'output', a: readonly ValueInfo[], b: readonly ValueInfo[]): void {
  const others = new Map(b.map((value) => [value.name, value]))
  const names = (values: readonly ValueInfo[]) => values.map((value) => quoted(value.name)).join(', ') || 'none'
  const missing = a.find((value) => !others.has(value.name))
  if (missing !== undefined || a.length !== b.length)
    throw new ModelError(
      `the two models cannot be compared: the first has the ${role}s ${names(a)}, the second ${names(b)}`,
    )
  for (const value of a) {
    const other = others.get(value.name)
    if (value.dtype !== undefined && other?.dtype !== undefined && value.dtype !== other.dtype)
      throw new ModelError(
        `the two models cannot be compared: ${role} ${quoted(value.name)} is of type ${value.dtype} in the first and ${other.dtype} in the second`,
      )
    const [shape, otherShape] = [value.shape, other?.shape]
    if (shape === undefined || otherShape === undefined) continue
    const fits = shape.length === otherShape.length && shape.every((dim, i) => fit(dim, otherShape[i] ?? null))
    if (!fits)
      throw new ModelError(
        `the two models cannot be compared: ${role} ${quoted(value.name)} has shape ${shapeText(shape)} in the first and ${shapeText(otherShape)} in the second`,
      )
  }
}

function fit(a: number | string | null, b: number | string | null): boolean {
  return typeof a !== 'number' || typeof b !== 'number' || a < 0 || b < 0 || a === b
}

/**
 * Given arrays as the feeds of a model: every input by name (or the only one under any name), converted to its type where that
 * loses nothing but a float's last digits.
 * @throws ModelError for arrays that are missing, unknown, or of another type or shape
 */
export function feedsOf(model: Model, given: HostTensors): HostTensors {
  const inputs = fedInputs(model)
  const names = inputs.map((input) => input.name)
  const only = inputs.length === 1 && given.size === 1 ? [...given.values()][0] : undefined
  const unknown = [...given.keys()].find((name) => !names.includes(name))
  if (unknown !== undefined && only === undefined)
    throw new ModelError(
      `inputs: array ${quoted(unknown)}: the model has no such input; it has ${names.map(quoted).join(', ')}`,
    )
  const feeds = new Map<string, HostTensor>()
  for (const input of inputs) {
    const tensor = given.get(input.name) ?? only
    if (tensor === undefined)
      throw new ModelError(
        `inputs: expected an array for input ${quoted(input.name)}, got ${[...given.keys()].map(quoted).join(', ') || 'none'}`,
      )
    const shape = input.shape
    if (
      shape !== undefined &&
      !(shape.length === tensor.dims.length && shape.every((dim, i) => fit(dim, tensor.dims[i] ?? null)))
    )
      throw new ModelError(
        `inputs: array ${quoted(input.name)}: expected shape ${shapeText(shape)}, got ${shapeText(tensor.dims)}`,
      )
    feeds.set(
      input.name,
      input.dtype === undefined ? tensor : converted(tensor, input.dtype, `inputs: array ${quoted(input.name)}`),
    )
  }
  return feeds
}
