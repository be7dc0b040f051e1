import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { symbol } from '../../src/graph/dims.js'
import type { Attribute, Node } from '../../src/graph/model.js'
import { slidingSizes, transposedSizes, windowOf } from '../../src/ops/windows.js'

function node(attributes: Readonly<Record<string, readonly number[] | number | string>>): Node {
  const typed = Object.entries(attributes).map(([name, value]): [string, Attribute] => [
    name,
    typeof value === 'number'
      ? { type: 'int', value }
      : typeof value === 'string'
        ? { type: 'string', value }
        : { type: 'ints', value },
  ])
  return { name: 'n', opType: 'Conv', domain: '', inputs: [], outputs: ['y'], attributes: new Map(typed) }
}

const setting = fc
  .record({
    size: fc.integer({ min: 1, max: 20 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    begin: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 0, max: 2 }),
  })
  .filter(({ size, kernel, dilation, begin, end }) => (kernel - 1) * dilation + 1 <= size + begin + end)

type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never

function attributesOf({ kernel, stride, dilation, begin, end }: Setting) {
  return { kernel_shape: [kernel], strides: [stride], dilations: [dilation], pads: [begin, end] }
}

describe('a sliding window', () => {
  it('stands wherever all of it lies on the padded data', () => {
    fc.assert(
      fc.property(setting, (one) => {
        const { size, kernel, stride, dilation, begin, end } = one
        let places = 0
        for (let start = -begin; start + (kernel - 1) * dilation < size + end; start += stride) places++
        expect(slidingSizes([size], windowOf(node(attributesOf(one)), []))).toEqual([places])
      }),
    )
  })

  it('in ceil mode also where its end hangs over, unless it starts behind the data', () => {
    fc.assert(
      fc.property(setting, (one) => {
        const { size, kernel, stride, dilation, begin, end } = one
        // ONNX Runtime refuses more padding than kernel.
        fc.pre(begin < kernel && end < kernel)
        let places = 0
        for (let start = -begin; ; start += stride) {
          const reaches = start - stride + (kernel - 1) * dilation < size + end - 1
          if (places > 0 && (!reaches || start >= size)) break
          places++
        }
        expect(slidingSizes([size], windowOf(node({ ...attributesOf(one), ceil_mode: 1 }), []))).toEqual([places])
      }),
    )
  })

  it('keeps a size of which only the name is known', () => {
    const same = windowOf(node({ kernel_shape: [3, 5], pads: [1, 2, 1, 2] }), [])
    expect(slidingSizes([symbol('H'), symbol('W')], same)).toEqual([symbol('H'), symbol('W')])
    const automatic = windowOf(node({ kernel_shape: [3], auto_pad: 'SAME_UPPER' }), [])
    expect(slidingSizes([symbol('H')], automatic)).toEqual([symbol('H')])
  })

  it('gives the same name to the same size', () => {
    const halved = (kernel: number, pad: number) =>
      slidingSizes([symbol('H')], windowOf(node({ kernel_shape: [kernel], strides: [2], pads: [pad, pad] }), []))
    expect(halved(3, 1)).toEqual(halved(3, 1))
    expect(halved(3, 1)).toEqual(halved(5, 2))
    expect(halved(3, 1)).not.toEqual(halved(3, 0))
  })

  it('has the kernel of the weight where no attribute says it', () => {
    expect(slidingSizes([7], windowOf(node({}), [3]))).toEqual([5])
  })
})

describe('a transposed convolution', () => {
  it('undoes the size of the convolution, given what its stride left over', () => {
    fc.assert(
      fc.property(setting, (one) => {
        const { size, kernel, stride, dilation, begin, end } = one
        const attributes = attributesOf(one)
        const [places = 0] = slidingSizes([size], windowOf(node(attributes), [])) as number[]
        const left = size + begin + end - ((kernel - 1) * dilation + 1) - (places - 1) * stride
        const back = node({ ...attributes, output_padding: [left] })
        expect(transposedSizes([places], windowOf(back, []), back)).toEqual([size])
      }),
    )
  })

  it('has the size that it is told', () => {
    const told = node({ kernel_shape: [3, 3], output_shape: [9, 10] })
    expect(transposedSizes([4, 4], windowOf(told, []), told)).toEqual([9, 10])
    const same = node({ kernel_shape: [3], strides: [2], auto_pad: 'SAME_LOWER' })
    expect(transposedSizes([symbol('H')], windowOf(same, []), same)).toEqual([{ coefficient: 2, symbols: ['H'] }])
  })
})
