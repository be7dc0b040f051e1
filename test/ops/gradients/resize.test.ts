import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { checkGradients, runAt, withScalar } from '../../support/gradient-check.js'
import { normalAt, seedOf } from '../../support/draw.js'
import { evaluate, type Numbers } from '../../support/reference/evaluate.js'
import { float, Network } from '../network.js'

type Attributes = Parameters<Network['op']>[2]

interface Form {
  readonly shape: readonly number[]
  readonly scales?: readonly number[]
  readonly sizes?: readonly number[]
  readonly roi?: readonly number[]
  readonly attributes?: Attributes
}

function networkOf({ shape, scales, sizes, roi, attributes = {} }: Form) {
  const net = new Network(19)
  const x = net.input(shape)
  // A node, for initializers are what is differentiated by.
  const list = (values: readonly number[] | undefined) =>
    values === undefined ? '' : net.op('Constant', [], { value_floats: { type: 'floats', value: values } })
  const y = net.op(
    'Resize',
    [net.op('Mul', [x, x]), list(roi), list(scales), ...(sizes ? [net.integers(sizes)] : [])],
    attributes,
  )
  return { model: net.output(net.op('Mul', [y, y])).model(), x, y }
}

function drawn(name: string, dims: readonly number[]): Numbers {
  const seed = seedOf(name)
  return { dims, data: Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => normalAt(seed, i)) }
}

/** What the map does to x, its transpose does to dy: ⟨y, r⟩ = ⟨x, dx⟩ for L = ⟨y, r⟩, whatever r is. */
async function checkTranspose(form: Form): Promise<void> {
  const { model, y } = networkOf(form)
  const [{ name: x }] = model.graph.inputs as [{ name: string }]
  const squares = model.graph.nodes.filter(({ opType }) => opType === 'Mul')
  const linear = model.graph.nodes.filter((node) => !squares.includes(node))
  const renamed = linear.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === squares[0]?.outputs[0] ? x : input)),
  }))
  const plain = { ...model, graph: { ...model.graph, nodes: renamed, outputs: [{ name: y }] } }
  const scalar = withScalar(plain, 'L', [y])
  const { model: differentiated, gradients: names } = gradients(scalar, { of: 'L', wrt: [x] })
  for (let k = 0; k < 3; k++) {
    const at = drawn(`direction ${k}`, form.shape)
    const outputs = await runAt(differentiated, new Map([[x, at]]))
    const dx = outputs.get(names.get(x) as string) as Numbers
    const product = dx.data.reduce((sum, d, i) => sum + d * (at.data[i] as number), 0)
    expect(product).toBeCloseTo((outputs.get('L') as Numbers).data[0] as number, 4)
  }
}

/** The reference agrees with ONNX Runtime, and the rule with central differences of the reference. */
async function check(form: Form): Promise<void> {
  const { model, x } = networkOf(form)
  const [{ name }] = model.graph.outputs as [{ name: string }]
  const at = new Map([[x, drawn(x, form.shape)]])
  const found = (await runAt(model, at)).get(name) as Numbers
  const expected = evaluate(model, at, [name]).get(name) as Numbers
  expect(found.dims).toEqual(expected.dims)
  found.data.forEach((value, i) => expect(value).toBeCloseTo(expected.data[i] as number, 4))
  await checkGradients(model, { wrt: [x] })
}

const COORDINATES = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric']

describe('gradients of Resize', () => {
  describe.each(COORDINATES)('coordinates %s', (coordinate_transformation_mode) => {
    it.each(['linear', 'nearest', 'cubic'])('mode %s', async (mode) => {
      const attributes = { mode, coordinate_transformation_mode }
      await check({ shape: [1, 2, 3, 5], scales: [1, 1, 1.7, 2.3], attributes })
      await check({ shape: [2, 1, 4, 5], sizes: [2, 1, 3, 9], attributes })
      await check({ shape: [1, 1, 4, 6], sizes: [1, 1, 1, 4], attributes })
      await check({ shape: [1, 2, 3, 4], scales: [1, 1, 2, 3], attributes })
    })

    it.each(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])('nearest, %s', async (nearest_mode) => {
      const attributes = { mode: 'nearest', coordinate_transformation_mode, nearest_mode }
      await check({ shape: [1, 2, 3, 5], scales: [1, 1, 1.7, 2.3], attributes })
      await check({ shape: [2, 1, 4, 5], sizes: [2, 1, 3, 9], attributes })
      await check({ shape: [1, 1, 3, 2], scales: [1, 1, 2, 3], attributes })
    })
  })

  it.each(['linear', 'nearest', 'cubic'])('cut out, mode %s', (mode) =>
    check({
      shape: [1, 2, 5, 6],
      sizes: [1, 2, 4, 7],
      roi: [0, 0, 0.1, -0.3, 1, 1, 0.8, 1.1],
      attributes: {
        mode,
        coordinate_transformation_mode: 'tf_crop_and_resize',
        extrapolation_value: float(3),
      },
    }),
  )

  it('cubic with another coefficient, without what lies outside', () =>
    check({
      shape: [1, 1, 5, 4],
      scales: [1, 1, 1.5, 2],
      attributes: { mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 },
    }))

  it('along some axes', () =>
    check({ shape: [1, 2, 3, 4], scales: [2, 1.5], attributes: { mode: 'linear', axes: [3, 2] } }))
  it('of three axes', () =>
    check({ shape: [1, 1, 2, 3, 4], scales: [1, 1, 2, 1.5, 2], attributes: { mode: 'linear' } }))
  it('of one axis in front', () => check({ shape: [3, 2, 2], scales: [2.5, 1, 1], attributes: { mode: 'nearest' } }))

  it.each(['linear', 'cubic'])('with antialias, mode %s', (mode) =>
    checkTranspose({ shape: [1, 2, 7, 6], scales: [1, 1, 0.45, 0.7], attributes: { mode, antialias: 1 } }),
  )

  // Left out of the standard since opset 13, ONNX Runtime still has it, with bounds of its own.
  it.each(['linear', 'nearest', 'cubic'])('coordinates tf_half_pixel_for_nn, mode %s', async (mode) => {
    const attributes = { mode, coordinate_transformation_mode: 'tf_half_pixel_for_nn' }
    await checkTranspose({ shape: [1, 2, 3, 5], scales: [1, 1, 1.7, 2.3], attributes })
    await checkTranspose({ shape: [2, 1, 4, 5], sizes: [2, 1, 3, 9], attributes })
    await checkTranspose({ shape: [1, 2, 3, 4], scales: [1, 1, 2, 3], attributes })
  })

  it('refuses its scales as variables, and sizes that keep the aspect ratio', () => {
    const net = new Network(19)
    const x = net.input([1, 1, 2, 2])
    const scales = net.constant([4], [1, 1, 2, 2])
    const y = net.op('ReduceSum', [net.op('Resize', [x, '', scales])], { keepdims: 0 })
    expect(() => gradients(net.output(y).model(), { of: y, wrt: [scales] })).toThrow(
      /Resize '.*': the gradient by its roi or scales/,
    )
    const kept = new Network(19)
    const image = kept.input([1, 1, 2, 2])
    const sizes = kept.op('Resize', [image, '', '', kept.integers([1, 1, 4, 6])], {
      keep_aspect_ratio_policy: 'not_larger',
    })
    const z = kept.op('ReduceSum', [sizes], { keepdims: 0 })
    expect(() => gradients(kept.output(z).model(), { of: z, wrt: [image] })).toThrow(/keep_aspect_ratio_policy/)
  })
})
