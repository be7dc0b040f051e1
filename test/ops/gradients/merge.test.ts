import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { awayFromKinks, check, gradientsOfSum, runs } from './elementwise-check.js'

const SHAPES = [
  [[2, 3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 1]],
  [[2, 3], [], [2, 1]],
  [[], [2, 1], [1, 3], [2, 2, 1]],
] as const

function operands(shapes: readonly (readonly number[])[], seed: number) {
  return shapes.map((dims, i) => ({ dims, values: awayFromKinks(dims, seed + 7 * i, -2.4, 2.4) }))
}

describe('gradients of merges', () => {
  for (const opType of ['Add', 'Sub', 'Sum', 'Mean', 'Max', 'Min'])
    for (const shapes of SHAPES) {
      if ((opType === 'Add' || opType === 'Sub') && shapes.length !== 2) continue
      it(`${opType} of shapes ${shapes.map((dims) => `[${dims.join(', ')}]`).join(' ')}`, async () => {
        const example = { opType, inputs: operands(shapes, 1) }
        // ONNX Runtime has no Mean in double precision.
        if (opType !== 'Mean') await check(example)
        await check(example, 'float32')
      })
    }

  it('hold for all numbers of operands and all shapes', async () => {
    const dims = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('Sum', 'Max', 'Min', 'Where'),
        dims,
        fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 7 })), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 1e6 }),
        async (opType, whole, cuts, seed) => {
          const shapes = cuts.map(([rank, ones]) =>
            whole.map((dim, axis) => ((ones >> axis) & 1 ? 1 : dim)).slice(Math.max(0, whole.length - rank)),
          )
          const two = [shapes[0] ?? [], shapes[1] ?? []]
          if (opType !== 'Where') return check({ opType, inputs: operands(shapes, seed) })
          const chosen = {
            dims: whole,
            values: awayFromKinks(whole, seed, 0, 1).map(Math.round),
            dtype: 'bool',
          } as const
          await check({ opType, inputs: [chosen, ...operands(two, seed)], constants: { 0: chosen } })
        },
      ),
      runs(30),
    )
  })

  it('Where of every broadcast', async () => {
    const condition = { dims: [2, 1], values: [1, 0], dtype: 'bool' } as const
    for (const shapes of [...SHAPES, [[2, 3], []], [[], [3]], [[], []]]) {
      if (shapes.length !== 2) continue
      const example = { opType: 'Where', inputs: [condition, ...operands(shapes, 2)], constants: { 0: condition } }
      await check(example)
      await check(example, 'float32')
    }
  })
})

describe('equal operands', () => {
  const a = { dims: [3], values: [1, 2, 3] }
  const b = { dims: [3], values: [3, 2, 1] }

  it('share the gradient, as in PyTorch', async () => {
    expect(await gradientsOfSum({ opType: 'Max', inputs: [a, b] })).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
    ])
    expect(await gradientsOfSum({ opType: 'Min', inputs: [a, b] })).toEqual([
      [1, 0.5, 0],
      [0, 0.5, 1],
    ])
    expect(await gradientsOfSum({ opType: 'Max', inputs: [a, a, a] })).toEqual(
      [1, 2, 3].map(() => [1, 1, 1].map((x) => Math.fround(x / 3))),
    )
  })

  it('may be infinite', async () => {
    const low = { dims: [2], values: [-Infinity, -Infinity] }
    const x = { dims: [2], values: [-Infinity, 0] }
    expect(await gradientsOfSum({ opType: 'Max', inputs: [low, x] })).toEqual([
      [0.5, 0],
      [0.5, 1],
    ])
  })
})

describe('Where', () => {
  it('keeps what it does not choose out of the gradient, whatever it is', async () => {
    const condition = { dims: [2], values: [1, 0], dtype: 'bool' } as const
    const inputs = [condition, { dims: [2], values: [1, NaN] }, { dims: [2], values: [-Infinity, 2] }]
    expect(await gradientsOfSum({ opType: 'Where', inputs, constants: { 0: condition } })).toEqual([
      [1, 0],
      [0, 1],
    ])
  })
})
