import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { isNumber } from '../../../src/graph/dims.js'
import { valuesOf } from '../../../src/shapes/infer.js'
import { runAt } from '../../support/gradient-check.js'
import type { Numbers } from '../../support/reference/evaluate.js'
import { Network } from '../network.js'

/** x, and what PyTorch 1.13 says that the gradient of Σ k · yₖ (k = 1, 2, …, row-major) by it is, in double precision. */
const EXPECTED = JSON.parse(readFileSync(new URL('movement.pytorch.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, { x: number[]; dims: number[]; grad: number[] }>
>

const AROUND = [0, 0, 2, 1, 0, 0, 1, 2]

const SAME: Readonly<Record<string, (net: Network, x: string) => string>> = {
  bilinear: (net, x) =>
    net.op('Resize', [x, '', scales(net, [1, 1, 2, 1.5])], {
      mode: 'linear',
      coordinate_transformation_mode: 'pytorch_half_pixel',
    }),
  bilinear_corners: (net, x) =>
    net.op('Resize', [x, '', '', net.integers([1, 1, 5, 7])], {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    }),
  nearest: (net, x) =>
    net.op('Resize', [x, '', scales(net, [1, 1, 2, 2])], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
  bicubic: (net, x) =>
    net.op('Resize', [x, '', '', net.integers([1, 1, 5, 7])], {
      mode: 'cubic',
      coordinate_transformation_mode: 'pytorch_half_pixel',
    }),
  reflect: (net, x) => net.op('Pad', [x, net.integers(AROUND)], { mode: 'reflect' }),
  replicate: (net, x) => net.op('Pad', [x, net.integers(AROUND)], { mode: 'edge' }),
  circular: (net, x) => net.op('Pad', [x, net.integers(AROUND)], { mode: 'wrap' }),
  pixel_shuffle: (net, x) => net.op('DepthToSpace', [x], { blocksize: 2, mode: 'CRD' }),
  amax: (net, x) =>
    net.op('ScatterElements', [x, net.integers([0, 0, 1, 2]), net.constant([4], [1, 1, 3, 4])], { reduction: 'max' }),
  amax_updates: (net, x) =>
    net.op('ScatterElements', [net.constant([3], [1, 5, 2]), net.integers([0, 0, 1, 2]), x], { reduction: 'max' }),
}

function scales(net: Network, values: readonly number[]): string {
  return net.constant([values.length], values)
}

describe('gradients of movements', () => {
  it.each(Object.entries(SAME))('%s: as in PyTorch', async (name, build) => {
    const { x: values, dims, grad } = EXPECTED[name] as (typeof EXPECTED)[string]
    const net = new Network(19)
    const x = net.input(dims)
    const y = build(net, x)
    const shape = (valuesOf(net.model()).find(y)?.facts.shape ?? []).filter(isNumber)
    const size = shape.reduce((a, b) => a * b, 1)
    const places = Array.from({ length: size }, (_, i) => i + 1)
    const weighted = net.op('Mul', [y, net.constant(shape, places)])
    const loss = net.op('ReduceSum', [weighted], { keepdims: 0 })
    const { model, gradients: names } = gradients(net.output(loss).model(), { of: loss, wrt: [x] })
    const outputs = await runAt(model, new Map([[x, { dims, data: Float64Array.from(values) }]]))
    const found = outputs.get(names.get(x) as string) as Numbers
    expect(found.dims).toEqual(dims)
    found.data.forEach((value, i) => expect(value).toBeCloseTo(grad[i] as number, 3))
  })
})
