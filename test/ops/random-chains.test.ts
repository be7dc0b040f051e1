import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { teleport } from '../../src/teleport/teleport.js'
import { Network, numbersIn, run } from './network.js'

/** A value of the network and its sizes. */
interface Value {
  readonly name: string
  readonly dims: readonly number[]
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1)

/** Steps from one value to another; `pick(n)` is a number below n. A step that does not apply gives the value back. */
type Step = (net: Network, value: Value, pick: (n: number) => number, others: readonly Value[]) => Value

function permutation(rank: number, pick: (n: number) => number): number[] {
  const left = Array.from({ length: rank }, (_, axis) => axis)
  return Array.from({ length: rank }, () => left.splice(pick(left.length), 1)[0] as number)
}

function withAxis(dims: readonly number[], axis: number, size: number): number[] {
  return dims.map((dim, i) => (i === axis ? size : dim))
}

const STEPS: Record<string, Step> = {
  transpose(net, { name, dims }, pick) {
    const perm = permutation(dims.length, pick)
    return { name: net.op('Transpose', [name], { perm }), dims: perm.map((axis) => dims[axis] as number) }
  },
  join(net, { name, dims }, pick) {
    if (dims.length < 2) return { name, dims }
    const axis = pick(dims.length - 1)
    const joined = [
      ...dims.slice(0, axis),
      (dims[axis] as number) * (dims[axis + 1] as number),
      ...dims.slice(axis + 2),
    ]
    return { name: net.op('Reshape', [name, net.integers(joined)]), dims: joined }
  },
  part(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const size = dims[axis] as number
    const factor = [2, 3].find((n) => size % n === 0)
    if (factor === undefined || dims.length > 4) return { name, dims }
    const parted = [...dims.slice(0, axis), size / factor, factor, ...dims.slice(axis + 1)]
    return { name: net.op('Reshape', [name, net.integers(parted)]), dims: parted }
  },
  slice(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const size = dims[axis] as number
    if (size < 2) return { name, dims }
    const start = pick(size - 1)
    const step = 1 + pick(2)
    const cut = net.op('Slice', [
      name,
      net.integers([start]),
      net.integers([size]),
      net.integers([axis]),
      net.integers([step]),
    ])
    return { name: cut, dims: withAxis(dims, axis, Math.ceil((size - start) / step)) }
  },
  gather(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const indices = Array.from({ length: 1 + pick(4) }, () => pick(dims[axis] as number))
    return {
      name: net.op('Gather', [name, net.integers(indices)], { axis }),
      dims: withAxis(dims, axis, indices.length),
    }
  },
  reverse(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const reversed = net.op('Slice', [
      name,
      net.integers([-1]),
      net.integers([-1000]),
      net.integers([axis]),
      net.integers([-1]),
    ])
    return { name: reversed, dims }
  },
  pad(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const pads = new Array<number>(2 * dims.length).fill(0)
    const [before, after] = [pick(2), pick(2)]
    pads[axis] = before
    pads[axis + dims.length] = after
    const size = (dims[axis] as number) + before + after
    return { name: net.op('Pad', [name, net.integers(pads)]), dims: withAxis(dims, axis, size) }
  },
  concat(net, value, pick, others) {
    const axis = pick(value.dims.length)
    const fits = others.filter(({ dims }) => String(withAxis(dims, axis, 0)) === String(withAxis(value.dims, axis, 0)))
    const other = fits[pick(fits.length)] ?? { name: net.weight(value.dims), dims: value.dims }
    const size = (value.dims[axis] as number) + (other.dims[axis] as number)
    return { name: net.op('Concat', [value.name, other.name], { axis }), dims: withAxis(value.dims, axis, size) }
  },
  scale(net, { name, dims }, pick) {
    const shape = dims.map((dim) => (pick(2) === 0 ? dim : 1))
    return { name: net.op('Mul', [net.weight(shape, 1), name]), dims }
  },
  shift(net, { name, dims }, pick) {
    const shape = dims.slice(pick(dims.length)).map((dim) => (pick(2) === 0 ? dim : 1))
    return { name: net.op('Add', [name, net.weight(shape)]), dims }
  },
  add(net, value, pick, others) {
    const fits = others.filter(({ dims }) => String(dims) === String(value.dims))
    const other = fits[pick(fits.length)]
    return other === undefined ? value : { name: net.op('Add', [value.name, other.name]), dims: value.dims }
  },
  multiply(net, value, pick, others) {
    const fits = others.filter(({ dims }) => String(dims) === String(value.dims))
    const other = fits[pick(fits.length)]
    return other === undefined ? value : { name: net.op('Mul', [value.name, other.name]), dims: value.dims }
  },
  mean(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    return { name: net.op('ReduceMean', [name, net.integers([axis])]), dims: withAxis(dims, axis, 1) }
  },
  largest(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    return { name: net.op('ReduceMax', [name, net.integers([axis])]), dims: withAxis(dims, axis, 1) }
  },
  expand(net, { name, dims }) {
    const shape = dims.map((dim) => (dim === 1 ? 2 : dim))
    return { name: net.op('Expand', [name, net.integers(shape)]), dims: shape }
  },
  tile(net, { name, dims }, pick) {
    const axis = pick(dims.length)
    const repeats = dims.map((_, i) => (i === axis ? 2 : 1))
    return {
      name: net.op('Tile', [name, net.integers(repeats)]),
      dims: withAxis(dims, axis, 2 * (dims[axis] as number)),
    }
  },
  relu: (net, { name, dims }) => ({ name: net.op('Relu', [name]), dims }),
  tanh: (net, { name, dims }) => ({ name: net.op('Tanh', [name]), dims }),
  layer(net, { name, dims }) {
    const width = dims.at(-1) as number
    return { name: net.op('MatMul', [name, net.weight([width, 4])]), dims: withAxis(dims, dims.length - 1, 4) }
  },
}

/** A network of random steps, that ends in a layer over all elements. */
function networkOf(numbers: readonly number[]): Network {
  const net = new Network(18)
  let at = 0
  const pick = (n: number): number => (n === 0 ? 0 : (numbers[at++ % numbers.length] as number) % n)
  const first: Value = { name: net.op('MatMul', [net.input([2, 2, 5]), net.weight([5, 6])]), dims: [2, 2, 6] }
  const names = Object.keys(STEPS)
  const values = [first]
  for (let i = 0; i < 9; i++) {
    const value = values[values.length - 1 - (pick(4) === 0 ? pick(values.length) : 0)] as Value
    const step = STEPS[names[pick(names.length)] as string] as Step
    const next = step(net, value, pick, values)
    if (product(next.dims) > 400 || next.dims.length > 5) continue
    values.push(next)
  }
  const last = values.at(-1) as Value
  const size = product(last.dims)
  const flat = net.op('Reshape', [last.name, net.integers([1, size])])
  return net.output(net.op('MatMul', [flat, net.weight([size, 3])]))
}

test('random chains of movements and arithmetic keep their function', { timeout: 120_000 }, async () => {
  let neurons = 0
  let moving = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(10_000), { minLength: 60, maxLength: 60 }), async (numbers) => {
      const model = networkOf(numbers).model()
      const before = [...(await run(model)).values()].flatMap(numbersIn)
      for (const scope of ['weights', 'full'] as const) {
        const quiver = quiverOf(model, { scope })
        const cob = sampleCob(quiver, { sampling: 'inter', range: 0.6, seed: 5 })
        for (const tau of [...cob.factors.values()].flatMap((factors) => [...factors])) {
          neurons++
          if (tau !== 1) moving++
        }
        const after = [...(await run(teleport(model, quiver, cob))).values()].flatMap(numbersIn)
        const largest = Math.max(...before.map(Math.abs), 1e-3)
        const error = Math.max(...before.map((y, i) => Math.abs(y - (after[i] as number)))) / largest
        expect(error, scope).toBeLessThan(1e-4)
      }
    }),
    { numRuns: Number(process.env['TELEPORT_CHAINS'] ?? 60) },
  )
  expect(moving / neurons).toBeGreaterThan(0.4)
})
