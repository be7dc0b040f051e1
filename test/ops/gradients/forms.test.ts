import { describe, expect, it } from 'vitest'
import type { AttributeValue } from '../../support/plain-graph.js'
import { awayFromKinks, type Example, gradientsOfSum } from './elementwise-check.js'

const DIMS = [2, 3]

type More = Partial<Pick<Example, 'opset' | 'outputs'>> & {
  readonly attributes?: Readonly<Record<string, AttributeValue>>
}

function unary(names: string, low: number, high: number, more: More = {}): Example[] {
  const inputs = [{ dims: DIMS, values: awayFromKinks(DIMS, 1, low, high) }]
  return names.split(' ').map((opType) => ({ opType, inputs, ...more }))
}

/** The second operand is broadcast. */
function binary(names: string, more: More = {}): Example[] {
  const inputs = [
    { dims: DIMS, values: awayFromKinks(DIMS, 1, 0.4, 2.4) },
    { dims: [3], values: awayFromKinks([3], 2, 0.4, 2.4) },
  ]
  return names.split(' ').map((opType) => ({ opType, inputs, ...more }))
}

/** With integers as second input. */
function indexed(names: string, dims: readonly number[], integers: readonly number[], more: More = {}): Example[] {
  const second = { dims, values: integers, dtype: 'int64' } as const
  return unary(names, -2.4, 2.4, more).map((example) => ({
    ...example,
    inputs: [...example.inputs, second],
    constants: { 1: second },
  }))
}

const REDUCTIONS = 'ReduceSum ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp'

const EXAMPLES: readonly Example[] = [
  ...unary(
    'Relu LeakyRelu Elu Selu ThresholdedRelu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish',
    -2.4,
    2.4,
  ),
  ...unary('Erf Shrink Abs Exp Neg Sin Cos Atan Asinh Sinh Cosh Clip Softmax LogSoftmax', -2.4, 2.4),
  ...unary('Gelu', -2.4, 2.4, { opset: 20 }),
  ...unary('Gelu', -2.4, 2.4, { opset: 20, attributes: { approximate: 'tanh' } }),
  ...unary('Swish', -2.4, 2.4, { opset: 24 }),
  ...unary('Log Sqrt Reciprocal ReduceLogSum', 0.3, 2.4),
  ...unary('Tan Asin Acos Atanh', -0.8, 0.8),
  ...unary('Acosh', 1.3, 3),
  ...unary(REDUCTIONS, -2.4, 2.4),
  ...indexed(REDUCTIONS, [1], [0], { attributes: { keepdims: 0 } }),
  ...indexed('CumSum', [], [1]),
  ...indexed('TopK', [1], [2], { outputs: 2 }),
  ...binary('Add Sub Mul Div Pow Max Min Sum Mean PRelu'),
  ...binary('Mod', { attributes: { fmod: 1 } }),
]

describe('gradients of every operator', () => {
  it('are the same where the model has names for sizes', async () => {
    for (const example of EXAMPLES)
      expect(await gradientsOfSum(example, 'float32', { named: true }), example.opType).toEqual(
        await gradientsOfSum(example),
      )
  })

  it('are of half precision in a model of half precision', async () => {
    for (const example of EXAMPLES) {
      const single = (await gradientsOfSum(example)).flat()
      const half = (await gradientsOfSum(example, 'float16')).flat()
      expect(half.length).toBe(single.length)
      half.forEach((value, i) => {
        const expected = single[i] as number
        expect(Math.abs(value - expected) / (1 + Math.abs(expected)), example.opType).toBeLessThan(6e-3)
      })
    }
  })

  it('of a product over a size that has only a name are refused in one line', async () => {
    const [product] = unary('ReduceProd', -2, 2) as [Example]
    await expect(gradientsOfSum(product, 'float32', { named: true })).rejects.toThrow(
      /^ReduceProd 'ReduceProd node 0': the gradient of a product needs to know how many factors it has/,
    )
  })
})
