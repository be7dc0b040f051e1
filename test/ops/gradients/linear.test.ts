import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { checkGradients } from '../../support/gradient-check.js'
import { float, Network } from '../network.js'

interface GemmCase {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
  readonly beta: number
  readonly c: readonly number[] | undefined
  readonly dtype?: 'float32' | 'float64'
}

const [M, K, N] = [3, 2, 4]

function gemm({ transA, transB, alpha, beta, c, dtype = 'float64' }: GemmCase) {
  const net = new Network(18)
  const a = net.input(transA ? [K, M] : [M, K], dtype)
  const b = net.weight(transB ? [N, K] : [K, N], 0, dtype)
  const inputs = c === undefined ? [a, b] : [a, b, net.weight(c, 0, dtype)]
  const attributes = { transA: Number(transA), transB: Number(transB), alpha: float(alpha), beta: float(beta) }
  return net.output(net.op('Gemm', inputs, attributes)).model()
}

function matMul(a: readonly number[], b: readonly number[], dtype: 'float32' | 'float64' = 'float64') {
  const net = new Network(18)
  return net.output(net.op('MatMul', [net.input(a, dtype), net.input(b, dtype)])).model()
}

describe('Gemm', () => {
  const addends = [undefined, [], [1], [N], [1, N], [M, 1], [1, 1], [M, N]]

  for (const transA of [false, true])
    for (const transB of [false, true])
      it(`transA ${transA}, transB ${transB}: in all forms of C`, async () => {
        for (const c of addends) await checkGradients(gemm({ transA, transB, alpha: 0.5, beta: -2, c }))
      })

  it('of a C that counts nothing', async () => {
    await checkGradients(gemm({ transA: false, transB: true, alpha: 1, beta: 0, c: [N] }))
  })

  it('agrees with the reference evaluator', async () => {
    await checkGradients(gemm({ transA: true, transB: true, alpha: 0.5, beta: 3, c: [M, 1], dtype: 'float32' }))
  })
})

describe('MatMul', () => {
  const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[3], [3]],
    [[3], [3, 2]],
    [[2, 3], [3]],
    [
      [2, 3],
      [3, 4],
    ],
    [[3], [2, 3, 4]],
    [[2, 4, 3], [3]],
    [
      [5, 2, 3],
      [3, 4],
    ],
    [
      [2, 3],
      [5, 3, 4],
    ],
    [
      [5, 2, 3],
      [5, 3, 4],
    ],
    [
      [5, 1, 2, 3],
      [2, 3, 4],
    ],
    [
      [1, 2, 3],
      [5, 3, 1],
    ],
    [
      [2, 1, 1, 3],
      [1, 3, 3, 1],
    ],
  ]
  for (const [a, b] of shapes)
    it(`[${a.join(', ')}] by [${b.join(', ')}]`, async () => {
      await checkGradients(matMul(a, b))
      await checkGradients(matMul(a, b, 'float32'))
    })

  it('of any shapes', async () => {
    const size = fc.integer({ min: 1, max: 3 })
    const batch = fc.array(fc.tuple(size, fc.constantFrom('both', 'left', 'right')), { maxLength: 2 })
    const property = fc.asyncProperty(
      fc.record({ batch, left: fc.nat(2), right: fc.nat(2), m: size, k: size, n: size }),
      async ({ batch, left, right, m, k, n }) => {
        const of = (side: string, cut: number) =>
          batch.map(([size, where]) => (where === 'both' || where === side ? size : 1)).slice(cut)
        await checkGradients(matMul([...of('left', left), m, k], [...of('right', right), k, n]))
      },
    )
    await fc.assert(property, { numRuns: Number(process.env['RUNS'] ?? 20) })
  })

  it('of a batch whose size is a name', () => {
    const net = new Network(18)
    const x = net.input([2, 3])
    const w = net.weight([3, 4])
    const y = net.op('ReduceSum', [net.op('MatMul', [x, w])], { keepdims: 0 })
    const model = net.output(y).model()
    const symbolic = {
      ...model,
      graph: { ...model.graph, inputs: [{ name: x, dtype: 'float32' as const, shape: ['N', 'T', 3] }] },
    }
    const { model: derived, gradients: names } = gradients(symbolic, { of: y, wrt: [w, x] })
    const shapes = new Map(derived.graph.outputs.map(({ name, shape }) => [name, shape]))
    expect(shapes.get(names.get(w) as string)).toEqual([3, 4])
    expect(shapes.get(names.get(x) as string)).toEqual(['N', 'T', 3])
    // The sum over the batch is part of one product.
    expect(derived.graph.nodes.filter(({ opType }) => opType === 'Gemm')).toHaveLength(1)
  })
})
