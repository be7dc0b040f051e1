import type { GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto } from 'onnx-buf'

/**
 * Every TensorProto of a model, wherever it lies: in graphs and subgraphs, attributes, sparse tensors, functions, training
 * graphs. In the order of their bytes but for fields that were written out of order.
 */
export function* tensorsIn(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* tensorsInGraph(model.graph)
  for (const info of model.trainingInfo)
    for (const graph of [info.initialization, info.algorithm]) if (graph !== undefined) yield* tensorsInGraph(graph)
  for (const fn of model.functions) {
    yield* tensorsInNodes(fn.node)
    yield* tensorsInNodes([{ attribute: fn.attributeProto }])
  }
}

function* tensorsInGraph(graph: GraphProto): Generator<TensorProto> {
  yield* tensorsInNodes(graph.node)
  yield* graph.initializer
  for (const sparse of graph.sparseInitializer) yield* tensorsInSparse(sparse)
}

function* tensorsInNodes(nodes: readonly Pick<NodeProto, 'attribute'>[]): Generator<TensorProto> {
  for (const node of nodes) {
    for (const attribute of node.attribute) {
      if (attribute.t !== undefined) yield attribute.t
      if (attribute.g !== undefined) yield* tensorsInGraph(attribute.g)
      yield* attribute.tensors
      for (const graph of attribute.graphs) yield* tensorsInGraph(graph)
      if (attribute.sparseTensor !== undefined) yield* tensorsInSparse(attribute.sparseTensor)
      for (const sparse of attribute.sparseTensors) yield* tensorsInSparse(sparse)
    }
  }
}

function* tensorsInSparse(sparse: SparseTensorProto): Generator<TensorProto> {
  if (sparse.values !== undefined) yield sparse.values
  if (sparse.indices !== undefined) yield sparse.indices
}
