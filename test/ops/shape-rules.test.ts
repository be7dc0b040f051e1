import { describe, expect, test } from 'vitest'
import { type Dim, show, symbol } from '../../src/graph/dims.js'
import type { DType } from '../../src/graph/dtype.js'
import { ModelError } from '../../src/graph/model.js'
import type { Facts } from '../../src/ops/rule.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { derivedFacts, Network } from './network.js'

const N = symbol('N')

/** A network whose inputs have symbolic sizes. */
class Symbolic extends Network {
  open(shape: readonly (number | string)[], dtype: DType = 'float32'): string {
    const name = this.input([], dtype)
    const at = this.inputs.findIndex((input) => input.name === name)
    this.inputs[at] = { name, dtype, shape }
    return name
  }

  facts(name: string): Facts {
    return derivedFacts(this.model()).get(name) as Facts
  }

  /** `N x 3`, or `?` where the rank is not known; sizes of which nothing is known are `?`. */
  shape(name: string): string {
    return shown(this.facts(name).shape)
  }

  numbers(name: string): string {
    return shown(this.facts(name).numbers)
  }
}

function shown(dims: readonly Dim[] | undefined): string {
  return dims?.map((dim) => (show(dim).startsWith('?') ? '?' : show(dim))).join(' x ') ?? 'unknown'
}

describe('shape arithmetic, as exporters write it', () => {
  test('Shape → Gather → Unsqueeze → Concat → Reshape', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 8, 'h', 'w'])
    const shape = net.op('Shape', [x])
    const batch = net.op('Unsqueeze', [net.op('Gather', [shape, net.integer(0)]), net.integers([0])])
    const target = net.op('Concat', [batch, net.integers([-1])], { axis: 0 })
    expect(net.numbers(shape)).toBe('N x 8 x h x w')
    expect(net.numbers(target)).toBe('N x -1')
    expect(net.shape(net.op('Reshape', [x, target]))).toBe('N x 8*h*w')
  })

  test('sizes are multiplied and divided', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 'S', 64])
    const shape = net.op('Shape', [x])
    const at = (i: number) => net.op('Gather', [shape, net.integer(i)])
    const rows = net.op('Mul', [at(0), at(1)])
    expect(net.numbers(rows)).toBe('N*S')
    expect(net.facts(rows).shape).toEqual([])
    expect(net.numbers(net.op('Div', [net.op('Mul', [rows, net.integer(64)]), net.integer(8)]))).toBe('8*N*S')
    expect(net.numbers(net.op('Div', [at(2), net.integer(6)]))).toBe('10')
    expect(net.numbers(net.op('Div', [net.integer(-7), net.integer(2)]))).toBe('-3')
    expect(net.numbers(net.op('Mod', [net.integer(-7), net.integer(3)]))).toBe('2')
    expect(net.numbers(net.op('Mod', [net.integer(-7), net.integer(3)], { fmod: 1 }))).toBe('-1')
    expect(net.numbers(net.op('Sub', [at(2), at(2)]))).toBe('0')
    expect(net.numbers(net.op('Add', [at(1), net.integer(1)]))).toBe('add(S,1)')
    expect(net.numbers(net.op('Neg', [at(2)]))).toBe('-64')
    expect(net.numbers(net.op('ReduceProd', [shape], { keepdims: 0 }))).toBe('64*N*S')
    expect(net.numbers(net.op('ReduceMax', [net.integers([3, 9, 4])]))).toBe('9')
    expect(net.numbers(net.op('Size', [x]))).toBe('64*N*S')
    const half = net.op('Cast', [net.op('Mul', [net.op('Cast', [at(1)], { to: 1 }), net.constant([], [0.5])])], {
      to: 7,
    })
    expect(net.numbers(half)).toBe('floordiv(S,2)')
    const twice = net.op('Floor', [net.op('Mul', [net.op('Cast', [at(1)], { to: 1 }), net.constant([], [2])])])
    expect(net.numbers(net.op('Cast', [twice], { to: 7 }))).toBe('2*S')
    expect(
      net.numbers(net.op('Floor', [net.op('Div', [net.op('Cast', [at(2)], { to: 1 }), net.constant([], [5])])])),
    ).toBe('12')
    expect(net.numbers(net.op('Ceil', [net.constant([1], [2.2])]))).toBe('3')
  })

  test('a target of Expand, with Where and Equal', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 'S', 6])
    const token = net.open([1, 1, 6])
    const batch = net.op('Slice', [net.op('Shape', [x]), net.integers([0]), net.integers([1])])
    const shape = net.op('Concat', [batch, net.integers([-1, -1])], { axis: 0 })
    const value = net.constant([1], [1], 'int64')
    const ones = net.op('Expand', [value, net.op('Shape', [shape])])
    const target = net.op('Where', [net.op('Equal', [shape, net.op('Mul', [ones, net.integers([-1])])]), ones, shape])
    expect(net.numbers(target)).toBe('N x 1 x 1')
    expect(net.shape(net.op('Expand', [token, target]))).toBe('N x 1 x 6')
  })

  test('what is not known stays unknown', () => {
    const net = new Symbolic(13)
    const n = net.open([], 'int64')
    const x = net.open(['N', 4])
    expect(
      net.facts(net.op('Equal', [net.op('Gather', [net.op('Shape', [x]), net.integer(0)]), net.integer(3)])),
    ).toEqual({
      dtype: 'bool',
      shape: [],
    })
    // N − 5 may well be −1.
    const less = net.op('Sub', [net.op('Shape', [net.open(['N'])]), net.integers([5])])
    expect(net.facts(net.op('Equal', [less, net.integers([-1])])).numbers).toBeUndefined()
    expect(net.shape(net.op('ConstantOfShape', [net.op('Unsqueeze', [n, net.integers([0])])]))).toBe('?')
    expect(net.shape(net.op('ConstantOfShape', [net.open(['k'], 'int64')]))).toBe('unknown')
    expect(net.shape(net.op('Reshape', [x, net.open([3], 'int64')]))).toBe('? x ? x ?')
    expect(net.shape(net.op('Reshape', [x, net.open(['k'], 'int64')]))).toBe('unknown')
    expect(net.shape(net.op('Squeeze', [net.open(['N', 1])]))).toBe('unknown')
    expect(net.shape(net.op('Reshape', [net.open(['N', 'S']), net.integers([7, -1])]))).toBe('7 x ?')
  })
})

describe('Slice', () => {
  const sliced = (start: number, end: number, step = 1) => {
    const net = new Symbolic(13)
    const cut = (x: string) =>
      net.op('Slice', [x, net.integers([start]), net.integers([end]), net.integers([0]), net.integers([step])])
    return [net.shape(cut(net.open([10]))), net.shape(cut(net.open(['N'])))]
  }
  test.each([
    [0, 2 ** 62, 1, '10', 'N'],
    [0, 2 ** 31 - 1, 2, '5', 'ceildiv(N,2)'],
    [-3, 2 ** 62, 1, '3', '3'],
    [2, 2 ** 62, 1, '8', 'sub(N,2)'],
    [0, -1, 1, '9', 'sub(N,1)'],
    [0, 4, 1, '4', '?'],
    [-1, -(2 ** 62), -1, '10', 'N'],
    [7, 2, -2, '3', '?'],
    [5, 3, 1, '0', '?'],
    [-100, 100, 3, '4', '?'],
  ])('[%i:%i:%i]', (start, end, step, known, open) => {
    expect(sliced(start, end, step)).toEqual([known, open])
  })

  test('by bounds that are sizes', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 12])
    const half = net.op('Div', [net.op('Shape', [x], {}), net.integers([2])])
    const end = net.op('Slice', [half, net.integers([1]), net.integers([2])])
    expect(net.shape(net.op('Slice', [x, net.integers([0]), end, net.integers([1])]))).toBe('N x 6')
    expect(net.shape(net.op('Slice', [x, end, net.integers([2 ** 62]), net.integers([1])]))).toBe('N x 6')
    expect(net.shape(net.op('Slice', [x, net.open([1], 'int64'), end, net.integers([1])]))).toBe('N x ?')
    expect(net.shape(net.op('Slice', [x, net.integers([0]), end, net.open([1], 'int64')]))).toBe('? x ?')
  })

  test('of numbers, in two dimensions, as exporters turn pads around', () => {
    const net = new Symbolic(13)
    const pads = net.op('Reshape', [net.integers([1, 2, 3, 4, 0, 0, 0, 0]), net.integers([-1, 2])])
    const turned = net.op('Slice', [
      pads,
      net.integers([-1]),
      net.integers([-(2 ** 62)]),
      net.integers([0]),
      net.integers([-1]),
    ])
    const flat = net.op('Reshape', [net.op('Transpose', [turned], { perm: [1, 0] }), net.integers([-1])])
    expect(net.numbers(flat)).toBe('0 x 0 x 3 x 1 x 0 x 0 x 4 x 2')
    expect(net.shape(net.op('Pad', [net.open(['N', 4, 'h', 5]), flat]))).toBe('N x 4 x add(add(h,3),4) x 8')
  })
})

describe('movements with symbols', () => {
  test('Reshape', () => {
    const reshaped = (shape: (number | string)[], target: number[], attributes = {}) => {
      const net = new Symbolic(14)
      return net.shape(net.op('Reshape', [net.open(shape), net.integers([...target])], attributes))
    }
    expect(reshaped(['N', 2, 3], [0, -1])).toBe('N x 6')
    expect(reshaped(['N', 2, 3], [-1, 3])).toBe('2*N x 3')
    expect(reshaped(['N', 'S', 6], [0, 0, 2, -1])).toBe('N x S x 2 x 3')
    expect(reshaped([0, 3], [3, 0], { allowzero: 1 })).toBe('3 x 0')
    expect(reshaped([2, 3], [])).toBe('')
  })

  test('Flatten, Transpose, Squeeze, Unsqueeze', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 'S', 6])
    expect(net.shape(net.op('Flatten', [x], { axis: 2 }))).toBe('N*S x 6')
    expect(net.shape(net.op('Flatten', [x], { axis: 0 }))).toBe('1 x 6*N*S')
    expect(net.shape(net.op('Transpose', [x]))).toBe('6 x S x N')
    expect(net.shape(net.op('Squeeze', [net.open(['N', 1, 6]), net.integers([-2])]))).toBe('N x 6')
    expect(net.shape(net.op('Squeeze', [net.open([1, 3, 1])]))).toBe('3')
    expect(net.shape(net.op('Unsqueeze', [x, net.integers([-1, 0])]))).toBe('1 x N x S x 6 x 1')
    expect(() => net.facts(net.op('Transpose', [x], { perm: [0, 0, 1] }))).toThrow(ModelError)
  })

  test('an axis that a tensor does not have is said in one line', () => {
    const net = new Symbolic(13)
    const name = net.op('Unsqueeze', [net.open(['N']), net.integers([5])])
    expect(() => net.facts(name)).toThrow(/^Unsqueeze '.*': axis 5 lies outside a tensor of rank 2; expected -2 to 1$/)
  })

  test('Concat and Split', () => {
    const net = new Symbolic(18)
    const a = net.open(['N', 'S', 6])
    const b = net.open(['N', 3, 6])
    expect(net.shape(net.op('Concat', [a, b], { axis: 1 }))).toBe('N x add(S,3) x 6')
    expect(net.shape(net.op('Concat', [a, b], { axis: -1 }))).toBe('N x 3 x 12')
    const shapes = (outputs: string[]) => outputs.map((name) => net.shape(name))
    expect(shapes(net.node('Split', [a], { axis: 2, num_outputs: 4 }, 4))).toEqual([
      'N x S x 2',
      'N x S x 2',
      'N x S x 2',
      'N x S x 0',
    ])
    expect(shapes(net.node('Split', [a], { axis: 1, num_outputs: 2 }, 2))).toEqual(['N x ? x 6', 'N x ? x 6'])
    expect(shapes(net.node('Split', [a, net.integers([1, 5])], { axis: 2 }, 2))).toEqual(['N x S x 1', 'N x S x 5'])
    const parts = net.node('Split', [net.op('Shape', [a]), net.integers([1, 2])], {}, 2)
    expect(parts.map((name) => net.numbers(name))).toEqual(['N', 'S x 6'])
  })

  test('Gather, GatherElements, GatherND', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 'S', 6])
    expect(net.shape(net.op('Gather', [x, net.integer(0)], { axis: 1 }))).toBe('N x 6')
    expect(net.shape(net.op('Gather', [x, net.open(['a', 'b'], 'int64')], { axis: -2 }))).toBe('N x a x b x 6')
    expect(net.shape(net.op('GatherElements', [x, net.open(['N', 2, 6], 'int64')], { axis: 1 }))).toBe('N x 2 x 6')
    expect(net.shape(net.op('GatherND', [x, net.open(['N', 4, 1], 'int64')], { batch_dims: 1 }))).toBe('N x 4 x 6')
    expect(net.numbers(net.op('Gather', [net.op('Shape', [x]), net.integers([-1, 0])]))).toBe('6 x N')
    // An index outside is not followed.
    expect(net.facts(net.op('Gather', [net.op('Shape', [x]), net.integers([3])])).numbers).toBeUndefined()
  })

  test('Expand and Tile', () => {
    const net = new Symbolic(13)
    expect(net.shape(net.op('Expand', [net.open(['N', 1]), net.integers([3, 1, 5])]))).toBe('3 x N x 5')
    expect(net.shape(net.op('Expand', [net.open([4, 1]), net.open([3], 'int64')]))).toBe('? x 4 x ?')
    expect(net.shape(net.op('Tile', [net.open(['N', 3]), net.integers([2, 3])]))).toBe('2*N x 9')
    expect(net.numbers(net.op('Tile', [net.integers([1, 2]), net.integers([2])]))).toBe('1 x 2 x 1 x 2')
    expect(net.numbers(net.op('Expand', [net.constant([2, 1], [1, 2], 'int64'), net.integers([2, 2])]))).toBe(
      '1 x 1 x 2 x 2',
    )
  })

  test('Resize', () => {
    const resized = (opset: number, inputs: (net: Symbolic) => string[], attributes = {}) => {
      const net = new Symbolic(opset)
      return net.shape(net.op('Resize', [net.open(['N', 3, 'h', 7]), ...inputs(net)], attributes))
    }
    expect(resized(10, (net) => [net.constant([4], [1, 1, 2, 0.5])])).toBe('N x 3 x 2*h x 3')
    expect(resized(13, (net) => ['', net.constant([4], [1, 1, 0.5, 2])])).toBe('N x 3 x floordiv(h,2) x 14')
    expect(resized(13, (net) => ['', net.constant([0], []), net.integers([1, 3, 5, 6])])).toBe('1 x 3 x 5 x 6')
    expect(resized(18, (net) => ['', '', net.integers([5, 6])], { axes: [3, 2] })).toBe('N x 3 x 6 x 5')
    expect(resized(18, (net) => ['', '', net.integers([1, 3, 5, 6])], { keep_aspect_ratio_policy: 'not_larger' })).toBe(
      '? x ? x ? x ?',
    )
  })

  test('DepthToSpace and SpaceToDepth', () => {
    const net = new Symbolic(13)
    const x = net.open(['N', 12, 'h', 4])
    expect(net.shape(net.op('DepthToSpace', [x], { blocksize: 2 }))).toBe('N x 3 x 2*h x 8')
    expect(net.shape(net.op('SpaceToDepth', [x], { blocksize: 2 }))).toBe('N x 48 x ? x 2')
  })
})

describe('reductions and shapes', () => {
  test('Reduce', () => {
    const net = new Symbolic(18)
    const x = net.open(['N', 'S', 6])
    expect(net.shape(net.op('ReduceMean', [x, net.integers([-1])]))).toBe('N x S x 1')
    expect(net.shape(net.op('ReduceMean', [x, net.integers([1, 0])], { keepdims: 0 }))).toBe('6')
    expect(net.shape(net.op('ReduceMean', [x], { keepdims: 0 }))).toBe('')
    expect(net.shape(net.op('ReduceMean', [x], { noop_with_empty_axes: 1 }))).toBe('N x S x 6')
    expect(net.shape(net.op('ReduceMean', [x, net.open([1], 'int64')]))).toBe('? x ? x ?')
    expect(net.shape(net.op('ReduceMean', [x, net.open([1], 'int64')], { keepdims: 0 }))).toBe('unknown')
    expect(net.shape(net.op('ArgMax', [x], { axis: -1, keepdims: 0 }))).toBe('N x S')
    const [values, indices] = net.node('TopK', [x, net.integers([2])], { axis: 1 }, 2) as [string, string]
    expect([net.shape(values), net.shape(indices), net.facts(indices).dtype]).toEqual([
      'N x 2 x 6',
      'N x 2 x 6',
      'int64',
    ])
  })

  test('Range, OneHot, NonZero, Shape with bounds', () => {
    const net = new Symbolic(15)
    const x = net.open(['N', 'S', 6])
    const size = net.op('Gather', [net.op('Shape', [x]), net.integer(1)])
    expect(net.shape(net.op('Range', [net.integer(0), size, net.integer(1)]))).toBe('S')
    expect(net.numbers(net.op('Range', [net.integer(7), net.integer(0), net.integer(-3)]))).toBe('7 x 4 x 1')
    expect(net.shape(net.op('OneHot', [net.open(['N'], 'int64'), net.integer(5), net.weight([2])]))).toBe('N x 5')
    expect(net.shape(net.op('NonZero', [x]))).toBe('3 x ?')
    expect(net.numbers(net.op('Shape', [x], { start: -2, end: 5 }))).toBe('S x 6')
    expect(net.shape(net.op('RandomNormal', [], { shape: [2, 3] }))).toBe('2 x 3')
  })

  test('Einsum', () => {
    const net = new Symbolic(13)
    const a = net.open(['N', 'S', 6])
    expect(net.shape(net.op('Einsum', [a, net.open([6, 4])], { equation: 'bsd, de -> bse' }))).toBe('N x S x 4')
    expect(net.shape(net.op('Einsum', [net.open([3, 4]), net.open([4, 5])], { equation: 'ij,jk' }))).toBe('3 x 5')
    expect(net.shape(net.op('Einsum', [a], { equation: '...d->...' }))).toBe('N x S')
    expect(net.shape(net.op('Einsum', [a, net.open([6, 4])], { equation: '...d, dA' }))).toBe('N x S x 4')
  })

  test('types', () => {
    const net = new Symbolic(19)
    const x = net.open(['N'])
    expect(net.facts(net.op('Cast', [x], { to: 10 }))).toEqual({ dtype: 'float16', shape: [N] })
    expect(net.facts(net.op('CastLike', [x, net.open([1], 'int32')]))).toEqual({ dtype: 'int32', shape: [N] })
    expect(net.facts(net.op('Less', [x, x]))).toEqual({ dtype: 'bool', shape: [N] })
    expect(net.facts(net.op('Where', [net.open(['N'], 'bool'), x, x]))).toEqual({ dtype: 'float32', shape: [N] })
    expect(net.facts(net.op('Mul', [x, net.constant([2, 1], [1, 2])]))).toEqual({ dtype: 'float32', shape: [2, N] })
    expect(net.facts(net.op('ConstantOfShape', [net.integers([2])]))).toEqual({ dtype: 'float32', shape: [2] })
    expect(net.facts(net.op('Dropout', [x], { seed: 1 }))).toEqual({ dtype: 'float32', shape: [N] })
  })
})

describe('a file that asks for more than there can be', () => {
  const HUGE = 2 ** 40
  const asks: [string, (net: Symbolic, x: string) => string][] = [
    ['Tile', (net, x) => net.op('Tile', [x, net.integers([1, HUGE, 1, 1])])],
    ['Pad', (net, x) => net.op('Pad', [x, net.integers([0, HUGE, 0, 0, 0, 0, 0, 0])])],
    ['Pad that repeats', (net, x) => net.op('Pad', [x, net.integers([0, 0, 0, 0, 0, HUGE, 0, 0])], { mode: 'edge' })],
    ['Pad that crops too much', (net, x) => net.op('Pad', [x, net.integers([0, -HUGE, 0, 0, 0, 0, 0, 0])])],
    ['Split', (net, x) => net.node('Split', [x, net.integers([HUGE, 4 - HUGE])], { axis: 1 }, 2)[0] as string],
    ['DepthToSpace', (net, x) => net.op('DepthToSpace', [x], { blocksize: 0 })],
    ['DepthToSpace in blocks that do not fit', (net, x) => net.op('DepthToSpace', [x], { blocksize: 3 })],
    ['SpaceToDepth', (net, x) => net.op('SpaceToDepth', [x], { blocksize: 2 ** 20 })],
    ['Reshape', (net, x) => net.op('Reshape', [x, net.integers([-7, HUGE, HUGE])])],
    ['Gather', (net, x) => net.op('Gather', [x, net.integers([9])], { axis: 1 })],
    ['GatherElements', (net, x) => net.op('GatherElements', [x, net.open([HUGE, HUGE, 1, 1], 'int64')], { axis: 0 })],
    [
      'Compress',
      (net, x) => net.op('Compress', [x, net.constant([9], new Array<number>(9).fill(1), 'bool')], { axis: 1 }),
    ],
    ['Unsqueeze', (net, x) => net.op('Unsqueeze', [x, net.integers([1, 1])])],
    ['ConstantOfShape', (net) => net.op('ConstantOfShape', [net.integers([-5, HUGE])])],
    ['Range', (net) => net.op('Range', [net.integer(0), net.integer(HUGE), net.integer(1)])],
    ['Resize', (net, x) => net.op('Resize', [x, '', net.constant([2], [1e30, -1])])],
  ]
  test.each(asks)('%s', (_, ask) => {
    const net = new Symbolic(18)
    const x = net.op('Conv', [net.open(['N', 3, HUGE, HUGE]), net.weight([4, 3, 1, 1])])
    net.output(net.op('Relu', [ask(net, x)]))
    for (const scope of ['weights', 'full'] as const) {
      const started = process.memoryUsage().rss
      quiverOf(net.model(), { scope })
      expect(process.memoryUsage().rss - started).toBeLessThan(2 ** 28)
    }
  })
})
