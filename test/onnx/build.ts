import { type MessageInitShape, create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as Type,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'

/** Messages for tests, as exporters write them, made without any code of this project. */
export function input(name: string, dims: readonly (number | bigint)[] = [4], elemType = 1): ValueInfoProto {
  const dim = dims.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }))
  const value = { elemType, shape: { dim } }
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } })
}

export function node(
  opType: string,
  inputs: string[],
  outputs: string[],
  attribute: AttributeProto[] = [],
  rest: MessageInitShape<typeof NodeProtoSchema> = {},
): NodeProto {
  return create(NodeProtoSchema, { opType, input: inputs, output: outputs, attribute, ...rest })
}

export function subgraph(name: string, graph: GraphProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: Type.GRAPH, g: graph })
}

export function graph(init: MessageInitShape<typeof GraphProtoSchema>): GraphProto {
  return create(GraphProtoSchema, { name: 'g', ...init })
}

export function tensor(init: MessageInitShape<typeof TensorProtoSchema>): TensorProto {
  return create(TensorProtoSchema, { dataType: 1, ...init })
}

export function floats(name: string, values: readonly number[]): TensorProto {
  return tensor({ name, dims: [BigInt(values.length)], rawData: new Uint8Array(Float32Array.from(values).buffer) })
}

export function external(name: string, dims: number[], entries: Record<string, string>): TensorProto {
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }))
  return tensor({ name, dims: dims.map(BigInt), dataLocation: 1, externalData })
}

/** x + w → y, unless told otherwise. */
export function model(
  init: MessageInitShape<typeof GraphProtoSchema> = {},
  rest: MessageInitShape<typeof ModelProtoSchema> = {},
): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: graph({
      node: [node('Add', ['x', 'w'], ['y'])],
      input: [input('x')],
      output: [input('y')],
      initializer: [floats('w', [1, 2, 3, 4])],
      ...init,
    }),
    ...rest,
  })
}

export function bytes(proto: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, proto)
}
