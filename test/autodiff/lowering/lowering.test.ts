import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { spatialMajor } from '../../../src/autodiff/lowering/spatial-major.js'
import { spellOut } from '../../../src/autodiff/lowering/spell-out.js'
import type { Model } from '../../../src/graph/model.js'
import { valuesOf } from '../../../src/shapes/infer.js'
import { Network, run } from '../../ops/network.js'

const IMAGE = [3, 4, 6, 5]

/** L = Σ output · r, with the output and the gradients of all weights and of the image. */
function differentiated(net: Network, y: string, model: (built: Model) => Model): Model {
  const { outputs } = net
  outputs.length = 0
  net.output(y)
  const built = model(net.model())
  net.outputs.length = 0
  const shape = valuesOf(built).find(built.graph.outputs[0]!.name)!.facts.shape as number[]
  const scaled = new Network(18)
  const r = scaled.weight(shape)
  const input = scaled.input(shape)
  const loss = scaled.op('ReduceSum', [scaled.op('Mul', [input, r])], { keepdims: 0 })
  scaled.output(loss)
  const tail = scaled.model().graph
  const rename = (name: string) => (name === input ? built.graph.outputs[0]!.name : `tail ${name}`)
  const whole: Model = {
    ...built,
    graph: {
      ...built.graph,
      nodes: [
        ...built.graph.nodes,
        ...tail.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
      ],
      initializers: new Map([
        ...built.graph.initializers,
        ...[...tail.initializers].map(([name, tensor]) => [rename(name), { ...tensor, name: rename(name) }] as const),
      ]),
    },
  }
  const wrt = [...net.initializers.values()].filter(({ dtype }) => dtype === 'float32').map(({ name }) => name)
  const images = net.inputs.map(({ name }) => name)
  return gradients(whole, { of: rename(loss), wrt: [...wrt, ...images] }).model
}

/** The model in both forms gives the same output and gradients, up to the rounding of float32. */
async function expectSame(build: (net: Network) => string, tolerance = 2e-5): Promise<Model> {
  const results = []
  const models = []
  for (const lowered of [false, true]) {
    const net = new Network(18)
    const y = build(net)
    const model = differentiated(net, y, lowered ? spatialMajor : (built) => built)
    models.push(lowered ? spellOut(model) : model)
    results.push(await run(models.at(-1)!))
  }
  const [plain, spatial] = results as [Awaited<ReturnType<typeof run>>, Awaited<ReturnType<typeof run>>]
  // Gradients stand in the order of what they belong to; their names are numbered where there are others.
  const others = [...spatial.values()]
  expect(others).toHaveLength(plain.size)
  for (const [i, [name, { dims, data }]] of [...plain].entries()) {
    const other = others[i]!
    expect(other.dims, name).toEqual(dims)
    const numbers = Array.from(data as Float32Array)
    const largest = numbers.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3)
    numbers.forEach((value, i) =>
      expect(Math.abs((other.data[i] as number) - value) / largest, `${name}[${i}]`).toBeLessThan(tolerance),
    )
  }
  return models[1]!
}

const domains = (model: Model) => new Set(model.graph.nodes.map(({ domain }) => domain))
const operators = (model: Model) => new Set(model.graph.nodes.map(({ opType }) => opType))

/** An image that is laid out spatially already. */
function spatialImage(net: Network, dims = IMAGE, channels = 4): string {
  return net.op('Conv', [net.input(dims), net.weight([channels, dims[1]!, 1, 1])])
}

describe('the spatial form of a network computes the same', () => {
  it('convolutions of every kernel, stride, dilation and padding', async () => {
    const sizes = fc.integer({ min: 1, max: 9 })
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.tuple(sizes, sizes),
          kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
          strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
          dilations: fc.constantFrom([1, 1], [2, 1], [2, 2]),
          pads: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
          bias: fc.boolean(),
          first: fc.boolean(),
        }),
        async ({ size, kernel, strides, dilations, pads, bias, first }) => {
          fc.pre(size.every((n, i) => n + pads[i]! + pads[i + 2]! >= (kernel[i]! - 1) * dilations[i]! + 1))
          const model = await expectSame((net) => {
            const image = first ? net.input([2, 3, ...size]) : spatialImage(net, [2, 3, ...size], 3)
            const inputs = [image, net.weight([5, 3, ...kernel]), ...(bias ? [net.weight([5])] : [])]
            return net.op('Conv', inputs, { strides, dilations: [...dilations], pads, kernel_shape: kernel })
          })
          expect(operators(model)).not.toContain('Conv')
          expect(domains(model)).not.toContain('teleport')
        },
      ),
      { numRuns: 40 },
    )
  })

  it('3×3 convolutions of sizes that its algorithms are made for', async () => {
    for (const size of [1, 2, 3, 4, 5, 8])
      for (const stride of [1, 2])
        await expectSame((net) =>
          net.op('Conv', [spatialImage(net, [2, 3, size, size]), net.weight([6, 4, 3, 3])], {
            strides: [stride, stride],
            pads: [1, 1, 1, 1],
          }),
        )
  })

  it('batch normalisation with its statistics', async () => {
    const model = await expectSame((net) => {
      const statistics = [net.weight([4], 0), net.weight([4], 2)]
      const x = spatialImage(net)
      const [y, mean, variance] = net.node(
        'BatchNormalization',
        [x, net.weight([4], 1), net.weight([4]), ...statistics],
        { training_mode: 1, momentum: 0.75, epsilon: { type: 'float', value: 1e-3 } },
        3,
      )
      const perChannel = net.op('Unsqueeze', [net.op('Add', [mean!, variance!]), net.integers([1, 2])])
      // No gradient passes through statistics; comparing them is enough.
      const stopped = net.op('Sign', [net.op('Sub', [perChannel, net.weight([4, 1, 1])])])
      return net.op('Add', [net.op('Relu', [y!]), stopped])
    })
    expect(operators(model)).not.toContain('BatchNormalization')
  })

  it('the running statistics of a batch normalisation', async () => {
    const form = (model: Model) => run(model)
    const build = () => {
      const net = new Network(18)
      const inputs = [spatialImage(net), ...[1, 0, 0, 2].map((center) => net.weight([4], center))]
      const outputs = net.node('BatchNormalization', inputs, { training_mode: 1, momentum: 0.75 }, 3)
      return net.output(...outputs).model()
    }
    const plain = await form(build())
    const lowered = await form(spellOut(spatialMajor(build())))
    for (const [name, { data }] of plain)
      data.forEach((value, i) => expect(lowered.get(name)!.data[i]).toBeCloseTo(value as number, 5))
  })

  it('max pooling, where the first of equal elements takes the gradient', async () => {
    for (const [kernel, stride, pad] of [
      [2, 2, 0],
      [3, 2, 1],
      [3, 1, 1],
      [2, 1, 0],
      [3, 3, 0],
    ] as const)
      for (const relu of [false, true])
        await expectSame((net) => {
          // Whole numbers: many are equal.
          const x = net.op('Round', [net.input([2, 3, 6, 6])])
          const spatial = net.op('Conv', [x, net.constant([3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1])])
          return net.op('MaxPool', [relu ? net.op('Relu', [spatial]) : spatial], {
            kernel_shape: [kernel, kernel],
            strides: [stride, stride],
            pads: [pad, pad, pad, pad],
          })
        })
  })

  it('average pooling, in windows and of everything', async () => {
    for (const counted of [0, 1])
      await expectSame((net) => {
        const pooled = net.op('AveragePool', [spatialImage(net, [2, 3, 9, 12])], {
          kernel_shape: [3, 2],
          strides: [2, 2],
          pads: [1, 0, 1, 0],
          count_include_pad: counted,
        })
        return net.op('Flatten', [net.op('GlobalAveragePool', [net.op('Relu', [pooled])])])
      })
  })

  it('sums and concatenations of branches, and what stays as it is between them', async () => {
    await expectSame((net) => {
      const x = spatialImage(net)
      const y = net.op('Conv', [net.op('Tanh', [x]), net.weight([4, 4, 3, 3])], { pads: [1, 1, 1, 1] })
      const sum = net.op('Add', [y, x])
      const left = net.op('Mul', [sum, net.weight([4, 1, 1])])
      const joined = net.op('Concat', [left, net.op('Sigmoid', [sum]), y], { axis: 1 })
      return net.op('Conv', [joined, net.weight([2, 12, 1, 1]), net.weight([2])])
    })
  })

  it('a pixel that is expanded and flattened before a layer, without ever being expanded', async () => {
    const model = await expectSame((net) => {
      const pixel = net.op('GlobalAveragePool', [spatialImage(net)])
      const expanded = net.op('Expand', [pixel, net.integers([1, 1, 3, 2])])
      return net.op('Gemm', [net.op('Flatten', [expanded]), net.weight([7, 24]), net.weight([7])], { transB: 1 })
    })
    // The gradient of the weights is expanded in the end; nothing else is.
    expect(model.graph.nodes.filter(({ opType }) => opType === 'Expand')).toHaveLength(1)
  })
})

describe('a graph that is spelt out', () => {
  it('has no Identity and keeps its outputs’ names, two of one value too', async () => {
    const net = new Network(18)
    const y = net.op('Relu', [net.input([2, 3])])
    const model = net.output(net.op('Identity', [y]), y, net.op('Identity', [net.inputs[0]!.name])).model()
    const spelt = spellOut(model)
    expect(spelt.graph.outputs.map(({ name }) => name)).toEqual(model.graph.outputs.map(({ name }) => name))
    const [plain, other] = [await run(model), await run(spelt)]
    for (const [name, { data }] of plain) expect(other.get(name)!.data).toEqual(data)
  })

  it('adds an expanded operand as it was before', async () => {
    const net = new Network(18)
    const small = net.op('Relu', [net.input([4, 1, 1])])
    const expanded = net.op('Reshape', [net.op('Expand', [small, net.integers([4, 3, 2])]), net.integers([4, 6])])
    const model = net.output(net.op('Sub', [net.weight([4, 6]), expanded])).model()
    const spelt = spellOut(model)
    expect(operators(spelt)).not.toContain('Expand')
    const [plain, other] = [await run(model), await run(spelt)]
    for (const [name, { data, dims }] of plain) expect(other.get(name)).toMatchObject({ data, dims })
  })

  it('sums rows by a product', async () => {
    const net = new Network(18)
    const x = net.input([1200, 5])
    const model = net.output(net.op('ReduceSum', [x, net.integers([0])], { keepdims: 0 })).model()
    const spelt = spellOut(model)
    expect(operators(spelt)).not.toContain('ReduceSum')
    const [plain, other] = [await run(model), await run(spelt)]
    for (const [name, { data, dims }] of plain) {
      expect(other.get(name)!.dims).toEqual(dims)
      data.forEach((value, i) => expect(other.get(name)!.data[i]).toBeCloseTo(value as number, 3))
    }
  })

  it('stays as it is where it has subgraphs, which refer to names, or sizes that are not fixed', () => {
    const branches = new Network(18)
    const x = branches.input([2, 3])
    const inner = (opType: string) => {
      const net = new Network(18)
      return { type: 'graph', value: net.output(net.op(opType, [x])).model().graph } as const
    }
    const condition = branches.op('Greater', [branches.op('ReduceSum', [x], { keepdims: 0 }), branches.scalar(0)])
    const chosen = branches.op('If', [condition], { then_branch: inner('Relu'), else_branch: inner('Neg') })
    const model = branches.output(chosen).model()
    expect(spellOut(spatialMajor(model))).toBe(model)
    const open = new Network(18)
    const named = open.output(open.op('Relu', [open.input([2, 3])])).model()
    const [info] = named.graph.inputs
    const unbound = { ...named, graph: { ...named.graph, inputs: [{ ...info!, shape: ['N', 3] }] } }
    expect(spellOut(spatialMajor(unbound))).toBe(unbound)
  })

  it('keeps operators of later opsets', async () => {
    const net = new Network(20)
    const model = net.output(net.op('Gelu', [spatialImage(net)])).model()
    const [plain, other] = [await run(model), await run(spellOut(spatialMajor(model)))]
    for (const [name, { data }] of plain)
      data.forEach((value, i) => expect(other.get(name)!.data[i]).toBeCloseTo(value as number, 5))
  })
})
