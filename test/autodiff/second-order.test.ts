import { describe, expect, it } from 'vitest'
import { largestEigenvalue } from '../../src/autodiff/eigenvalue.js'
import { gradients } from '../../src/autodiff/gradients.js'
import { Hessian, type SymmetricOperator } from '../../src/autodiff/hessian.js'
import { crossEntropy } from '../../src/autodiff/losses.js'
import { hessianVector } from '../../src/autodiff/second-order.js'
import { eigenpairs } from '../../src/autodiff/symmetric.js'
import { trace } from '../../src/autodiff/trace.js'
import { trainingForm } from '../../src/autodiff/training-form.js'
import type { Model } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensors } from '../../src/runtime/session.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { batchOf, withLoss } from '../support/classifier.js'
import { normalAt, seedOf } from '../support/draw.js'
import { feedsAt, freed, type Point, runAt } from '../support/gradient-check.js'
import { fixturePath, Oracle } from '../support/oracle.js'
import type { Numbers } from '../support/reference/evaluate.js'

const WEIGHTS = { w1: [3, 4], b1: [4], w2: [4, 3], b2: [3] } as const

function drawn(name: string, dims: readonly number[], scale = 1): Numbers {
  const size = dims.reduce((a, b) => a * b, 1)
  return { dims, data: Float64Array.from({ length: size }, (_, i) => scale * normalAt(seedOf(name), i)) }
}

/** Cross-entropy of a perceptron with tanh, in double precision; 31 weights. */
function perceptron(): Model {
  const builder = newBuilder()
  const weight = (name: keyof typeof WEIGHTS) =>
    builder.initializer(tensorOf(name, 'float64', WEIGHTS[name], drawn(name, WEIGHTS[name]).data))
  const hidden = builder.input('x', 'float64', ['N', 3]).matmul(weight('w1')).add(weight('b1')).op('Tanh')
  const logits = hidden.matmul(weight('w2')).add(weight('b2'))
  builder.output(crossEntropy(logits, builder.input('labels', 'int64', ['N'])), 'loss')
  return modelOfBuilder(builder, 'perceptron')
}

function dataOf(name: string): Point {
  return new Map([
    ['x', drawn(name, [5, 3])],
    ['labels', { dims: [5], data: Float64Array.of(0, 1, 2, 1, 0) }],
  ])
}

const NAMES = Object.keys(WEIGHTS)

async function opened(data: readonly Point[] = [dataOf('x')]): Promise<Hessian> {
  const model = perceptron()
  const feeds = data.map((point): HostTensors => feedsAt(model, point))
  return await Hessian.open(nodeRuntime, model, { of: 'loss', wrt: NAMES, feeds, threads: 1 })
}

async function dense(operator: SymmetricOperator): Promise<Float64Array[]> {
  const columns: Float64Array[] = []
  for (let i = 0; i < operator.size; i++)
    columns.push(await operator.apply(Float64Array.from({ length: operator.size }, (_, k) => (k === i ? 1 : 0))))
  return columns
}

/** Central differences of the gradient along v, one number for each weight. */
async function differences(model: Model, names: readonly string[], data: Point, v: Point, step: number) {
  const derived = gradients(freed(model), { of: 'loss', wrt: names, keepOutputs: false })
  const weights = new Map([...model.graph.initializers].map(([name, tensor]) => [name, numbersOf(tensor)]))
  const at = async (by: number) => {
    const moved = [...weights].map(([name, data]): [string, Numbers] => {
      const direction = v.get(name)?.data
      return [
        name,
        { dims: model.graph.initializers.get(name)!.dims, data: data.map((w, i) => w + by * (direction?.[i] ?? 0)) },
      ]
    })
    const found = await runAt(derived.model, new Map([...data, ...moved]))
    return names.flatMap((name) => [...found.get(derived.gradients.get(name) as string)!.data])
  }
  const [plus, minus] = [await at(step), await at(-step)]
  return plus.map((g, i) => (g - (minus[i] as number)) / (2 * step))
}

/** Without kinks, at which gradients jump: Tanh for Relu, the average for the maximum. */
function smooth(model: Model): Model {
  const replaced: Readonly<Record<string, string>> = { Relu: 'Tanh', MaxPool: 'AveragePool' }
  const nodes = model.graph.nodes.map((node) => {
    const attributes = new Map([...node.attributes].filter(([name]) => name !== 'dilations' || node.opType === 'Conv'))
    return { ...node, opType: replaced[node.opType] ?? node.opType, attributes }
  })
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...model.graph, nodes } }
}

describe('hessianVector', () => {
  it('is the central difference of the gradient, in double precision', async () => {
    const model = perceptron()
    const derived = hessianVector(model, { of: 'loss', wrt: NAMES })
    const v = new Map(NAMES.map((name) => [name, drawn(`v ${name}`, WEIGHTS[name as keyof typeof WEIGHTS])]))
    const fed = [...v].map(([name, value]) => [derived.vectors.get(name) as string, value] as const)
    const found = await runAt(derived.model, new Map([...dataOf('x'), ...fed]))
    expect([...derived.vectors.values()]).toEqual(['v/w1', 'v/b1', 'v/w2', 'v/b2'])
    expect(found.has('loss')).toBe(true)
    const expected = await differences(model, NAMES, dataOf('x'), v, 1e-5)
    const products = NAMES.flatMap((name) => [...found.get(derived.products.get(name) as string)!.data])
    for (const [name, dims] of Object.entries(WEIGHTS))
      expect(found.get(derived.products.get(name) as string)?.dims).toEqual(dims)
    products.forEach((product, i) => expect(product).toBeCloseTo(expected[i] as number, 8))
  })

  it.each(['vgg', 'resnet', 'densenet'])(
    'of a smooth %s is symmetric, in both forms, and the central difference of the gradient',
    async (name) => {
      const oracle = new Oracle(name)
      const plain = smooth(await loadModel(fixturePath(`${name}.onnx`)))
      for (const model of [withLoss(plain), withLoss(trainingForm(plain).model)]) {
        const names = oracle.names('train.grad/')
        const feeds = new Map(feedsAt(model, batchOf(oracle)))
        const hessian = await Hessian.open(nodeRuntime, model, { of: 'loss', wrt: names, feeds, threads: 1 })
        const [u, v] = ['u', 'v'].map((vector) => drawn(vector, [hessian.size]).data) as [Float64Array, Float64Array]
        const [hu, hv] = [await hessian.apply(u), await hessian.apply(v)]
        await hessian.release()
        const inner = (a: Float64Array, b: ArrayLike<number>) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
        const scale = Math.sqrt(inner(hu, hu) * inner(v, v))
        expect(Math.abs(inner(u, hv) - inner(v, hu)) / scale).toBeLessThan(1e-5)
        let start = 0
        const part = (name: string): [string, Numbers] => {
          const { dims } = model.graph.initializers.get(name)!
          const size = dims.reduce((a, b) => a * b, 1)
          start += size
          return [name, { dims, data: v.subarray(start - size, start) }]
        }
        const along = new Map(names.map(part))
        const expected = await differences(model, names, batchOf(oracle), along, 1e-4)
        const difference = hv.map((x, i) => x - (expected[i] as number))
        expect(Math.sqrt(inner(difference, difference) / inner(hv, hv))).toBeLessThan(1e-3)
      }
    },
  )
})

describe('the Hessian of a small network', () => {
  it('is symmetric, with the eigenvalues and the trace that are found from products', async () => {
    const hessian = await opened()
    const matrix = await dense(hessian)
    matrix.forEach((row, i) => row.forEach((x, j) => expect(x).toBeCloseTo(matrix[j]?.[i] as number, 12)))
    const values = eigenpairs(matrix).map(({ value }) => value)
    const [greatest, least] = [values[0] as number, values.at(-1) as number]
    expect(least).toBeLessThan(0)
    expect(greatest).toBeGreaterThan(0)

    const found = await largestEigenvalue(hessian, { tolerance: 1e-6 })
    expect(found.converged).toBe(true)
    expect(found.value).toBeCloseTo(greatest, 9)
    expect(found.residual).toBeLessThan(1e-6 * greatest)
    expect(found.products).toBeLessThan(40)
    const lowest = await largestEigenvalue(hessian, { which: 'least', tolerance: 1e-5, seed: 3 })
    expect(lowest.value).toBeCloseTo(least, 8)
    const power = await largestEigenvalue(hessian, { method: 'power', tolerance: 1e-5, maxProducts: 500 })
    expect(power.converged).toBe(true)
    expect(power.value).toBeCloseTo(greatest > -least ? greatest : least, 8)
    expect((await largestEigenvalue(hessian, { tolerance: 1e-6 })).vector).toEqual(found.vector)

    const sum = values.reduce((a, b) => a + b)
    const estimate = await trace(hessian, { samples: 400, seed: 5 })
    expect(Math.abs(estimate.value - sum)).toBeLessThan(3 * estimate.standardError)
    // Var vᵀHv = 2·Σ of the squares off the diagonal.
    const squares = matrix.flatMap((row, i) => [...row].map((x, j) => (i === j ? 0 : x * x))).reduce((a, b) => a + b)
    expect(estimate.standardError / Math.sqrt((2 * squares) / 400)).toBeGreaterThan(0.8)
    expect(estimate.standardError / Math.sqrt((2 * squares) / 400)).toBeLessThan(1.2)
    const early = await trace(hessian, { samples: 400, tolerance: 0.5 })
    expect(early.samples).toBeLessThan(400)
    expect(early.standardError).toBeLessThan(0.5 * Math.abs(early.value))
    await hessian.release()
  })

  it('over several batches is their mean', async () => {
    const [one, two, both] = await Promise.all([
      opened([dataOf('x')]),
      opened([dataOf('other')]),
      opened([dataOf('x'), dataOf('other')]),
    ])
    const v = drawn('v', [one.size]).data
    const [a, b, mean] = [await one.apply(v), await two.apply(v), await both.apply(v)]
    mean.forEach((x, i) => expect(x).toBeCloseTo(((a[i] as number) + (b[i] as number)) / 2, 12))
    for (const hessian of [one, two, both]) await hessian.release()
  })

  it('refuses vectors of another size, and names that are no initializers', async () => {
    const hessian = await opened()
    await expect(hessian.apply(new Float64Array(3))).rejects.toThrow(/has 31 elements; got 3/)
    await hessian.release()
    const feeds = feedsAt(perceptron(), dataOf('x'))
    await expect(Hessian.open(nodeRuntime, perceptron(), { of: 'loss', wrt: ['x'], feeds })).rejects.toThrow(
      /float initializers of the model; 'x' is none/,
    )
    await expect(Hessian.open(nodeRuntime, perceptron(), { of: 'loss', wrt: [], feeds })).rejects.toThrow(
      /at least one/,
    )
  })
})

function operatorOf(matrix: readonly (readonly number[])[]): SymmetricOperator {
  return {
    size: matrix.length,
    apply: (v) =>
      Promise.resolve(Float64Array.from(matrix, (row) => row.reduce((sum, x, j) => sum + x * (v[j] as number), 0))),
  }
}

function diagonal(values: readonly number[]): SymmetricOperator {
  return operatorOf(values.map((x, i) => values.map((_, j) => (i === j ? x : 0))))
}

describe('eigenpairs', () => {
  it('of random symmetric matrices fulfil their definition', () => {
    for (let n = 1; n <= 12; n++) {
      const entries = drawn(`matrix ${n}`, [n, n]).data
      const matrix = Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) => entries[Math.min(i, j) * n + Math.max(i, j)] as number),
      )
      const pairs = eigenpairs(matrix)
      pairs.forEach(({ value, vector }, k) => {
        matrix.forEach((row, i) => {
          const product = row.reduce((sum, x, j) => sum + x * (vector[j] as number), 0)
          expect(product).toBeCloseTo(value * (vector[i] as number), 11)
        })
        pairs.forEach((other, l) => {
          const inner = vector.reduce((sum, x, i) => sum + x * (other.vector[i] as number), 0)
          expect(inner).toBeCloseTo(k === l ? 1 : 0, 12)
        })
        if (k > 0) expect(value).toBeLessThanOrEqual(pairs[k - 1]?.value as number)
      })
    }
  })
})

describe('largestEigenvalue', () => {
  const values = Array.from({ length: 60 }, (_, i) => (i === 7 ? -12 : i / 6))

  it('tells the greatest from the one of greatest magnitude', async () => {
    const operator = diagonal(values)
    for (const basis of [5, 20, 100]) {
      const greatest = await largestEigenvalue(operator, { basis, tolerance: 1e-4, maxProducts: 1000 })
      expect(greatest.converged).toBe(true)
      expect(greatest.value).toBeCloseTo(59 / 6, 5)
      const magnitude = await largestEigenvalue(operator, { basis, which: 'magnitude', tolerance: 1e-4 })
      expect(magnitude.value).toBeCloseTo(-12, 5)
    }
    const power = await largestEigenvalue(operator, { method: 'power', tolerance: 1e-4 })
    expect(power.value).toBeCloseTo(-12, 5)
    expect(Math.abs(power.vector[7] as number)).toBeCloseTo(1, 6)
  })

  it('says where it has not converged, and how far it is off', async () => {
    for (const method of ['power', 'lanczos'] as const) {
      const found = await largestEigenvalue(diagonal(values), { method, maxProducts: 3, tolerance: 1e-9 })
      expect(found).toMatchObject({ converged: false, products: 3 })
      expect(found.residual).toBeGreaterThan(0.1)
      expect(Math.min(...values.map((value) => Math.abs(value - found.value)))).toBeLessThan(found.residual)
    }
  })

  it('is exact for matrices of one row, of zeros, and the identity', async () => {
    for (const method of ['power', 'lanczos'] as const)
      for (const [matrix, value] of [
        [[-3], -3],
        [[0, 0, 0], 0],
        [[2, 2, 2, 2], 2],
      ] as const) {
        const found = await largestEigenvalue(diagonal(matrix), { method })
        expect(found.value).toBeCloseTo(value, 14)
        expect(found.residual).toBeLessThan(1e-14)
        expect(found.converged).toBe(true)
      }
  })

  it('refuses what makes no sense', async () => {
    const operator = diagonal([1, 2])
    await expect(largestEigenvalue(operator, { method: 'power', which: 'least' })).rejects.toThrow(/use lanczos/)
    await expect(largestEigenvalue(operator, { maxProducts: 0 })).rejects.toThrow(/maxProducts is 0/)
    await expect(largestEigenvalue(operator, { tolerance: 0 })).rejects.toThrow(/tolerance is 0/)
    await expect(largestEigenvalue(diagonal([NaN]))).rejects.toThrow(/product 1 with the Hessian is not finite/)
  })
})

describe('trace', () => {
  it('is exact for a diagonal matrix, from any signs', async () => {
    expect(await trace(diagonal([1, -2, 5]), { samples: 3 })).toEqual({ value: 4, standardError: 0, samples: 3 })
    expect((await trace(diagonal([1, -2, 5]), { tolerance: 0.1 })).samples).toBe(10)
  })

  it('refuses a single sample, which has no standard error', async () => {
    await expect(trace(diagonal([1]), { samples: 1 })).rejects.toThrow(/samples is 1/)
  })
})
