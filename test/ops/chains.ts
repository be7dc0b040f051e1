import { describe, it } from 'vitest'
import { Network } from './network.js'
import { preserves } from './preservation.js'

/** A hidden value of a network, and what becomes of it: an operator under test between layers that absorb any scale. */
export interface Case {
  readonly title: string
  readonly opset?: number
  /** Builds the network in `net` and returns its outputs. */
  readonly build: (net: Network) => string | string[]
  /** What the vertices may do in scope `weights`, and in `full` where that is not the same. */
  readonly weights: readonly string[]
  readonly full?: readonly string[]
  readonly tolerance?: number
  /** Sizes may depend on what is fed. */
  readonly open?: boolean
}

/** What the vertices of two layers may do where any scale passes from the first to the second. */
export const GEMM = ['Gemm free', 'Gemm output']
export const CONV = ['Conv free', 'Conv output']
export const CONV_GEMM = ['Conv free', 'Gemm output']
export const MAT_MUL = ['MatMul free', 'MatMul output']

/** [2, 6]: six neurons, before any activation. */
export function features(net: Network, width = 6): string {
  return net.op('Gemm', [net.input([2, 5]), net.weight([5, width]), net.weight([width])])
}

/** [2, channels, 4, 4] */
export function image(net: Network, channels = 4): string {
  return net.op('Conv', [net.input([2, 3, 4, 4]), net.weight([channels, 3, 3, 3]), net.weight([channels])], {
    pads: [1, 1, 1, 1],
  })
}

/** [2, 3, 6]: six neurons along the last axis. */
export function sequence(net: Network, width = 6): string {
  return net.op('MatMul', [net.input([2, 3, 5]), net.weight([5, width])])
}

/** A layer after [2, width]. */
export function dense(net: Network, x: string, width = 6): string {
  return net.op('Gemm', [x, net.weight([width, 3]), net.weight([3])])
}

/** A layer after [2, channels, h, w]. */
export function convolved(net: Network, x: string, channels = 4): string {
  return net.op('Conv', [x, net.weight([2, channels, 1, 1])])
}

/** A layer after […, width]. */
export function projected(net: Network, x: string, width = 6): string {
  return net.op('MatMul', [x, net.weight([width, 3])])
}

export function cases(family: string, list: readonly Case[]): void {
  describe(family, () => {
    it.each(list.map((one) => [one.title, one] as const))('%s', async (_, { opset, build, weights, full, ...rest }) => {
      const net = new Network(opset)
      const built = build(net)
      net.output(...(typeof built === 'string' ? [built] : built))
      await preserves(net, { weights, full: full ?? weights, ...rest })
    })
  })
}
