import { describe, expect, test } from 'vitest'
import type { DType } from '../../src/graph/dtype.js'
import { type DeclaredDim, type Model, ModelError, type Node, type Tensor } from '../../src/graph/model.js'
import { sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { numberReader } from '../../src/runtime/host.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { drawInputs } from '../../src/teleport/inputs.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

function modelWith(
  inputs: Record<string, readonly [DType, DeclaredDim[]]>,
  nodes: Node[] = [],
  weights: Tensor[] = [],
): Model {
  return modelOf({
    nodes,
    inputs: Object.entries(inputs).map(([name, [dtype, shape]]) => ({ name, dtype, shape })),
    initializers: new Map(weights.map((weight) => [weight.name, weight])),
  })
}

function values(tensor: HostTensor | undefined): number[] {
  if (tensor === undefined) throw new Error('no such input')
  const read = numberReader(tensor)
  if (read === undefined) throw new Error('strings')
  return Array.from({ length: tensor.data.length }, (_, i) => read(i))
}

const one = (model: Model, name: string, options = {}) =>
  drawInputs(model, { samples: 1, ...options }).samples[0]?.get(name)
const zeros = (name: string, dims: number[]) => tensorOf(name, 'float32', dims, new Float32Array(sizeOf(dims)))

describe('drawInputs', () => {
  test('draws the same for a seed, something else for another, and the same for one input whatever else there is', () => {
    const model = modelWith({ x: ['float32', [1, 3, 8, 8]] })
    const more = modelWith({ a: ['float32', [2, 2]], x: ['float32', [1, 3, 8, 8]] })
    expect(one(model, 'x', { seed: 5 })).toEqual(one(model, 'x', { seed: 5 }))
    expect(one(model, 'x', { seed: 5 })).not.toEqual(one(model, 'x', { seed: 6 }))
    expect(one(more, 'x', { seed: 5 })).toEqual(one(model, 'x', { seed: 5 }))
    // Pinned, for other machines: these numbers may only change with the generator.
    expect(values(one(model, 'x')).slice(0, 3)).toMatchInlineSnapshot(`
      [
        0.7081894278526306,
        0.5821234583854675,
        0.5655112862586975,
      ]
    `)
  })

  test('pictures have the scale of normalised ones, vary in space, and differ between samples', () => {
    const { samples } = drawInputs(modelWith({ x: ['float32', ['N', 3, 'H', 'W']] }))
    expect(samples).toHaveLength(4)
    for (const sample of samples) {
      const data = values(sample.get('x'))
      const mean = data.reduce((a, b) => a + b) / data.length
      const deviation = Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length)
      expect(deviation).toBeGreaterThan(0.1)
      expect(deviation).toBeLessThan(3)
      expect(Math.abs(mean)).toBeLessThan(1)
    }
    expect(samples[0]).not.toEqual(samples[1])
  })

  test('channels-last pictures have their structure in rows and columns', () => {
    const data = values(one(modelWith({ x: ['float32', [1, 16, 16, 3]] }), 'x'))
    const at = (y: number, x: number, c: number) => data[(y * 16 + x) * 3 + c] ?? NaN
    let [near, far] = [0, 0]
    for (let y = 0; y < 15; y++)
      for (let x = 0; x < 15; x++) {
        near += Math.abs(at(y, x, 0) - at(y, x + 1, 0)) + Math.abs(at(y, x, 0) - at(y + 1, x, 0))
        far += 2 * Math.abs(at(y, x, 0) - at(15 - y, 15 - x, 0))
      }
    expect(near).toBeLessThan(far)
  })

  test('one name is one size, fixed sizes stay, anonymous ones stand alone', () => {
    const model = modelWith({
      ids: ['int64', ['batch', 'seq']],
      more: ['int64', ['batch', 'seq']],
      x: ['float32', [null, 3, '?', 40]],
    })
    const { samples, sizes } = drawInputs(model, { samples: 1 })
    expect(samples[0]?.get('ids')?.dims).toEqual([2, 16])
    expect(samples[0]?.get('more')?.dims).toEqual([2, 16])
    expect(samples[0]?.get('x')?.dims).toEqual([2, 3, 64, 40])
    expect(sizes).toEqual({ batch: 2, seq: 16, 'x:0': 2, 'x:2': 64 })
  })

  test('sizes can be set by name and by input and axis', () => {
    const model = modelWith({ x: ['float32', ['N', 3, null, 'W']] })
    expect(one(model, 'x', { dims: { N: 1, 'x:2': 32, W: 96 } })?.dims).toEqual([1, 3, 32, 96])
    expect(one(model, 'x', { dims: { 'x:0': 5 } })?.dims[0]).toBe(5)
    expect(() => drawInputs(model, { dims: { batch: 1 } })).toThrow(
      /dimension 'batch': the model leaves no such dimension open; it has N, x:0/,
    )
    expect(() => drawInputs(model, { dims: { N: 0 } })).toThrow(ModelError)
    expect(drawInputs(model, { dims: { N: 1, 'x:2': 32, W: 96 } }).open).toBe(false)
    expect(drawInputs(model, { dims: { N: 1 } }).open).toBe(true)
  })

  test('later attempts are larger, and never touch what was set', () => {
    const model = modelWith({ x: ['float32', ['N', 3, 'H', 'W']] })
    expect(one(model, 'x', { attempt: 1 })?.dims).toEqual([1, 3, 64, 64])
    expect(one(model, 'x', { attempt: 3, dims: { W: 48 } })?.dims).toEqual([1, 3, 224, 48])
  })

  test('a dimension named by a sum is the sum', () => {
    const model = modelWith({
      past: ['float32', ['batch', 4, 'past_len', 8]],
      mask: ['int64', ['batch', 'past_len + 1']],
    })
    expect(one(model, 'past')?.dims).toEqual([2, 4, 4, 8])
    expect(one(model, 'mask')?.dims).toEqual([2, 5])
  })

  test('token ids stay within the table that they look up, found through Cast and Unsqueeze', () => {
    const nodes = [
      nodeOf('Cast', ['ids'], ['a']),
      nodeOf('Unsqueeze', ['a', 'axes'], ['b']),
      nodeOf('Gather', ['table', 'b'], ['e'], { axis: 0 }),
    ]
    const model = modelWith({ ids: ['int64', [64, 64]] }, nodes, [zeros('table', [50, 4])])
    const ids = values(one(model, 'ids'))
    expect(Math.max(...ids)).toBe(49)
    expect(Math.min(...ids)).toBe(0)
  })

  test('the smallest of several tables bounds, and a table given as Constant counts', () => {
    const constant: Node = {
      ...nodeOf('Constant', [], ['t']),
      attributes: new Map([['value', { type: 'tensor', value: zeros('', [7, 2]) }]]),
    }
    const nodes = [constant, nodeOf('Gather', ['t', 'ids'], ['e']), nodeOf('Gather', ['table', 'ids'], ['f'])]
    const ids = values(one(modelWith({ ids: ['int32', [200]] }, nodes, [zeros('table', [50, 4])]), 'ids'))
    expect(Math.max(...ids)).toBe(6)
  })

  test('masks are ones, padded at the end in every other sample; lengths, rates, types and positions mean what they say', () => {
    const model = modelWith({
      attention_mask: ['int64', ['batch', 'seq']],
      x_lengths: ['int64', ['batch']],
      sr: ['int64', []],
      token_type_ids: ['int64', ['batch', 'seq']],
      position_ids: ['int64', [1, 'seq']],
    })
    const { samples } = drawInputs(model)
    expect(new Set(values(samples[0]?.get('attention_mask')))).toEqual(new Set([1]))
    const mask = values(samples[1]?.get('attention_mask'))
    expect(mask.slice(0, 8)).toEqual(Array(8).fill(1))
    expect(mask.slice(0, 16)).toEqual([...mask.slice(0, 16)].sort((a, b) => b - a))
    expect(values(samples[0]?.get('x_lengths'))).toEqual([16, 16])
    expect(samples[0]?.get('sr')).toEqual({ dtype: 'int64', dims: [], data: BigInt64Array.of(16000n) })
    expect(values(samples[0]?.get('token_type_ids')).every((id) => id === 0 || id === 1)).toBe(true)
    expect(values(samples[0]?.get('position_ids'))).toEqual(Array.from({ length: 16 }, (_, i) => i))
  })

  test('recurrent states start at zero and are small afterwards', () => {
    const { samples } = drawInputs(modelWith({ state: ['float32', [2, null, 128]] }))
    expect(values(samples[0]?.get('state')).every((x) => x === 0)).toBe(true)
    expect(values(samples[1]?.get('state')).some((x) => x !== 0)).toBe(true)
  })

  test("open channels and features take the size that the first layer's weights demand", () => {
    const conv = modelWith(
      { x: ['float32', [1, null, 8, 8]] },
      [nodeOf('Conv', ['x', 'w'], ['y'], { group: 2 })],
      [zeros('w', [4, 5, 3, 3])],
    )
    expect(one(conv, 'x')?.dims).toEqual([1, 10, 8, 8])
    const gemm = modelWith(
      { x: ['float32', [1, null]] },
      [nodeOf('Gemm', ['x', 'w'], ['y'], { transB: 1 })],
      [zeros('w', [4, 7])],
    )
    expect(one(gemm, 'x')?.dims).toEqual([1, 7])
    const matmul = modelWith(
      { x: ['float32', [1, 5, null]] },
      [nodeOf('MatMul', ['x', 'w'], ['y'])],
      [zeros('w', [9, 4])],
    )
    expect(one(matmul, 'x')?.dims).toEqual([1, 5, 9])
  })

  test('below IR version 4 the initializers among the inputs are not fed', () => {
    const model = modelWith({ x: ['float32', [1, 2]], w: ['float32', [2, 2]] }, [], [zeros('w', [2, 2])])
    expect([...(drawInputs(model, { samples: 1 }).samples[0]?.keys() ?? [])]).toEqual(['x'])
  })

  test.each<[string, Model, RegExp]>([
    ['a huge shape', modelWith({ x: ['float32', [100000, 100000]] }), /larger than 1073741824 bytes/],
    ['bfloat16', modelWith({ x: ['bfloat16', [1]] }), /type bfloat16 can neither/],
  ])('refuses %s in one line', (_, model, message) => {
    expect(() => drawInputs(model)).toThrow(ModelError)
    expect(() => drawInputs(model)).toThrow(message)
  })

  test('every element type can be drawn', () => {
    for (const dtype of [
      'float16',
      'float32',
      'float64',
      'int8',
      'uint8',
      'int16',
      'uint16',
      'int32',
      'uint32',
      'int64',
      'uint64',
      'bool',
      'string',
    ] as const)
      expect(one(modelWith({ x: [dtype, [2, 3]] }), 'x')).toMatchObject({ dtype, dims: [2, 3] })
  })
})
