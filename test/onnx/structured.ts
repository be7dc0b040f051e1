import { clone, toBinary } from '@bufbuild/protobuf'
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto } from 'onnx-buf'

type Random = (below: number) => number

/**
 * Mutations that stay sound protobuf and therefore come further: names, shapes, types, attributes and edges of the graph change, so
 * that what is read is a graph of nonsense rather than a broken file.
 */
export function mutateStructure(proto: ModelProto, random: Random): Uint8Array {
  const model = clone(ModelProtoSchema, proto)
  const graph = model.graph
  if (graph !== undefined) for (let rounds = 1 + random(3); rounds > 0; rounds--) pick(CHANGES, random)(graph, random)
  return toBinary(ModelProtoSchema, model)
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T
}

const SIZES = [0n, -1n, 1n, 2n, 3n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 63n)]

const CHANGES: ((graph: GraphProto, random: Random) => void)[] = [
  // An edge leads elsewhere.
  (graph, random) => {
    const node = anyNode(graph, random)
    const from = anyNode(graph, random)
    if (node !== undefined && node.input.length > 0) node.input[random(node.input.length)] = from?.output[0] ?? ''
  },
  (graph, random) => {
    const node = anyNode(graph, random)
    if (node !== undefined && node.output.length > 0)
      node.output[random(node.output.length)] = anyNode(graph, random)?.input[0] ?? ''
  },
  // A node is gone, there twice, elsewhere, or another.
  (graph, random) => void graph.node.splice(random(graph.node.length + 1), 1),
  (graph, random) => {
    const node = anyNode(graph, random)
    if (node !== undefined) graph.node.splice(random(graph.node.length), 0, node)
  },
  (graph, random) => {
    const node = anyNode(graph, random)
    const other = anyNode(graph, random)
    if (node !== undefined && other !== undefined) node.opType = other.opType
  },
  // Shapes and types of constants.
  (graph, random) => {
    const tensor = graph.initializer[random(graph.initializer.length)]
    if (tensor !== undefined) tensor.dims[random(tensor.dims.length + 1)] = pick(SIZES, random)
  },
  (graph, random) => graph.initializer[random(graph.initializer.length)]?.dims.reverse(),
  (graph, random) => {
    const tensor = graph.initializer[random(graph.initializer.length)]
    if (tensor !== undefined) tensor.dataType = random(30)
  },
  (graph, random) => void graph.initializer.splice(random(graph.initializer.length + 1), 1),
  // Attributes of nonsense.
  (graph, random) => {
    const node = anyNode(graph, random)
    const attribute = node?.attribute[random(node.attribute.length)]
    if (attribute === undefined) return
    attribute.i = pick(SIZES, random)
    if (attribute.ints.length > 0) attribute.ints[random(attribute.ints.length)] = pick(SIZES, random)
    attribute.f = pick([NaN, Infinity, -1, 0, 1e30], random)
  },
  (graph, random) => {
    const node = anyNode(graph, random)
    const attribute = node?.attribute[random(node.attribute.length)]
    if (attribute !== undefined) attribute.type = random(16)
  },
  // Declared shapes and outputs.
  (graph, random) => {
    const type = pick([graph.input[0], graph.output[0]], random)?.type?.value
    const dims = type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : []
    const dim = dims[random(dims.length)]
    if (dim !== undefined) dim.value = { case: 'dimValue', value: pick(SIZES, random) }
  },
  (graph, random) => {
    const output = graph.output[0]
    if (output !== undefined) output.name = anyNode(graph, random)?.output[0] ?? 'nowhere'
  },
]

function anyNode(graph: GraphProto, random: Random): NodeProto | undefined {
  return graph.node[random(graph.node.length)]
}
