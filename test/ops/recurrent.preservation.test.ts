import { type Case, cases, projected } from './chains.js'

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const
const full = ['MatMul free', 'MatMul output']

const recurrent = (op: keyof typeof GATES, direction: 'forward' | 'reverse' | 'bidirectional'): Case => ({
  title: `${op} ${direction}`,
  build: (net) => {
    const directions = direction === 'bidirectional' ? 2 : 1
    const gates = GATES[op] * 4
    const x = net.op('MatMul', [net.input([3, 2, 5]), net.weight([5, 6])])
    const inputs = [
      x,
      net.weight([directions, gates, 6]),
      net.weight([directions, gates, 4]),
      net.weight([directions, 2 * gates]),
      '',
      net.weight([directions, 2, 4]),
    ]
    const outputs = net.node(op, inputs, { hidden_size: 4, direction }, op === 'LSTM' ? 3 : 2)
    return [projected(net, outputs[0] as string, 4), ...outputs.slice(1)]
  },
  weights: full,
})

cases('recurrent layers', [
  ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((op) =>
    (['forward', 'reverse', 'bidirectional'] as const).map((direction) => recurrent(op, direction)),
  ),
  {
    title: 'a state that is computed is not scaled',
    build: (net) => {
      const x = net.op('MatMul', [net.input([3, 2, 5]), net.weight([5, 6])])
      const state = net.op('MatMul', [net.input([1, 2, 5]), net.weight([5, 4])])
      const inputs = [x, net.weight([1, 12, 6]), net.weight([1, 12, 4]), '', '', state]
      return projected(net, net.op('GRU', inputs, { hidden_size: 4 }), 4)
    },
    weights: ['MatMul free', 'MatMul pinned', 'MatMul output'],
    full: ['MatMul free', 'MatMul free', 'MatMul output'],
  },
  {
    title: 'an input that varies by step is not absorbed',
    build: (net) => {
      const steps = net.op('MatMul', [net.weight([3, 3]), net.input([1, 3, 5])])
      const x = net.op('Transpose', [steps], { perm: [1, 0, 2] })
      const inputs = [x, net.weight([1, 4, 5]), net.weight([1, 4, 4])]
      return projected(net, net.op('RNN', inputs, { hidden_size: 4 }), 4)
    },
    weights: ['MatMul free', 'MatMul output'],
  },
])
