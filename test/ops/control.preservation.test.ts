import { cases, dense, features } from './chains.js'
import { Network } from './network.js'

cases('control flow', [
  {
    title: 'If: what crosses its border is not scaled, what is inside moves',
    build: (net) => {
      const outside = features(net)
      const branches = [1, 2].map((seed) => {
        const branch = new Network()
        const weight = branch.weight([6, 4], seed)
        const inner = branch.op('Relu', [branch.op('Gemm', [outside, weight])])
        branch.output(branch.op('Gemm', [inner, branch.weight([4, 6])]))
        return prefixed(branch.graph(), `branch${seed} `, outside)
      }) as [ReturnType<Network['graph']>, ReturnType<Network['graph']>]
      const condition = net.op('Greater', [net.input([]), net.constant([], [5])])
      const chosen = net.op('If', [condition], { then_branch: branches[0], else_branch: branches[1] })
      net.declare(chosen, 'float32', [2, 6])
      return dense(net, net.op('Reshape', [chosen, net.constant([2], [2, 6], 'int64')]))
    },
    weights: ['Gemm pinned', 'Gemm positive', 'Gemm pinned', 'Gemm positive', 'Gemm pinned', 'Gemm output'],
    full: [...new Array<string>(5).fill('Gemm free'), 'Gemm output'],
  },
])

/** The graph with a prefix before every name but that of the value around it. */
function prefixed(graph: ReturnType<Network['graph']>, prefix: string, outer: string): ReturnType<Network['graph']> {
  const name = (own: string): string => (own === outer || own === '' ? own : prefix + own)
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      name: name(node.name),
      inputs: node.inputs.map(name),
      outputs: node.outputs.map(name),
    })),
    outputs: graph.outputs.map((info) => ({ ...info, name: name(info.name) })),
    initializers: new Map([...graph.initializers].map(([own, tensor]) => [name(own), { ...tensor, name: name(own) }])),
  }
}
