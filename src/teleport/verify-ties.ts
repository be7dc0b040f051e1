import { levelOf } from './verify-tolerance.js'
import { intOf } from '../graph/attributes.js'
import type { Model, Node } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { numberReader } from '../runtime/host.js'
import { type OpenOptions, openModel } from '../runtime/open.js'
import type { HostTensor, HostTensors, Runtime } from '../runtime/session.js'

/** An output of indices that differs between two models on one sample. */
export interface IndexPair {
  readonly feeds: HostTensors
  readonly expected: HostTensor
  readonly actual: HostTensor
}

/** Operators that keep the order of elements, so that an output's element is the index that was chosen for the same position. */
const ORDERLY = new Set(['Cast', 'Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

/**
 * Whether an output that ArgMax, ArgMin or TopK chose differs at near ties only: wherever the models choose differently, the first
 * model's own scores of the two choices are closer than `tolerance` of its largest score. Rounding alone decides those.
 */
export async function differsByTies(
  model: Model,
  output: string,
  pairs: readonly IndexPair[],
  tolerance: number,
  runtime: Runtime,
  options: OpenOptions,
): Promise<boolean> {
  const chooser = chooserOf(model, output)
  const scores = chooser?.inputs[0]
  if (chooser === undefined || scores === undefined || model.graph.initializers.has(scores)) return false
  const { storage: _, ...rest } = model
  const session = await openModel(
    runtime,
    { ...rest, graph: { ...model.graph, outputs: [{ name: scores }] } },
    { ...options, optimization: levelOf(model) },
  )
  try {
    for (const { feeds, expected, actual } of pairs) {
      const values = (await session.run(feeds)).get(scores)
      if (values === undefined || !allTies(chooser, values, expected, actual, tolerance)) return false
    }
    return true
  } finally {
    await session.release()
  }
}

function chooserOf(model: Model, output: string): Node | undefined {
  const producers = new Map<string, Node>()
  for (const node of model.graph.nodes) for (const name of node.outputs) producers.set(name, node)
  let name = output
  for (let hops = 0; hops < 16; hops++) {
    const node = producers.get(name)
    if (node === undefined) return undefined
    if (node.opType === 'ArgMax' || node.opType === 'ArgMin' || (node.opType === 'TopK' && node.outputs[1] === name))
      return node
    if (!ORDERLY.has(node.opType)) return undefined
    name = node.inputs[0] ?? ''
  }
  return undefined
}

function allTies(
  chooser: Node,
  scores: HostTensor,
  expected: HostTensor,
  actual: HostTensor,
  tolerance: number,
): boolean {
  const [score, chosen, other] = [numberReader(scores), numberReader(expected), numberReader(actual)]
  const rank = scores.dims.length
  const declared = intOf(chooser, 'axis', chooser.opType === 'TopK' ? -1 : 0)
  const axis = declared < 0 ? declared + rank : declared
  const classes = scores.dims[axis] ?? 0
  if (score === undefined || chosen === undefined || other === undefined || classes === 0) return false
  const stride = sizeOf(scores.dims.slice(axis + 1))
  // TopK chooses several for each row, which lie along the same axis as the scores.
  const picks = (expected.data.length * classes) / scores.data.length
  let scale = 0
  for (let i = 0; i < scores.data.length; i++)
    if (Math.abs(score(i)) < Infinity) scale = Math.max(scale, Math.abs(score(i)))
  for (let i = 0; i < expected.data.length; i++) {
    const [x, y] = [chosen(i), other(i)]
    if (x === y) continue
    if (!(y >= 0 && y < classes)) return false
    const base = Math.floor(i / (stride * picks)) * stride * classes + (i % stride)
    if (!(Math.abs(score(base + x * stride) - score(base + y * stride)) <= tolerance * scale)) return false
  }
  return true
}
