import { sizeOf } from '../graph/tensor.js'
import type { DType } from '../graph/dtype.js'
import type { Graph, Model } from '../graph/model.js'

/**
 * Default tolerances of max|y − y'| ÷ max|y| by the coarsest type in which the network keeps weights or computes. A teleported
 * weight is rounded once, and every layer rounds its sums, so an error of some tens of units in the last place is the
 * arithmetic's own, and anything beyond is the network's:
 * float64 2^-53 → 1e-10, float32 2^-24 → 1e-4 (what the deepest networks need with τ of 0.1 to 1.9), float16 2^-11 → 2e-2, bfloat16 2^-8 → 1e-1.
 * Quantised networks: 2e-2, since a value near the middle between two of 256 steps may be rounded the other way.
 */
export const TOLERANCES = { float64: 1e-10, float32: 1e-4, float16: 2e-2, quantised: 2e-2, bfloat16: 1e-1 } as const

const QUANTISING = /^(Quantize|Dequantize|DynamicQuantize|QLinear|QGemm|ConvInteger|MatMulInteger)/

/** The default tolerance for a network: that of the coarsest arithmetic in it. */
export function toleranceOf(model: Model): number {
  const found = new Set<DType>()
  let quantised = false
  const visit = (graph: Graph): void => {
    for (const tensor of graph.initializers.values()) if (sizeOf(tensor.dims) > 1) found.add(tensor.dtype)
    for (const value of [...graph.inputs, ...graph.outputs]) if (value.dtype !== undefined) found.add(value.dtype)
    for (const node of graph.nodes) {
      if (QUANTISING.test(node.opType)) quantised = true
      for (const attribute of node.attributes.values()) {
        if (attribute.type === 'tensor' && sizeOf(attribute.value.dims) > 1) found.add(attribute.value.dtype)
        if (attribute.type === 'graph') visit(attribute.value)
        if (attribute.type === 'graphs') attribute.value.forEach(visit)
      }
    }
  }
  visit(model.graph)
  const tolerances: number[] = quantised ? [TOLERANCES.quantised] : []
  for (const dtype of ['float64', 'float32', 'float16', 'bfloat16'] as const)
    if (found.has(dtype)) tolerances.push(TOLERANCES[dtype])
  return tolerances.length === 0 ? TOLERANCES.float32 : Math.max(...tolerances)
}

/**
 * How far the runtime may optimise a network for the comparison: constants folded and exact fusions only. Some of those compute in
 * single precision what stands in the graph in double, so a network of float64 runs as it is written.
 */
export function levelOf(model: Model): 'none' | 'basic' {
  return toleranceOf(model) === TOLERANCES.float64 ? 'none' : 'basic'
}
