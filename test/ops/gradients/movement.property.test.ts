import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valuesOf } from '../../../src/shapes/infer.js'
import { isNumber } from '../../../src/graph/dims.js'
import { checkGradients, runAt } from '../../support/gradient-check.js'
import { evaluate, type Numbers } from '../../support/reference/evaluate.js'
import { normalAt, seedOf } from '../../support/draw.js'
import { Network } from '../network.js'

const RUNS = Number(process.env['GRADIENT_RUNS'] ?? 40)

/** A step of a chain: a movement of a value of this shape, by choices from a list of numbers. */
type Step = (net: Network, x: string, shape: readonly number[], pick: (below: number) => number) => string

const replaced = (list: readonly number[], at: number, by: number) => list.map((own, i) => (i === at ? by : own))

const STEPS: Readonly<Record<string, Step>> = {
  Reshape: (net, x, shape, pick) => {
    const at = pick(shape.length)
    const rest = shape.filter((_, axis) => axis !== at)
    return net.op('Reshape', [x, net.integers(pick(2) === 0 ? [-1, ...rest] : [...rest, shape[at] as number, 1])])
  },
  Transpose: (net, x, shape, pick) => {
    const turn = pick(shape.length)
    return net.op('Transpose', [x], { perm: shape.map((_, axis) => (axis + turn) % shape.length) })
  },
  Unsqueeze: (net, x, shape, pick) =>
    shape.length > 3 ? x : net.op('Unsqueeze', [x, net.integers([pick(shape.length + 1)])]),
  Slice: (net, x, shape, pick) => {
    const axis = pick(shape.length)
    const step = [1, 2, 3, -1, -2][pick(5)] as number
    const size = shape[axis] as number
    const start = pick(size)
    const end = step > 0 ? start + 1 + pick(size) : -size - 1
    return net.op('Slice', [x, ...[[start], [end], [axis], [step]].map((list) => net.integers(list))])
  },
  Split: (net, x, shape, pick) => {
    const axis = pick(shape.length)
    const size = shape[axis] as number
    if (size < 2) return x
    const first = 1 + pick(size - 1)
    const parts = net.node('Split', [x, net.integers([first, size - first])], { axis }, 2)
    return parts[pick(2)] as string
  },
  Concat: (net, x, shape, pick) => {
    const other = net.weight(replaced(shape, 0, 1 + pick(2)), 0, 'float64')
    return net.op('Concat', pick(2) === 0 ? [x, other, x] : [other, x], { axis: 0 })
  },
  Gather: (net, x, shape, pick) => {
    const axis = pick(shape.length)
    const size = shape[axis] as number
    const dims = [[], [1], [3], [2, 2]][shape.length > 3 ? pick(3) : pick(4)] as number[]
    const count = dims.reduce((a, b) => a * b, 1)
    const indices = Array.from({ length: count }, () => pick(2 * size) - size)
    return net.op('Gather', [x, net.constant(dims, indices, 'int64')], { axis })
  },
  GatherElements: (net, x, shape, pick) => {
    const axis = pick(shape.length)
    const size = shape[axis] as number
    const dims = replaced(shape, axis, 1 + pick(3))
    const indices = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => pick(2 * size) - size)
    return net.op('GatherElements', [x, net.constant(dims, indices, 'int64')], { axis })
  },
  ScatterElements: (net, x, shape, pick) => {
    const axis = pick(shape.length)
    const size = shape[axis] as number
    const dims = replaced(shape, axis, 1)
    const indices = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => pick(2 * size) - size)
    const reduction = ['none', 'add', 'mul', 'max', 'min'][pick(5)] as string
    const updates = net.weight(dims, 0, 'float64')
    return net.op('ScatterElements', [x, net.constant(dims, indices, 'int64'), updates], { axis, reduction })
  },
  Pad: (net, x, shape, pick) => {
    const mode = ['constant', 'reflect', 'edge', 'wrap'][pick(4)] as string
    const pads = [...shape, ...shape].map((size) => pick(Math.min(3, size)))
    // One end may lose an element.
    const at = pick(pads.length)
    if ((shape[at % shape.length] as number) > 2 && pick(2) === 0) {
      pads[at] = -1
      pads[(at + shape.length) % pads.length] = 0
    }
    return net.op('Pad', [x, net.integers(pads)], { mode })
  },
  Tile: (net, x, shape, pick) => net.op('Tile', [x, net.integers(shape.map(() => 1 + pick(2)))]),
  Expand: (net, x, shape, pick) =>
    net.op('Expand', [x, net.integers(shape.map((size) => (size === 1 ? 1 + pick(3) : 1)))]),
}

function shapeOf(net: Network, name: string): number[] {
  const model = net.model()
  const shape = valuesOf(model).find(name)?.facts.shape ?? []
  if (!shape.every(isNumber)) throw new Error(`the shape of ${name} is not known`)
  return [...shape]
}

const chain = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  steps: fc.array(fc.constantFrom(...Object.keys(STEPS)), { minLength: 1, maxLength: 4 }),
  choices: fc.array(fc.nat(999), { minLength: 8, maxLength: 40 }),
})

function networkOf({ shape, steps, choices }: { shape: number[]; steps: string[]; choices: number[] }): Network {
  const net = new Network(19)
  const x = net.input(shape, 'float64')
  let at = 0
  const pick = (below: number) => (choices[at++ % choices.length] as number) % below
  let value = net.op('Mul', [x, x])
  for (const step of steps) {
    const own = shapeOf(net, value)
    if (own.length === 0 || own.reduce((a, b) => a * b, 1) > 200) break
    value = (STEPS[step] as Step)(net, value, own, pick)
  }
  return net.output(net.op('Mul', [value, value]))
}

describe('chains of movements', () => {
  it('have the gradients of central differences, and theirs', async () => {
    await fc.assert(
      fc.asyncProperty(chain, async (drawn) => {
        await checkGradients(networkOf(drawn).model())
      }),
      { numRuns: RUNS },
    )
  })

  it('compute in the reference evaluator what they compute in ONNX Runtime', async () => {
    await fc.assert(
      fc.asyncProperty(chain, async (drawn) => {
        const net = networkOf(drawn)
        const model = net.model()
        const untyped = { ...model, graph: { ...model.graph, outputs: net.outputs.map((name) => ({ name })) } }
        const [{ name }] = model.graph.inputs as [{ name: string }]
        const size = drawn.shape.reduce((a, b) => a * b, 1)
        const data = Float64Array.from({ length: size }, (_, i) => normalAt(seedOf('x'), i))
        const at = new Map([[name, { dims: drawn.shape, data }]])
        const output = net.outputs[0] as string
        const expected = (await runAt(untyped, at)).get(output) as Numbers
        const found = evaluate(model, at, [output]).get(output) as Numbers
        expect(found.dims).toEqual(expected.dims)
        expect([...found.data]).toEqual([...expected.data])
      }),
      { numRuns: RUNS },
    )
  })
})
