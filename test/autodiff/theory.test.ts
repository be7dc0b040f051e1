import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { trainingForm } from '../../src/autodiff/training-form.js'
import { type Assignment, assign } from '../../src/cob/assign.js'
import type { Cob } from '../../src/cob/cob.js'
import { type Sampling, sampleCob } from '../../src/cob/sample.js'
import { intOf } from '../../src/graph/attributes.js'
import type { Model, Node, Tensor } from '../../src/graph/model.js'
import { numbersOf, sizeOf } from '../../src/graph/tensor.js'
import { type Field, RESCALE_PREFIX } from '../../src/ops/field.js'
import { type Quiver, quiverOf } from '../../src/quiver/quiver.js'
import { reportOf } from '../../src/quiver/report.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { offsets } from '../../src/teleport/factor.js'
import { teleport } from '../../src/teleport/teleport.js'
import { withLoss } from '../support/classifier.js'
import { drawn, normalAt, seedOf } from '../support/draw.js'
import { type Point, runAt } from '../support/gradient-check.js'
import { fixturePath, relativeError } from '../support/oracle.js'

/* DESIGN 2.5: what the paper's theory says of gradients, on networks of its four families. */

const FAMILIES = ['mlp-relu', 'vgg', 'resnet', 'densenet'] as const

type Weights = ReadonlyMap<string, Float64Array>

const load = (name: string): Promise<Model> => loadModel(fixturePath(`${name}.onnx`))

/** Random images with random labels. */
function batchFor(model: Model, examples: number, seed = 0): Point {
  const [input] = model.graph.inputs
  const dims = (input?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : examples))
  const labels = Float64Array.from({ length: examples }, (_, i) => Math.floor((normalAt(seed + 1, i) + 4) * 1e4) % 10)
  const facts = { mean: 0, std: 1, min: -4, max: 4 }
  return new Map([
    ['x', { dims, data: drawn(facts, seedOf(`batch ${seed}`), sizeOf(dims)) }],
    ['target', { dims: [examples], data: labels }],
  ])
}

/** Floats that are no running variance: weights, biases, and running means, which move with the input's τ in inference form. */
function weightsOf(model: Model): Weights {
  return new Map(
    [...model.graph.initializers.values()]
      .filter(
        ({ dtype, name }) => dtype === 'float32' && !name.endsWith('running_var') && !name.startsWith(RESCALE_PREFIX),
      )
      .map((tensor) => [tensor.name, numbersOf(tensor)]),
  )
}

/** ∂L/∂w of the cross-entropy. */
async function gradientsAt(model: Model, names: Iterable<string>, batch: Point): Promise<Weights> {
  const derived = gradients(withLoss(model), { of: 'loss', wrt: [...names], keepOutputs: false })
  const found = await runAt(derived.model, batch)
  return new Map([...derived.gradients].map(([name, output]) => [name, found.get(output)?.data ?? new Float64Array()]))
}

/** τ of a value's channels. */
function channels(quiver: Quiver, assignment: Assignment, name: string): (channel: number) => number {
  const field = quiver.fields.get(name) as Field
  const factors = assignment.ofField(field)
  expect(field.dims.every((size, axis) => size === 1 || axis === 1)).toBe(true)
  return (channel) => factors[factors.length === 1 ? 0 : channel] as number
}

/** By the name of a layer's weight or bias: what each of its elements is multiplied by, τ_out/τ_in or τ_out. */
function layerFactors(quiver: Quiver, cob: Cob): Map<string, Float64Array> {
  const assignment = assign(quiver, cob)
  const { graph } = quiver.model
  const factors = new Map<string, Float64Array>()
  const put = (node: Node, input: number, factor: (out: number, into: number) => number) => {
    const tensor = graph.initializers.get(node.inputs[input] ?? '')
    if (tensor === undefined) return
    const [, second = 1, ...kernel] = tensor.dims
    const size = sizeOf(kernel)
    const each = (_: unknown, k: number) => factor(Math.floor(k / (second * size)), Math.floor(k / size) % second)
    factors.set(tensor.name, Float64Array.from({ length: sizeOf(tensor.dims) }, each))
  }
  for (const node of graph.nodes) {
    if (!['Conv', 'Gemm', 'BatchNormalization'].includes(node.opType)) continue
    const out = channels(quiver, assignment, node.outputs[0] as string)
    const into = channels(quiver, assignment, node.inputs[0] as string)
    put(node, 2, (channel) => out(channel))
    if (node.opType === 'BatchNormalization') {
      // In scope `full` the input is divided by its τ first; else γ and the running mean absorb it.
      put(node, 1, (channel) => out(channel) / (quiver.scope === 'full' ? 1 : into(channel)))
      put(node, 3, (channel) => (quiver.scope === 'full' ? 1 : into(channel)))
    } else {
      if (node.opType === 'Gemm') expect(intOf(node, 'transB', 0)).toBe(1)
      expect(intOf(node, 'group', 1)).toBe(1)
      put(node, 1, (to, from) => out(to) / into(from))
    }
  }
  return factors
}

describe.each(FAMILIES)('Theorem 2 on %s: ∇V = (1/τ_out) · ∇W · τ_in', (name) => {
  const cases = (['intra', 'inter'] as const).flatMap((sampling) => [
    { sampling, scope: 'full', training: false } as const,
    { sampling, scope: 'full', training: true } as const,
    { sampling, scope: 'weights', training: false } as const,
  ])
  it.each(cases)('$sampling, scope $scope, batch statistics: $training', async ({ sampling, scope, training }) => {
    const model = await load(name)
    const quiver = quiverOf(model, { scope })
    const cob = sampleCob(quiver, { sampling, range: 0.9, seed: 11 })
    const moved = teleport(model, quiver, cob)
    const before = weightsOf(model)
    const factors = layerFactors(quiver, cob)
    const names = training
      ? [...before.keys()].filter((weight) => !weight.endsWith('running_mean'))
      : [...before.keys()]
    // The factors are those by which the weights were multiplied.
    const after = weightsOf(moved)
    for (const weight of names)
      expect(
        relativeError(
          after.get(weight) ?? [],
          (before.get(weight) as Float64Array).map((w, i) => w * (factors.get(weight)?.[i] as number)),
        ),
      ).toBeLessThan(1e-6)
    const batch = batchFor(model, 8)
    const form = (each: Model) => (training ? trainingForm(each).model : each)
    const [w, v] = [await gradientsAt(form(model), names, batch), await gradientsAt(form(moved), names, batch)]
    let moving = 0
    const largest = Math.max(...[...w.values()].flatMap((gradient) => [...gradient].map(Math.abs)))
    for (const weight of names) {
      const factor = factors.get(weight) as Float64Array
      const expected = (w.get(weight) as Float64Array).map((g, i) => g / (factor[i] as number))
      if (factor.some((f) => f !== 1)) moving++
      const found = v.get(weight) as Float64Array
      const size = Math.max(...expected.map(Math.abs))
      // A bias before batch statistics has the gradient zero, of which only rounding is left.
      if (size < 1e-6 * largest) expect(Math.max(...found.map(Math.abs)), weight).toBeLessThan(1e-6 * largest)
      // What is scaled before batch statistics hardly matters: its gradient is a small difference of large sums.
      else expect(relativeError(found, expected), weight).toBeLessThan(training ? 1e-3 : 1e-5)
    }
    expect(moving).toBeGreaterThan(names.length / 2)
  })
})

describe('the expectation of (τ_in/τ_out)²', () => {
  const expectation = (range: number) => (1 + range ** 2 / 3) / (1 - range ** 2)

  it.each([0.1, 0.3, 0.5, 0.7, 0.9])('is (1 + σ²/3)/(1 − σ²) for intra, σ = %s', async (range) => {
    const quiver = quiverOf(await load('mlp-relu'), { scope: 'full' })
    const [first, second] = quiver.vertices.map(({ name }) => name)
    const ratios = Array.from({ length: 2000 }, (_, seed) => {
      const { factors } = sampleCob(quiver, { sampling: 'intra', range, seed })
      const [into, out] = [first, second].map((name) => factors.get(name ?? '') as Float64Array) as [
        Float64Array,
        Float64Array,
      ]
      // Each τ once, so that ratios are independent of each other.
      return [...out].map((tau, i) => ((into[i] as number) / tau) ** 2)
    }).flat()
    const { mean, standardError } = moments(ratios)
    expect(Math.abs(mean - expectation(range))).toBeLessThan(4 * standardError)
    expect(standardError).toBeLessThan(0.05 * expectation(range))
  })

  it('is what squared gradients between hidden layers grow by', async () => {
    const range = 0.5
    const model = await load('mlp-relu')
    const quiver = quiverOf(model, { scope: 'full' })
    const weight = '3.weight'
    const batch = batchFor(model, 8)
    const square = (w: Weights) => (w.get(weight) as Float64Array).reduce((sum, g) => sum + g * g, 0)
    const before = square(await gradientsAt(model, [weight], batch))
    const growth: number[] = []
    for (let seed = 0; seed < 200; seed++) {
      const moved = teleport(model, quiver, sampleCob(quiver, { sampling: 'intra', range, seed }))
      growth.push(square(await gradientsAt(moved, [weight], batch)) / before)
    }
    const { mean, standardError } = moments(growth)
    expect(Math.abs(mean - expectation(range))).toBeLessThan(4 * standardError)
    expect(standardError).toBeLessThan(0.05)
  })
})

function moments(samples: readonly number[]): { readonly mean: number; readonly standardError: number } {
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (samples.length - 1)
  return { mean, standardError: Math.sqrt(variance / samples.length) }
}

describe('Euler’s identity: Σ_in w·∂L/∂w + b·∂L/∂b = Σ_out w·∂L/∂w', () => {
  it('holds at each neuron of a perceptron, written out', async () => {
    const model = await load('mlp-relu')
    const weights = weightsOf(model)
    const gradient = await gradientsAt(model, weights.keys(), batchFor(model, 8))
    /** w·∂L/∂w, element by element. */
    const terms = (name: string) =>
      (weights.get(name) as Float64Array).map((w, i) => w * (gradient.get(name)?.[i] as number))
    for (const [layer, next, before, neurons, after] of [
      ['1', '3', 192, 32, 24],
      ['3', '5', 32, 24, 10],
    ] as const) {
      const [into, bias, out] = [terms(`${layer}.weight`), terms(`${layer}.bias`), terms(`${next}.weight`)]
      for (let neuron = 0; neuron < neurons; neuron++) {
        const arrows = [...into.subarray(neuron * before, (neuron + 1) * before), bias[neuron] as number]
        const left = arrows.reduce((sum, x) => sum + x, 0)
        const right = Array.from({ length: after }, (_, to) => out[to * neurons + neuron] as number)
        const scale = [...arrows, ...right].reduce((sum, x) => sum + Math.abs(x), 0)
        expect(Math.abs(left - right.reduce((sum, x) => sum + x, 0))).toBeLessThanOrEqual(1e-6 * scale)
      }
    }
  })

  it.each(FAMILIES)('holds at each neuron of %s, by the powers with which its τ stands in weights', async (name) => {
    const model = await load(name)
    const quiver = quiverOf(model, { scope: 'weights' })
    const weights = weightsOf(model)
    for (const examples of [1, 16]) {
      const gradient = await gradientsAt(model, weights.keys(), batchFor(model, examples))
      const { sums, sizes } = byNeuron(quiver, weights, gradient)
      const { pinned, degreesOfFreedom } = reportOf(quiver)
      expect(pinned).toBe(0)
      expect(sums.size).toBe(degreesOfFreedom)
      const largest = Math.max(...sizes.values())
      // Of a neuron that hardly matters only rounding is left.
      for (const [variable, sum] of sums)
        expect(Math.abs(sum)).toBeLessThan(1e-6 * Math.max(sizes.get(variable) as number, 1e-4 * largest))
    }
  })
})

/** For each variable (the τ of a neuron, or of neurons that are joined): Σ power·w·∂L/∂w over the weights that it scales, and Σ of the absolute values. */
function byNeuron(quiver: Quiver, weights: Weights, gradient: Weights) {
  const sums = new Map<number, number>()
  const sizes = new Map<number, number>()
  for (const { node, input, terms, view } of quiver.plan.constants) {
    const name = node.inputs[input] as string
    for (const { field, power } of terms) {
      const at = offsets(field.dims, view)
      at.forEach((index, i) => {
        const term = (weights.get(name)?.[i] as number) * (gradient.get(name)?.[i] as number)
        for (const [variable, exponent] of quiver.classes.powersOf(field.ids[index] as number)) {
          if (quiver.classes.domainOf(variable + 1) === 'pinned') continue
          sums.set(variable, (sums.get(variable) ?? 0) + power * exponent * term)
          sizes.set(variable, (sizes.get(variable) ?? 0) + Math.abs(term))
        }
      })
    }
  }
  return { sums, sizes }
}

describe('a micro-teleportation', () => {
  const inner = (a: Weights, b: Weights) => {
    let sum = 0
    for (const [name, x] of a) x.forEach((value, i) => (sum += value * (b.get(name)?.[i] as number)))
    return sum
  }
  const cosine = (a: Weights, b: Weights) => inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b))

  /** The cosine between V − W and a gradient, root mean square over draws, for each σ. */
  function cosines(
    quiver: Quiver,
    gradient: Weights,
    ranges: readonly number[],
    sampling: Sampling = 'intra',
  ): number[] {
    const before = weightsOf(quiver.model)
    return ranges.map((range) => {
      const squares = Array.from({ length: 8 }, (_, seed) => {
        const moved = weightsOf(teleport(quiver.model, quiver, sampleCob(quiver, { sampling, range, seed })))
        const step = new Map(
          [...gradient.keys()].map((name) => [
            name,
            (moved.get(name) as Float64Array).map((v, i) => v - (before.get(name)?.[i] as number)),
          ]),
        )
        return cosine(step, gradient) ** 2
      })
      return Math.sqrt(squares.reduce((sum, x) => sum + x) / squares.length)
    })
  }

  const RANGES = [1e-1, 1e-2, 1e-3]

  /** It goes to zero as σ does, and in proportion to it. */
  function expectVanishing([a, b, c]: readonly number[]): void {
    for (const ratio of [(b as number) / (a as number), (c as number) / (b as number)]) {
      expect(ratio).toBeGreaterThan(0.08)
      expect(ratio).toBeLessThan(0.125)
    }
    expect(c).toBeLessThan(1e-4)
  }

  function expectRemaining([, b, c]: readonly number[]): void {
    expect((c as number) / (b as number)).toBeGreaterThan(0.9)
    expect((c as number) / (b as number)).toBeLessThan(1.1)
    expect(c).toBeGreaterThan(1e-3)
  }

  it.each(FAMILIES)('of %s is perpendicular to the gradient, whatever data, labels and batch size', async (name) => {
    const model = await load(name)
    const quiver = quiverOf(model, { scope: 'weights' })
    const weights = weightsOf(model)
    for (const examples of [1, 8, 64]) {
      const gradient = await gradientsAt(model, weights.keys(), batchFor(model, examples, examples))
      expectVanishing(cosines(quiver, gradient, RANGES))
    }
  })

  it.each(FAMILIES)('of %s is so no more once the loss has a weight penalty', async (name) => {
    const model = await load(name)
    const quiver = quiverOf(model, { scope: 'weights' })
    const weights = weightsOf(model)
    const gradient = await gradientsAt(model, weights.keys(), batchFor(model, 8))
    // ½·λ·Σ w² with λ = 0.5
    const penalised = new Map(
      [...gradient].map(([weight, g]) => [weight, g.map((x, i) => x + 0.5 * (weights.get(weight)?.[i] as number))]),
    )
    expectRemaining(cosines(quiver, penalised, RANGES))
  })

  /**
   * In scope `full` some arrows get a factor of their own (τ_out/τ_in on a residual arrow, 1/τ before a BatchNormalization). The identity holds
   * for all weights, these among them; training does not know them. Batch statistics make up for those before a BatchNormalization, to which
   * the scale of its input is nothing. So with the trained weights alone a residual network is left with an angle, and so is, in inference form,
   * each network with BatchNormalization.
   */
  it.each([
    ['mlp-relu', 'vanishes', 'vanishes'],
    ['vgg', 'vanishes', 'remains'],
    ['resnet', 'remains', 'remains'],
    ['densenet', 'vanishes', 'remains'],
  ] as const)('of %s in scope full: what is left %s with batch statistics, %s without', async (name, ...expected) => {
    const model = await load(name)
    const quiver = quiverOf(model, { scope: 'full' })
    const trained = [...weightsOf(model).keys()].filter((weight) => !weight.endsWith('running_mean'))
    for (const [i, form] of [trainingForm(model).model, model].entries()) {
      const found = cosines(quiver, await gradientsAt(form, trained, batchFor(model, 8)), RANGES)
      if (expected[i] === 'vanishes') expectVanishing(found)
      else expectRemaining(found)
    }
  })

  // The perceptron has none: there the trained weights are all.
  it.each(['vgg', 'resnet', 'densenet'])(
    'of %s in scope full is perpendicular if the factors on arrows count as weights',
    async (name) => {
      const model = await load(name)
      const quiver = quiverOf(model, { scope: 'full' })
      const before = weightsOf(model)
      for (const training of [true, false]) {
        const trained = [...before.keys()].filter((weight) => !weight.endsWith('running_mean'))
        const found: number[] = []
        for (const range of RANGES) {
          const moved = teleport(model, quiver, sampleCob(quiver, { range, seed: 1 }))
          const inserted = [...moved.graph.initializers.keys()].filter((weight) => weight.startsWith(RESCALE_PREFIX))
          expect(inserted.length).toBeGreaterThan(0)
          const form = training ? trainingForm(moved).model : moved
          const gradient = await gradientsAt(form, [...trained, ...inserted], batchFor(model, 8))
          const step = [...gradient.keys()].map((weight): [string, Float64Array] => {
            const after = numbersOf(moved.graph.initializers.get(weight) as Tensor)
            return [weight, after.map((v, i) => v - (before.get(weight)?.[i] ?? 1))]
          })
          found.push(Math.abs(cosine(new Map(step), gradient)))
        }
        expectVanishing(found)
      }
    },
  )
})
