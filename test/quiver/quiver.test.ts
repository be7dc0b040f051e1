import { describe, expect, it } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import { type Graph, ModelError } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { reportOf, vertexReports } from '../../src/quiver/report.js'
import { Network } from '../ops/network.js'

/** Three layers, the last of which is the output. */
function perceptron(activation: string): Network {
  const net = new Network()
  const layer = (x: string, from: number, to: number) => net.op('Gemm', [x, net.weight([from, to]), net.weight([to])])
  const first = net.op(activation, [layer(net.input([2, 5]), 5, 6)])
  return net.output(layer(net.op(activation, [layer(first, 6, 4)]), 4, 3))
}

const names = (net: Network): string[] => quiverOf(net.model()).vertices.map((vertex) => vertex.name)

describe('a quiver', () => {
  it('has a vertex per layer, under its output value’s name', () => {
    const { vertices } = quiverOf(perceptron('Relu').model())
    expect(vertices.map(({ opType, size, first }) => [opType, size, first])).toEqual([
      ['Gemm', 6, 0],
      ['Gemm', 4, 6],
      ['Gemm', 3, 10],
    ])
    expect(vertices.map(({ name, node }) => [name, node])).toEqual([
      ['Gemm_3', "Gemm 'Gemm node 0'"],
      ['Gemm_7', "Gemm 'Gemm node 2'"],
      ['Gemm_11', "Gemm 'Gemm node 4'"],
    ])
  })

  it.each([
    ['Relu', 'positive', 'free'],
    ['Tanh', 'sign', 'free'],
    ['Sigmoid', 'pinned', 'free'],
    ['Identity', 'free', 'free'],
  ] as const)('behind %s is %s in weights, %s in full', (activation, weights, full) => {
    const model = perceptron(activation).model()
    expect(reportOf(quiverOf(model))).toMatchObject({ neurons: 10, outputs: 3, [weights]: 10 })
    expect(reportOf(quiverOf(model, { scope: 'full' }))).toMatchObject({ neurons: 10, outputs: 3, [full]: 10 })
  })

  it('moves what is included and not excluded', () => {
    const net = perceptron('Relu')
    const [first, second] = names(net) as [string, string]
    const moving = (options: { include?: string[]; exclude?: string[] }) =>
      vertexReports(quiverOf(net.model(), options))
        .filter((vertex) => vertex.pinned === 0)
        .map((vertex) => vertex.name)
    expect(moving({})).toEqual([first, second])
    expect(moving({ include: [second] })).toEqual([second])
    expect(moving({ exclude: [second] })).toEqual([first])
    expect(moving({ include: ['Gemm*'], exclude: ['*_3'] })).toEqual([second])
    expect(moving({ include: ['*'], exclude: ['*'] })).toEqual([])
    // A dot is a dot.
    expect(() => quiverOf(net.model(), { include: ['Gemm.3'] })).toThrow(ModelError)
    expect(() => quiverOf(net.model(), { exclude: ['nothing*'] })).toThrow(
      "no vertex is named 'nothing*': expected a vertex's name, or a pattern with *, such as 'Gemm_3'",
    )
  })

  it('pins what crosses the border of a subgraph in weights, and names what is inside by its place', () => {
    const net = new Network()
    const hidden = net.op('Relu', [net.op('Gemm', [net.input([2, 5]), net.weight([5, 6])])])
    const branch = (name: string): Graph => {
      const inner = new Network()
      const weights = [inner.weight([6, 4]), inner.weight([4, 6])] as const
      const value = inner.op('MatMul', [inner.op('Relu', [inner.op('MatMul', [hidden, weights[0]])]), weights[1]])
      // Names of their own: what a branch can see may not be used again.
      const own = (value: string) => (value === hidden || value === '' ? value : `${name} ${value}`)
      const graph = inner.output(value).graph()
      return {
        ...graph,
        nodes: graph.nodes.map((node) => ({
          ...node,
          name: own(node.name),
          inputs: node.inputs.map(own),
          outputs: node.outputs.map(own),
        })),
        outputs: graph.outputs.map((info) => ({ ...info, name: own(info.name) })),
        initializers: new Map([...graph.initializers.values()].map((t) => [own(t.name), { ...t, name: own(t.name) }])),
      }
    }
    const condition = net.constant([], [1], 'bool')
    net.output(net.op('If', [condition], { then_branch: branch('a'), else_branch: branch('b') }))
    const reports = vertexReports(quiverOf(net.model()))
    expect(
      reports.map(({ name, positive, pinned }) => [name.split('/').slice(-2).join('/'), positive, pinned]),
    ).toEqual([
      ['Gemm_2', 0, 6],
      ['then_branch/a MatMul_2', 4, 0],
      ['then_branch/a MatMul_4', 0, 6],
      ['else_branch/b MatMul_2', 4, 0],
      ['else_branch/b MatMul_4', 0, 6],
    ])
    expect(reports[0]?.reasons).toEqual(['the border of If'])
    expect(new Set(reports.map((vertex) => vertex.name)).size).toBe(5)
  })

  it('pins an operator that is not known, and says so', () => {
    const net = new Network()
    const hidden = net.op('Gemm', [net.input([2, 5]), net.weight([5, 6])])
    net.output(net.op('Gemm', [net.op('Unheard', [hidden]), net.weight([6, 3])]))
    const { pinnedReasons, coverage } = reportOf(quiverOf(net.model(), { scope: 'full' }))
    expect(pinnedReasons).toEqual([{ reason: 'Unheard has no scale rule', neurons: 6 }])
    expect(coverage).toBe(0)
  })

  it('has channels that are joined as one degree of freedom, in weights alone', () => {
    const net = new Network()
    const x = net.input([2, 5])
    const layer = () => net.op('Gemm', [x, net.weight([5, 6])])
    net.output(net.op('Gemm', [net.op('Add', [layer(), layer()]), net.weight([6, 3])]))
    const { degreesOfFreedom: weights } = reportOf(quiverOf(net.model()))
    const { degreesOfFreedom: full } = reportOf(quiverOf(net.model(), { scope: 'full' }))
    expect({ weights, full }).toEqual({ weights: 6, full: 12 })
  })

  it('without neurons has no coverage', () => {
    const net = new Network()
    net.output(net.op('Relu', [net.input([2, 5])]))
    expect(reportOf(quiverOf(net.model()))).toMatchObject({ neurons: 0, outputs: 0, coverage: null })
  })
})

describe('before a quantiser', () => {
  const net = new Network()
  const hidden = net.op('Relu', [net.op('Gemm', [net.input([2, 5]), net.weight([5, 6])])])
  const scale = net.constant([], [0.05])
  const zero = net.constant([], [0], 'uint8')
  const back = net.op('DequantizeLinear', [net.op('QuantizeLinear', [hidden, scale, zero]), scale, zero])
  const after = net.op('Relu', [net.op('Gemm', [back, net.weight([6, 4])])])
  net.output(net.op('Gemm', [after, net.weight([4, 3])]))

  it('neurons move by powers of two, behind it by any number', () => {
    const quiver = quiverOf(net.model())
    expect(reportOf(quiver)).toMatchObject({ neurons: 10, positive: 10, powersOfTwo: 6 })
    const { factors, report } = sampleCob(quiver, { seed: 5 })
    const [first, second] = [...factors.values()] as [Float64Array, Float64Array]
    const isPower = (tau: number) => Number.isInteger(Math.log2(tau))
    expect([...first].every(isPower)).toBe(true)
    expect([...second].some(isPower)).toBe(false)
    expect(report.rounded).toBeGreaterThan(0)
  })
})
