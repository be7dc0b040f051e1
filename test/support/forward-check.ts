import { expect } from 'vitest'
import type { Model } from '../../src/graph/model.js'
import { sizeOf } from '../../src/graph/tensor.js'
import { normalAt, seedOf } from './draw.js'
import { freed, runAt } from './gradient-check.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { type Numbers, evaluate } from './reference/evaluate.js'

/**
 * Checks that the reference evaluator computes what ONNX Runtime does, in single precision: without it, a gradient that is checked against
 * the evaluator could be that of another function.
 */
export async function checkForward(model: Model, point?: ReadonlyMap<string, Numbers>): Promise<void> {
  const free = freed(model)
  const at = new Map<string, Numbers>(point)
  for (const { name, shape = [] } of free.graph.inputs) {
    if (at.has(name)) continue
    const given = model.graph.initializers.get(name)
    const dims = shape.map(Number)
    const seed = seedOf(name)
    const data = given ? numbersOf(given) : Float64Array.from({ length: sizeOf(dims) }, (_, i) => normalAt(seed, i))
    at.set(name, { dims, data })
  }
  const names = free.graph.outputs.map(({ name }) => name)
  const expected = evaluate(free, at, names)
  for (const [name, { dims, data }] of await runAt(free, at)) {
    const reference = expected.get(name) as Numbers
    expect(dims, `shape of ${name}`).toEqual(reference.dims)
    data.forEach((value, k) => {
      const other = reference.data[k] as number
      expect(Math.abs(value - other), `${name}[${k}]: ${value}, reference ${other}`).toBeLessThan(
        1e-5 * (1 + Math.abs(other)),
      )
    })
  }
}
