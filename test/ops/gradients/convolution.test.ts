import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { DeclaredDim, Model } from '../../../src/graph/model.js'
import { Continuation } from '../../../src/shapes/build.js'
import { valuesOf } from '../../../src/shapes/infer.js'
import { type Numbers, evaluate } from '../../support/reference/evaluate.js'
import { type Point, checkGradients, freed, runAt } from '../../support/gradient-check.js'
import { normalAt, seedOf } from '../../support/draw.js'
import { relativeError } from '../../support/oracle.js'
import { Network } from '../network.js'

type Attributes = Readonly<Record<string, number | string | readonly number[]>>

interface Layer {
  readonly opType: 'Conv' | 'ConvTranspose'
  readonly batch: number
  readonly group: number
  /** Channels of the input and of the output, in each group. */
  readonly channels: readonly [number, number]
  readonly spatial: readonly number[]
  readonly kernel: readonly number[]
  readonly bias: boolean
  readonly attributes: Attributes
}

function modelOf({ opType, batch, group, channels, spatial, kernel, bias, attributes }: Layer): Model {
  const net = new Network(18)
  const [inputs, outputs] = channels
  const x = net.input([batch, group * inputs, ...spatial])
  const w = net.weight([...(opType === 'Conv' ? [group * outputs, inputs] : [group * inputs, outputs]), ...kernel])
  const b = bias ? [net.weight([group * outputs])] : []
  return net.output(net.op(opType, [x, w, ...b], { ...attributes, ...(group > 1 && { group }) })).model()
}

/** What ONNX Runtime computes, beside the reference evaluator. */
async function checkForward(model: Model): Promise<void> {
  const free = freed(model)
  const at = pointFor(free)
  const name = free.graph.outputs[0]?.name as string
  const found = (await runAt(free, at)).get(name) as Numbers
  const expected = evaluate(free, at, [name]).get(name) as Numbers
  expect(found.dims).toEqual(expected.dims)
  expect(valuesOf(model).find(name)?.facts.shape, 'shape rule').toEqual(expected.dims)
  expect(relativeError(found.data, expected.data)).toBeLessThan(1e-5)
}

function pointFor(model: Model, batch = 2): Point {
  return new Map(
    model.graph.inputs.map(({ name, shape = [] }) => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : dim === 'N' ? batch : 7))
      const size = dims.reduce((a, b) => a * b, 1)
      const seed = seedOf(name)
      return [name, { dims, data: Float64Array.from({ length: size }, (_, i) => normalAt(seed, i)) }]
    }),
  )
}

/** Sizes along one spatial axis. */
const axis = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  begin: fc.integer({ min: 0, max: 3 }),
  end: fc.integer({ min: 0, max: 3 }),
  /** Output padding of a ConvTranspose, below the stride. */
  extra: fc.integer({ min: 0, max: 2 }),
  /** How much smaller than all of it an `output_shape` is. */
  less: fc.integer({ min: 0, max: 3 }),
})

const layer = fc
  .record({
    opType: fc.constantFrom('Conv' as const, 'ConvTranspose' as const),
    batch: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    channels: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    bias: fc.boolean(),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    padding: fc.constantFrom('pads', 'none', 'VALID', 'SAME_UPPER', 'SAME_LOWER', 'shape', 'shape SAME_UPPER'),
    padded: fc.boolean(),
  })
  .map(({ axes, padding, padded, ...rest }): Layer | undefined => {
    const transpose = rest.opType === 'ConvTranspose'
    const same = padding.startsWith('SAME')
    // ONNX Runtime has no dilation beside auto_pad SAME.
    const dilations = axes.map(({ dilation }) => (same && !transpose ? 1 : dilation))
    const reaches = axes.map(({ kernel }, i) => (kernel - 1) * (dilations[i] as number) + 1)
    const strides = axes.map(({ stride }) => stride)
    const extra = axes.map(({ extra, stride }) => (transpose && padded && !same ? Math.min(extra, stride - 1) : 0))
    const full = axes.map(({ size, stride }, i) => (size - 1) * stride + (reaches[i] as number) + (extra[i] as number))
    const pads = padding === 'pads' ? axes.map(({ begin, end }) => begin + end) : axes.map(() => 0)
    const impossible = axes.some(({ size, stride }, i) => {
      if (transpose)
        return same
          ? (reaches[i] as number) + (extra[i] as number) < stride
          : (full[i] as number) <= (pads[i] as number)
      return padding.startsWith('shape') || (!same && size + (pads[i] as number) < (reaches[i] as number))
    })
    if (impossible) return undefined
    const attributes = {
      strides,
      dilations,
      ...(padding === 'pads' && { pads: [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)] }),
      ...((same || padding === 'VALID') && { auto_pad: padding }),
      ...(padding === 'shape SAME_UPPER' && { auto_pad: 'SAME_UPPER' }),
      ...(padding.startsWith('shape') && {
        output_shape: full.map((size, i) => Math.max(axes[i]?.size ?? 1, size - (axes[i]?.less ?? 0))),
      }),
      ...(extra.some((count) => count > 0) && { output_padding: extra }),
    }
    return { ...rest, spatial: axes.map(({ size }) => size), kernel: axes.map(({ kernel }) => kernel), attributes }
  })
  .filter((made) => made !== undefined)
  .filter(({ batch, group, channels, spatial }) => batch * group * channels[0] * spatial.reduce((a, b) => a * b) < 400)

const square = { batch: 2, group: 1, channels: [2, 3], bias: true } as const

/**
 * Computed by PyTorch 1.13 in double precision for L = Σ y³: ∂L/∂x, ∂L/∂w, ∂L/∂b, and ∂M/∂w of M = Σ (∂L/∂x)² + Σ (∂L/∂w)² + Σ (∂L/∂b)².
 * Elements k = 1, 2, … of x are sin k, of w sin 2k, of the bias sin 3k.
 */
const PYTORCH = [
  {
    opType: 'Conv',
    x: [1, 2, 4],
    w: [2, 2, 3],
    attributes: { strides: [2], pads: [1, 1] },
    gx: [-0.781975, -1.98536, -0.0193173, -0.0072493, -0.0335891, -2.40049, -0.01385, -0.0138235],
    gw: [
      0.0231468, 0.0190207, -0.00259288, -0.00711271, -0.00085791, 0.0200617, 0.000165384, 2.24499, 2.42578,
      -5.08204e-5, -2.5582, -0.745274,
    ],
    gb: [0.0437907, 2.66809],
    hw: [
      3.97758, -1.37453, -5.6051, -1.37553, 5.19891, 5.0058, 0.458357, -130.887, -147.981, -0.141942, 144.635, 29.791,
    ],
  },
  {
    opType: 'Conv',
    x: [2, 2, 5],
    w: [4, 1, 2],
    attributes: { dilations: [2], group: 2 },
    gx: [
      1.6257, 5.0971, 0.320774, -0.509439, 2.52041, 3.58236, -0.0451475, -0.0180435, -0.0446031, -0.355305, 3.07332,
      2.67319, -2.2139, -0.582286, 0.178234, -0.451229, 5.78347, 5.0634, -3.20336, -2.23345,
    ],
    gw: [3.03479, -2.90588, 3.91369, -5.80906, -3.03386, -1.5064, -12.3952, 9.74483],
    gb: [19.1585, 13.0455, 5.52144, 19.9864],
    hw: [1207.3, -956.319, -327.452, 611.029, -69.4934, -8.18195, 1678.1, -1328.2],
  },
  {
    opType: 'Conv',
    x: [1, 1, 3, 4],
    w: [2, 1, 2, 2],
    attributes: { strides: [1, 2], pads: [1, 0, 1, 0] },
    gx: [
      -7.33041, -5.30942, 6.6991, -5.12849, 15.2581, -8.25592, -8.09992, 1.18983, 3.84312, 1.26539, 11.7346, -4.05383,
    ],
    gw: [-1.90511, -8.53254, 8.46886, 6.38629, 15.5669, 22.1604, -22.975, -10.9033],
    gb: [18.6846, 29.7992],
    hw: [1268.77, -763.945, 497.632, 1575.58, -4424.85, -5196.26, 5932.35, 1690.13],
  },
  {
    opType: 'ConvTranspose',
    x: [1, 2, 3],
    w: [2, 1, 3],
    attributes: { strides: [2], pads: [1, 1], output_padding: [1] },
    gx: [-0.0463351, 0.0433548, 0.0433498, -0.0697355, 0.00289208, 0.0320994],
    gw: [0.125863, 0.0342615, 0.293353, -0.157901, -0.0469695, -0.319997],
    gb: [0.618411],
    hw: [3.63109, -0.631543, 6.7719, -4.30961, 0.406767, -6.96588],
  },
  {
    opType: 'ConvTranspose',
    x: [1, 2, 2, 2],
    w: [2, 2, 2, 1],
    attributes: { strides: [3, 1], dilations: [2, 1], group: 2 },
    gx: [2.36865, 2.77948, 0.168152, 2.79305, 3.70274, 0.758456, -0.426707, -0.0469007],
    gw: [3.98046, 0.280114, 1.47727, -0.570257, -2.72212, -2.68618, -6.30172, 2.67105],
    gb: [9.79652, 8.20551, 9.24211, 17.1297],
    hw: [391.903, -119.529, -88.6533, 259.852, -109.573, -108.091, 633.131, -235.59],
  },
]

describe('the gradients of Conv and ConvTranspose', () => {
  it.each<[string, Layer]>([
    ['Conv in one dimension', { ...square, opType: 'Conv', spatial: [7], kernel: [3], attributes: { pads: [1, 1] } }],
    [
      'Conv whose stride does not divide',
      {
        ...square,
        opType: 'Conv',
        spatial: [8, 6],
        kernel: [3, 1],
        attributes: { strides: [3, 4], pads: [1, 0, 0, 2] },
      },
    ],
    [
      'a depthwise Conv',
      {
        ...square,
        opType: 'Conv',
        group: 4,
        channels: [1, 1],
        spatial: [5, 5],
        kernel: [3, 3],
        attributes: { pads: [1, 1, 1, 1] },
      },
    ],
    [
      'a depthwise Conv with two outputs a channel',
      {
        ...square,
        opType: 'Conv',
        group: 3,
        channels: [1, 2],
        spatial: [5, 5],
        kernel: [3, 3],
        attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
      },
    ],
    [
      'Conv in three dimensions',
      {
        ...square,
        opType: 'Conv',
        spatial: [3, 4, 5],
        kernel: [2, 3, 2],
        attributes: { dilations: [1, 1, 2], pads: [1, 0, 0, 0, 1, 2] },
      },
    ],
    [
      'Conv with padding beyond the kernel',
      { ...square, opType: 'Conv', spatial: [2], kernel: [2], attributes: { pads: [4, 5], strides: [3] } },
    ],
    [
      'ConvTranspose with output_padding',
      {
        ...square,
        opType: 'ConvTranspose',
        spatial: [3, 3],
        kernel: [3, 3],
        attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
      },
    ],
    [
      'ConvTranspose with output_shape',
      {
        ...square,
        opType: 'ConvTranspose',
        spatial: [3, 3],
        kernel: [3, 2],
        attributes: { strides: [2, 3], output_shape: [6, 5] },
      },
    ],
    [
      'a grouped, dilated ConvTranspose in three dimensions',
      {
        ...square,
        opType: 'ConvTranspose',
        group: 2,
        spatial: [2, 3, 2],
        kernel: [2, 2, 3],
        attributes: { dilations: [2, 1, 3], strides: [1, 3, 2], pads: [1, 0, 2, 0, 1, 1] },
      },
    ],
  ])('%s', async (_, layer) => {
    await checkForward(modelOf(layer))
    await checkGradients(modelOf(layer))
  })

  it(
    'with any attributes',
    async () => {
      await fc.assert(
        fc.asyncProperty(layer, async (made) => {
          const model = modelOf(made)
          await checkForward(model)
          await checkGradients(model)
        }),
        { numRuns: Number(process.env['RUNS'] ?? 30) },
      )
    },
    Number(process.env['RUNS'] ?? 30) * 1000,
  )

  it.each<[string, Layer, readonly DeclaredDim[]]>([
    [
      'the batch',
      {
        ...square,
        opType: 'Conv',
        spatial: [8, 7],
        kernel: [3, 2],
        attributes: { strides: [3, 2], auto_pad: 'SAME_UPPER' },
      },
      ['N', 2, 8, 7],
    ],
    [
      'the batch of a grouped Conv',
      {
        ...square,
        opType: 'Conv',
        group: 2,
        spatial: [7, 7],
        kernel: [3, 2],
        attributes: { strides: [3, 2], dilations: [1, 3] },
      },
      ['N', 4, 7, 7],
    ],
    [
      'the batch of a grouped ConvTranspose',
      {
        ...square,
        opType: 'ConvTranspose',
        group: 2,
        spatial: [4, 3],
        kernel: [3, 2],
        attributes: { strides: [3, 2], pads: [1, 0, 0, 1] },
      },
      ['N', 4, 4, 3],
    ],
    [
      'batch, height and width',
      {
        ...square,
        opType: 'Conv',
        spatial: [7, 7],
        kernel: [3, 2],
        attributes: { strides: [3, 1], pads: [1, 2, 1, 0] },
      },
      ['N', 2, 'H', 'W'],
    ],
    [
      'batch, height and width, with groups',
      { ...square, opType: 'Conv', group: 3, spatial: [7, 7], kernel: [3, 2], attributes: { auto_pad: 'SAME_LOWER' } },
      ['N', 6, 'H', 'W'],
    ],
    [
      'batch, height and width of a ConvTranspose',
      {
        ...square,
        opType: 'ConvTranspose',
        group: 2,
        spatial: [7, 7],
        kernel: [3, 2],
        attributes: { strides: [3, 1], output_padding: [1, 0] },
      },
      ['N', 4, 'H', 'W'],
    ],
  ])('where only a name is known of %s', async (_, layer, declared) => {
    const known = twice(freed(modelOf(layer)))
    const { graph } = freed(modelOf(layer))
    const inputs = graph.inputs.map((info, i) => (i === 0 ? { ...info, shape: declared } : info))
    const unknown = twice({ ...freed(modelOf(layer)), graph: { ...graph, inputs } })
    const expected = await runAt(known, pointFor(known))
    const found = await runAt(unknown, pointFor(unknown))
    expect(found.size).toBe(1 + 2 * known.graph.inputs.length)
    const pairs = [...found.values()].map((value, i) => [value, [...expected.values()][i] as Numbers] as const)
    for (const [value, { dims, data }] of pairs) {
      expect(value.dims).toEqual(dims)
      expect(relativeError(value.data, data)).toBeLessThan(1e-5)
    }
  })

  it.each(PYTORCH)('$opType of $x and $w is as in PyTorch', async ({ opType, x, w, attributes, gx, gw, gb, hw }) => {
    const net = new Network(18)
    const names = [net.input(x), net.input(w), net.input([gb.length])]
    const model = twice(net.output(net.op(opType, names, attributes)).model())
    const wave = (frequency: number, dims: readonly number[]): Numbers => ({
      dims,
      data: Float64Array.from({ length: dims.reduce((a, b) => a * b) }, (_, k) => Math.sin(frequency * (k + 1))),
    })
    const at = new Map([x, w, [gb.length]].map((dims, i) => [names[i] as string, wave(i + 1, dims)]))
    const found = [...(await runAt(model, at)).values()]
    const expected = [gx, gw, gb, undefined, hw]
    expected.forEach((values, i) => {
      if (values !== undefined) expect(relativeError((found[i] as Numbers).data, values)).toBeLessThan(1e-5)
    })
  })

  it('with a weight that is computed', async () => {
    const net = new Network(18)
    const x = net.input([2, 3, 5])
    const w = net.op('Mul', [net.input([2, 1, 1]), net.weight([2, 3, 3])])
    await checkGradients(net.output(net.op('Conv', [x, w, net.input([2])], { strides: [2] })).model())
  })

  it('are refused where ONNX and ONNX Runtime disagree on the size, and for negative pads', () => {
    const unlike = modelOf({
      ...square,
      opType: 'ConvTranspose',
      spatial: [3],
      kernel: [1],
      attributes: { strides: [2], auto_pad: 'SAME_UPPER' },
    })
    expect(() => twice(freed(unlike))).toThrow(/ConvTranspose 'ConvTranspose node 0': .*disagree/)
    const negative = modelOf({ ...square, opType: 'Conv', spatial: [5], kernel: [2], attributes: { pads: [0, -1] } })
    expect(() => twice(freed(negative))).toThrow(/Conv 'Conv node 0': pads are negative/)
  })
})

/** The gradients of L = Σ y³ by all inputs, and those of the sum of their squares. */
function twice(model: Model): Model {
  const continuation = new Continuation(model, 'sum/')
  const y = continuation.value(model.graph.outputs[0]?.name as string)
  continuation.builder.output(y.mul(y).mul(y).sum(undefined, false), 'L')
  const wrt = model.graph.inputs.map(({ name }) => name)
  const once = gradients(continuation.finish(), { of: 'L', wrt })
  const next = new Continuation(once.model, 'again/')
  const squares = [...once.gradients.values()].map((name) => next.value(name).square().sum(undefined, false))
  next.builder.output(
    squares.reduce((sum, term) => sum.add(term)),
    'M',
  )
  const { model: finished, gradients: names } = gradients(next.finish(), { of: 'M', wrt })
  const outputs = [...once.gradients.values(), ...names.values(), 'L'].map((name) => ({ name }))
  return { ...finished, graph: { ...finished.graph, outputs } }
}
