import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { correctPredictions, crossEntropy, type LossOptions, meanSquaredError } from '../../src/autodiff/losses.js'
import type { GraphBuilder } from '../../src/graph/builder.js'
import type { DType } from '../../src/graph/dtype.js'
import type { Model } from '../../src/graph/model.js'
import type { Value } from '../../src/graph/value.js'
import { Continuation, modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { normalAt } from '../support/draw.js'
import { checkGradients, type Point, runAt } from '../support/gradient-check.js'
import { relativeError } from '../support/oracle.js'
import type { Numbers } from '../support/reference/evaluate.js'

/**
 * Computed by PyTorch 1.13 in double precision, for logits 3·sin k with k = 1, 2, …: loss, its gradient, and the gradient of the sum of the
 * gradient's squares.
 */
const PYTORCH = [
  {
    shape: [3, 4],
    labels: [0, 3, 1],
    labelSmoothing: 0.0,
    loss: 1.3931121,
    gradient: [
      -0.1918662, 0.17339058, 0.017305329, 0.0011702846, 0.00069216571, 0.0053153372, 0.088217269, -0.094224772,
      0.29516258, -0.31657145, 0.0042682343, 0.017140637,
    ],
    second: [
      -0.057020686, 0.05677621, 0.00026436306, -1.9887458e-5, 6.2085824e-5, 0.00052592211, 0.023355357, -0.023943365,
      0.028797643, -0.018872251, -0.0020667786, -0.0078586141,
    ],
    correct: 1,
  },
  {
    shape: [3, 4],
    labels: [0, 3, 1],
    labelSmoothing: 0.1,
    loss: 1.5249273,
    gradient: [
      -0.1668662, 0.16505725, 0.0089719959, -0.0071630487, -0.0076411676, -0.0030179962, 0.079883936, -0.069224772,
      0.28682924, -0.29157145, -0.004065099, 0.0088073041,
    ],
    second: [
      -0.051592133, 0.051870396, -0.00022526401, -5.2998821e-5, 2.8985274e-5, 0.00027173359, 0.019136656, -0.019437375,
      0.027808147, -0.017810984, -0.0020810874, -0.0079160759,
    ],
    correct: 1,
  },
  {
    shape: [2, 3, 2],
    labels: [0, 2, 1, 1],
    labelSmoothing: 0.0,
    loss: 2.3678374,
    gradient: [
      -0.028140402, 0.24154258, 0.027139543, 0.0016302706, 0.0010008593, -0.24317285, 0.16816537, 0.24501925,
      -0.16933188, -0.24753745, 0.0011665112, 0.0025181973,
    ],
    second: [
      -0.0027145653, 0.0071503289, 0.0026684787, -0.00073398345, 4.6086583e-5, -0.0064163454, 0.036888856, 0.0035745615,
      -0.03675513, -0.0023899682, -0.00013372547, -0.0011845933,
    ],
    correct: 1,
  },
  {
    shape: [2, 3, 2],
    labels: [0, 2, 1, 1],
    labelSmoothing: 0.3,
    loss: 2.4740249,
    gradient: [
      0.021859598, 0.21654258, 0.0021395428, -0.023369729, -0.023999141, -0.19317285, 0.14316537, 0.22001925,
      -0.11933188, -0.19753745, -0.023833489, -0.022481803,
    ],
    second: [
      0.0010313657, 0.0061609007, -0.00094422211, -0.00074066151, -8.7143566e-5, -0.0054202392, 0.028749505,
      0.0032125377, -0.028559319, -0.0020242237, -0.00019018563, -0.001188314,
    ],
    correct: 1,
  },
]

function modelOf(build: (builder: GraphBuilder) => Readonly<Record<string, Value>>): Model {
  const builder = newBuilder()
  for (const [name, value] of Object.entries(build(builder))) builder.output(value, name)
  return modelOfBuilder(builder, 'loss')
}

function classifier(
  shape: readonly (number | string)[],
  options: LossOptions & { readonly labelSmoothing?: number } = {},
  dtype: DType = 'float64',
): Model {
  return modelOf((builder) => {
    const logits = builder.input('logits', dtype, shape)
    const labels = builder.input(
      'labels',
      'int64',
      shape.filter((_, axis) => axis !== 1),
    )
    return { loss: crossEntropy(logits, labels, options), correct: correctPredictions(logits, labels) }
  })
}

function wave(dims: readonly number[]): Numbers {
  const size = dims.reduce((a, b) => a * b, 1)
  return { dims, data: Float64Array.from({ length: size }, (_, k) => 3 * Math.sin(k + 1)) }
}

function pointOf(shape: readonly number[], labels: readonly number[], logits = wave(shape)): Point {
  const dims = shape.filter((_, axis) => axis !== 1)
  return new Map([
    ['logits', logits],
    ['labels', { dims, data: Float64Array.from(labels) }],
  ])
}

/** With the gradient of the loss by the logits, and that of the gradient's squares. */
function twice(model: Model): Model {
  const once = gradients(model, { of: 'loss', wrt: ['logits'] })
  const next = new Continuation(once.model, 'again/')
  next.builder.output(next.value('grad/logits').square().sum(undefined, false), 'squares')
  const { model: finished, gradients: names } = gradients(next.finish(), { of: 'squares', wrt: ['logits'] })
  const named = new Map([[names.get('logits'), 'second']])
  const nodes = finished.graph.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => named.get(name) ?? name),
  }))
  const outputs = finished.graph.outputs.map((info) => ({ ...info, name: named.get(info.name) ?? info.name }))
  return { ...finished, graph: { ...finished.graph, nodes, outputs } }
}

describe('crossEntropy', () => {
  it.each(PYTORCH)('of $shape with smoothing $labelSmoothing is as in PyTorch', async (expected) => {
    const { shape, labels, labelSmoothing } = expected
    const symbolic = shape.map((size, axis) => (axis === 0 ? 'N' : size))
    for (const dims of [shape, symbolic]) {
      const found = await runAt(twice(classifier(dims, { labelSmoothing })), pointOf(shape, labels))
      expect(found.get('loss')?.dims).toEqual([])
      expect(found.get('loss')?.data[0]).toBeCloseTo(expected.loss, 6)
      expect(found.get('correct')?.data[0]).toBe(expected.correct)
      expect(relativeError(found.get('grad/logits')?.data ?? [], expected.gradient)).toBeLessThan(1e-7)
      expect(relativeError(found.get('second')?.data ?? [], expected.second)).toBeLessThan(1e-7)
    }
  })

  it('has the gradients that central differences have, once and twice', async () => {
    for (const labelSmoothing of [0, 0.2]) {
      const shape = [3, 4, 2]
      const data = Float64Array.from({ length: 24 }, (_, i) => normalAt(1, i))
      const point = pointOf(shape, [0, 1, 2, 3, 3, 0], { dims: shape, data })
      await checkGradients(classifier(shape, { labelSmoothing, reduction: 'sumOfExamples' }), {}, point)
    }
  })

  it('stays finite for logits of any size', async () => {
    const data = Float64Array.of(1e4, -1e4, 0, -1e4, 1e4, 0)
    const model = gradients(classifier([2, 3], {}, 'float32'), { of: 'loss', wrt: ['logits'] }).model
    const found = await runAt(model, pointOf([2, 3], [0, 0], { dims: [2, 3], data }))
    expect(found.get('loss')?.data[0]).toBe(1e4)
    expect([...(found.get('grad/logits')?.data ?? [])]).toEqual([0, 0, 0, -0.5, 0.5, 0])
  })

  it('of a batch as a sum is the mean times the examples', async () => {
    const shape = [2, 3, 2]
    const [mean, sum] = await Promise.all(
      (['mean', 'sumOfExamples'] as const).map(async (reduction) => {
        const found = await runAt(classifier(shape, { reduction }), pointOf(shape, [0, 2, 1, 1]))
        return found.get('loss')?.data[0] as number
      }),
    )
    expect(sum).toBeCloseTo(2 * (mean as number), 12)
  })

  it('has a gradient of few nodes', () => {
    const model = classifier([8, 10], {}, 'float32')
    const { nodes } = gradients(model, { of: 'loss', wrt: ['logits'] }).model.graph
    // What depends on constants alone is folded.
    const varying = new Set(['logits', 'labels'])
    const added: string[] = []
    for (const { opType, inputs, outputs } of nodes) {
      if (!inputs.some((name) => varying.has(name))) continue
      for (const name of outputs) varying.add(name)
      if (!model.graph.nodes.some((node) => node.outputs[0] === outputs[0])) added.push(opType)
    }
    expect(added).toEqual(['Where', 'Exp', 'ReduceSum', 'Mul', 'Sub', 'Identity'])
  })

  it('refuses labels that do not fit, and smoothing beyond 0 to 1', () => {
    expect(() => classifier([2, 3], { labelSmoothing: 1.5 })).toThrow(
      /label smoothing 1.5: expected a number from 0 to 1/,
    )
    expect(() =>
      modelOf((builder) => ({
        loss: crossEntropy(builder.input('logits', 'float32', [2, 3]), builder.input('labels', 'int64', [2, 3])),
      })),
    ).toThrow(/'logits' of shape \[2, 3\] and labels 'labels' of shape \[2, 3\]/)
    expect(() =>
      modelOf((builder) => ({
        loss: crossEntropy(builder.input('logits', 'float32', [4, 3]), builder.input('labels', 'int64', [2])),
      })),
    ).toThrow(/labels/)
  })
})

describe('meanSquaredError', () => {
  const model = (reduction: LossOptions['reduction'] = 'mean', shape: readonly (number | string)[] = [2, 3]) =>
    modelOf((builder) => ({
      loss: meanSquaredError(builder.input('a', 'float64', shape), builder.input('b', 'float64', shape), { reduction }),
    }))

  it('is the mean over all elements, and of a batch as a sum that times the examples', async () => {
    const at = new Map([
      ['a', wave([2, 3])],
      ['b', { dims: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) }],
    ])
    const squares = [1, 2, 3, 4, 5, 6].map((b) => (3 * Math.sin(b) - b) ** 2)
    const total = squares.reduce((a, b) => a + b)
    for (const shape of [
      [2, 3],
      ['N', 3],
    ]) {
      expect((await runAt(model('mean', shape), at)).get('loss')?.data[0]).toBeCloseTo(total / 6, 12)
      expect((await runAt(model('sumOfExamples', shape), at)).get('loss')?.data[0]).toBeCloseTo(total / 3, 12)
    }
  })

  it('has the gradients that central differences have, once and twice', async () => {
    await checkGradients(model())
    await checkGradients(model('sumOfExamples'))
  })

  it('refuses shapes that differ', () => {
    expect(() =>
      modelOf((builder) => ({
        loss: meanSquaredError(builder.input('a', 'float32', [2, 3]), builder.input('b', 'float32', [2, 1])),
      })),
    ).toThrow(/'a' of shape \[2, 3\] and the target, 'b' of shape \[2, 1\]/)
  })
})
