import { sizeOf } from '../../src/graph/tensor.js'
import type { GraphBuilder, Picks, Value } from './graph-builder.js'
import { activated } from './random-activations.js'
import { alike, demand, type Step } from './random-layers.js'
import { weight } from './random-weights.js'

/** numpy's broadcasting, where the result has the shape of `x`. */
function fits(y: Value, x: Value): boolean {
  const offset = x.shape.length - y.shape.length
  // A batch that is declared as N is not known to be 2.
  return offset >= 0 && y.shape.every((dim, axis) => dim === x.shape[offset + axis] || dim === 1)
}

/** Something to join with x: another value that fits, a layer of x, or x itself. */
export function partner(b: GraphBuilder, p: Picks, x: Value): Value {
  const fitting = b.values.filter((value) => value !== x && fits(value, x))
  if (fitting.length > 0 && !p.oneIn(3)) return fitting.at(-1 - p.below(fitting.length)) as Value
  if (p.oneIn(8)) return x
  const layer = alike(b, p, x)
  return p.oneIn(2) ? layer : activated(b, p, layer)
}

const merge: Step = (b, x, p) => {
  const opType = p.of(['Add', 'Add', 'Sub', 'Sum', 'Mean', 'Max', 'Min'])
  const y = partner(b, p, x)
  const operands = p.oneIn(2) ? [x, y] : [y, x]
  if ((opType === 'Sum' || opType === 'Mean') && p.oneIn(2)) operands.push(partner(b, p, x))
  b.value(b.op(opType, operands), x.shape)
}

const residual: Step = (b, x, p) => {
  let branch = x
  for (let i = 0; i <= p.below(2); i++) branch = activated(b, p, alike(b, p, branch))
  const last = alike(b, p, branch)
  const sum = b.value(b.op('Add', p.oneIn(2) ? [x, last] : [last, x]), x.shape)
  if (p.oneIn(2)) b.same('Relu', sum)
}

const gate: Step = (b, x, p) => {
  const y = partner(b, p, x)
  switch (p.of(['Mul', 'sigmoid', 'Div'])) {
    case 'Mul':
      return b.value(b.op('Mul', p.oneIn(2) ? [x, y] : [y, x]), x.shape)
    case 'sigmoid':
      return b.value(b.op('Mul', [x, b.op('Sigmoid', [y])]), x.shape)
    default: {
      const away = b.op('Add', [b.op('Abs', [y]), b.scalar(0.5)])
      return b.value(b.op('Div', [x, away]), x.shape)
    }
  }
}

const where: Step = (b, x, p) => {
  const y = p.oneIn(4) ? b.scalar(0) : partner(b, p, x).name
  const cells = x.shape.slice(1)
  const condition = p.oneIn(2)
    ? b.op('Greater', [x, p.oneIn(2) ? b.scalar(0) : b.scalar(0.1)])
    : b.constant(
        cells,
        b.drawn(sizeOf(cells)).map((value) => Number(value > 0)),
        'bool',
      )
  b.value(b.op('Where', p.oneIn(2) ? [condition, x.name, y] : [condition, y, x.name]), x.shape)
}

/** A constant of any shape that fits, on either side. */
const constant: Step = (b, x, p) => {
  const full = x.shape.map((dim, axis) => ((axis === 0 && b.options.symbolic) || p.oneIn(2) ? 1 : dim))
  const channel = x.shape.map((dim, axis) => (axis === 1 ? dim : 1))
  const dims = p.of([[], channel, channel.slice(1), full, x.shape.slice(-1), [1]])
  const opType = p.of(['Add', 'Mul', 'Sub', 'Div', 'Max', 'Min'])
  const first = p.oneIn(3) && opType !== 'Div'
  const c = weight(b, p, dims, opType === 'Div' ? 64 : 2, opType === 'Mul' || opType === 'Div' ? 1 : 0)
  b.value(b.op(opType, first ? [c, x] : [x, c]), x.shape)
}

/** Squeeze and excitation. */
const excitation: Step = (b, x, p) => {
  demand(x.shape.length >= 3)
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  const ones = space.map(() => 1)
  const axes = space.map((_, i) => i + 2)
  const mean = p.oneIn(2) ? b.op('GlobalAveragePool', [x]) : b.reduce('ReduceMean', x, axes, 1)
  const small = 2
  const kernels = (out: number, own: number) => weight(b, p, [out, own, ...ones], own)
  const hidden = b.op('Relu', [b.op('Conv', [mean, kernels(small, channels), weight(b, p, [small], 4)])])
  const gates = b.op('Conv', [hidden, kernels(channels, small), weight(b, p, [channels], 4)])
  const factor = b.op(p.of(['Sigmoid', 'HardSigmoid']), [gates])
  b.value(b.op('Mul', p.oneIn(2) ? [x, factor] : [factor, x]), [batch, channels, ...space])
}

/** Attention of a sequence to itself, or to another of the same width. */
const attention: Step = (b, x, p) => {
  demand(x.shape.length === 3)
  const [batch, length, width] = x.shape as [number, number, number]
  const memories = b.values.filter(
    (value) => value.shape.length === 3 && value.shape[2] === width && value.shape[0] === batch,
  )
  const memory = p.oneIn(4) ? p.of(memories) : x
  const heads = p.of([1, 2])
  const size = 2 + p.below(2)
  const inner = heads * size
  const linear = (value: Value) => {
    const product = b.op('MatMul', [value, weight(b, p, [width, inner], width)])
    return p.oneIn(3) ? product : b.op('Add', [product, weight(b, p, [inner], 4)])
  }
  const [known, self] = [memory.shape[1] ?? 0, x.shape[1] ?? 0]
  const split = (name: string, rows: number, perm: number[]) => {
    if (heads === 1) return perm[3] === 1 ? b.op('Transpose', [name], { perm: [0, 2, 1] }) : name
    return b.op('Transpose', [b.reshape(name, [0, p.of([-1, rows]), heads, size])], { perm })
  }
  const query = split(linear(x), self, [0, 2, 1, 3])
  const key = split(linear(memory), known, [0, 2, 3, 1])
  const value = split(linear(memory), known, [0, 2, 1, 3])
  const scale = b.scalar(1 / Math.sqrt(size))
  const scores = p.oneIn(2)
    ? b.op('MatMul', [b.op('Mul', [query, scale]), key])
    : b.op('Mul', [b.op('MatMul', [query, key]), scale])
  const masked = p.oneIn(3) ? b.op('Add', [scores, b.random([self, known], 1)]) : scores
  const weights = b.op('Softmax', [masked], { axis: heads === 1 ? 2 : 3 })
  let mixed = b.op('MatMul', [weights, value])
  if (heads > 1) mixed = b.reshape(b.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), [0, length, inner])
  const out = b.value(b.op('MatMul', [mixed, weight(b, p, [inner, width], inner)]), x.shape)
  if (p.oneIn(2)) b.value(b.op('Add', [x, out]), x.shape)
}

/** Two branches that capture x, and weights from around them. */
const branches: Step = (b, x, p) => {
  const condition = b.constant([], [p.below(2)], 'bool')
  const width = x.shape.at(-1) ?? 0
  const bias = b.random([width], 0.5)
  const square = b.random([width, width], 1 / Math.sqrt(width))
  const outer = p.oneIn(2) ? alike(b, p, x) : x
  const then = b.branch(() => b.op('Add', [outer, bias]))
  const otherwise = b.branch(() => b.op('MatMul', [b.op('Relu', [b.op('MatMul', [outer, square])]), square]))
  b.value(b.op('If', [condition], { then_branch: then, else_branch: otherwise }), x.shape)
}

export const MERGES: Readonly<Record<string, Step>> = {
  merge,
  residual,
  gate,
  where,
  constant,
  excitation,
  attention,
  branches,
}
