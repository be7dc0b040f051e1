import { expect } from 'vitest'
import { type Sampling, sampleCob } from '../../src/cob/sample.js'
import { isNumber } from '../../src/graph/dims.js'
import type { Model } from '../../src/graph/model.js'
import { type Quiver, quiverOf } from '../../src/quiver/quiver.js'
import { teleport } from '../../src/teleport/teleport.js'
import { derivedFacts, exposed, type Network, numbersIn, run } from './network.js'

/** `Gemm free`: each vertex, in the order of the graph, with the domains of its neurons; `output` where it is an output's. */
export function verticesOf(quiver: Quiver): string[] {
  return quiver.vertices.map(({ opType, first, size }) => {
    const domains = Array.from({ length: size }, (_, i) =>
      quiver.classes.isOutput(first + i + 1) ? 'output' : quiver.classes.domainOf(first + i + 1),
    )
    return `${opType} ${[...new Set(domains)].join(' or ')}`
  })
}

async function relativeErrors(model: Model, moved: Model): Promise<number[]> {
  const before = await run(model)
  const after = await run(moved)
  return [...before].map(([name, tensor]) => {
    const other = after.get(name)
    if (other === undefined) return Infinity
    expect(other.dims).toEqual(tensor.dims)
    const a = numbersIn(tensor)
    const b = numbersIn(other)
    const largest = Math.max(...a.map(Math.abs))
    // Something must come out, or nothing could go wrong.
    expect(largest).toBeGreaterThan(0)
    expect(largest).toBeLessThan(Infinity)
    return Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number)))) / largest
  })
}

async function shapesHold(model: Model, open: boolean): Promise<void> {
  const actual = await run(exposed(model))
  for (const [name, facts] of derivedFacts(model)) {
    const tensor = actual.get(name)
    if (tensor === undefined) continue
    const shape = facts.shape?.map((dim, axis) => (open && !isNumber(dim) ? tensor.dims[axis] : dim))
    expect({ name, dtype: facts.dtype, shape }).toEqual({ name, dtype: tensor.dtype, shape: tensor.dims })
    const { numbers } = facts
    if (numbers?.every(isNumber) === true) expect(numbers).toEqual(numbersIn(tensor))
  }
}

/**
 * Teleports a network in both scopes, with factors near 1 and of either sign: its function stays as it is, and the vertices
 * may move as far as is said. Shape rules are held against what ONNX Runtime computes on the way.
 */
export async function preserves(
  network: Network,
  expected: {
    readonly weights: readonly string[]
    readonly full: readonly string[]
    readonly tolerance?: number
    /** Sizes may depend on what is fed. */
    readonly open?: boolean
  },
): Promise<void> {
  const model = network.model()
  await shapesHold(model, expected.open === true)
  for (const scope of ['weights', 'full'] as const) {
    const quiver = quiverOf(model, { scope })
    expect(verticesOf(quiver), scope).toEqual(expected[scope])
    let moving = 0
    for (const sampling of ['intra', 'inter'] satisfies Sampling[]) {
      const cob = sampleCob(quiver, { sampling, range: 0.9, seed: 3 })
      for (const { name, first, size } of quiver.vertices)
        for (let i = 0; i < size; i++) {
          const tau = cob.factors.get(name)?.[i]
          const domain = quiver.classes.domainOf(first + i + 1)
          // Before an operator that rounds τ is a power of two, and that may be 1.
          const rounded = quiver.classes.powersOf(first + i + 1).some(([variable]) => quiver.rounded.has(variable))
          if (domain === 'pinned') expect(tau).toBe(1)
          else if (domain !== 'sign' && !rounded) expect(tau).not.toBe(1)
          if (tau !== 1) moving++
        }
      const moved = teleport(model, quiver, cob)
      if (scope === 'weights') expect(moved.changes.nodesAdded).toBe(0)
      for (const error of await relativeErrors(model, moved))
        expect(error, `${scope} ${sampling}`).toBeLessThanOrEqual(expected.tolerance ?? 1e-5)
    }
    if (expected[scope].some((vertex) => /free|positive|sign/.test(vertex))) expect(moving).toBeGreaterThan(0)
  }
}
