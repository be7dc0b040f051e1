import { create } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as Type,
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  TensorShapeProto_DimensionSchema,
  type TypeProto,
  TypeProtoSchema,
  TypeProto_TensorSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { DTYPES } from '../graph/dtype.js'
import {
  type Attribute,
  type DeclaredDim,
  type Graph,
  type Model,
  ModelError,
  type Node,
  type Tensor,
  type ValueInfo,
} from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { standardDomain } from './decode.js'
import { originOf } from './origin.js'
import { RAW_DATA, markFor, payloadOf } from './payload.js'

/*
 * Model → message. Every function takes the envelope where the object is still the one that was read; from the envelope of a copy
 * it takes what this project does not know of, and everything else from the object. Without an envelope, the object is new.
 */

export function encodeModel(model: Model): ModelProto {
  const envelope = model.envelope as ModelProto | undefined
  const proto = copyOf(create(ModelProtoSchema), envelope)
  if (envelope === undefined) proto.producerName = 'neural-teleportation'
  if (envelope === undefined || Number(envelope.irVersion) !== model.irVersion)
    proto.irVersion = BigInt(model.irVersion)
  proto.opsetImport = Array.from(model.opsets, ([domain, version]) => {
    const stored = envelope?.opsetImport.find((entry) => standardDomain(entry.domain) === domain)
    if (stored !== undefined && Number(stored.version) === version) return stored
    return create(OperatorSetIdProtoSchema, { domain: stored?.domain ?? domain, version: BigInt(version) })
  })
  proto.graph = encodeGraph(model.graph)
  return proto
}

/** A new message with the fields of another, which stays as it is. */
function copyOf<T extends object>(fresh: T, envelope: T | undefined): T {
  return envelope === undefined ? fresh : Object.assign(fresh, envelope)
}

/** A name that is empty may also not be there; what is written then stays as it is. */
function setName(proto: { name: string }, name: string): void {
  if (proto.name !== name) proto.name = name
}

function encodeGraph(graph: Graph): GraphProto {
  const envelope = graph.envelope as GraphProto | undefined
  if (envelope !== undefined && originOf(envelope) === graph) return envelope
  const proto = copyOf(create(GraphProtoSchema), envelope)
  setName(proto, graph.name)
  proto.node = graph.nodes.map(encodeNode)
  proto.input = graph.inputs.map(encodeValueInfo)
  proto.output = graph.outputs.map(encodeValueInfo)
  proto.initializer = Array.from(graph.initializers, ([name, tensor]) => encodeTensor(tensor, name))
  proto.valueInfo = Array.from(graph.valueInfo.values(), encodeValueInfo)
  return proto
}

function encodeNode(node: Node): NodeProto {
  const envelope = node.envelope as NodeProto | undefined
  if (envelope !== undefined && originOf(envelope) === node) return envelope
  const proto = copyOf(create(NodeProtoSchema), envelope)
  setName(proto, node.name)
  proto.opType = node.opType
  if (standardDomain(proto.domain) !== node.domain) proto.domain = node.domain
  proto.input = [...node.inputs]
  proto.output = [...node.outputs]
  proto.attribute = Array.from(node.attributes, ([name, attribute]) => encodeAttribute(name, attribute))
  return proto
}

function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  const envelope = attribute.envelope as AttributeProto | undefined
  const origin = envelope === undefined ? undefined : (originOf(envelope) as Attribute | undefined)
  if (envelope !== undefined && origin?.type === attribute.type && origin.value === attribute.value)
    return envelope.name === name ? envelope : copyOf(create(AttributeProtoSchema, {}), { ...envelope, name })
  const proto = create(AttributeProtoSchema, { name })
  if (envelope !== undefined) {
    if (Object.hasOwn(envelope, 'docString')) proto.docString = envelope.docString
    if (envelope.$unknown !== undefined) proto.$unknown = envelope.$unknown
  }
  switch (attribute.type) {
    case 'float':
      proto.type = Type.FLOAT
      proto.f = Math.fround(attribute.value)
      break
    case 'int':
      proto.type = Type.INT
      proto.i = int64(attribute.value)
      break
    case 'string':
      proto.type = Type.STRING
      proto.s = utf8(attribute.value)
      break
    case 'tensor':
      proto.type = Type.TENSOR
      proto.t = encodeTensor(attribute.value, attribute.value.name)
      break
    case 'graph':
      proto.type = Type.GRAPH
      proto.g = encodeGraph(attribute.value)
      break
    case 'floats':
      proto.type = Type.FLOATS
      proto.floats = attribute.value.map(Math.fround)
      break
    case 'ints':
      proto.type = Type.INTS
      proto.ints = attribute.value.map(int64)
      break
    case 'strings':
      proto.type = Type.STRINGS
      proto.strings = attribute.value.map(utf8)
      break
    case 'graphs':
      proto.type = Type.GRAPHS
      proto.graphs = attribute.value.map(encodeGraph)
      break
    case 'other':
      throw new ModelError(`attribute ${quoted(name)}: a value of this type can be carried along, but not made`)
  }
  return proto
}

/** Sentinels such as INT64_MAX are numbers that were rounded up to 2^63. */
function int64(value: number): bigint {
  const integer = BigInt(Math.trunc(value))
  const limit = 2n ** 63n
  return integer >= limit ? limit - 1n : integer < -limit ? -limit : integer
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text))
}

function encodeTensor(tensor: Tensor, name: string): TensorProto {
  const envelope = tensor.envelope as TensorProto | undefined
  if (envelope !== undefined && envelope.name === name && originOf(envelope) === tensor) return envelope
  const proto = copyOf(create(TensorProtoSchema), envelope)
  const origin = envelope === undefined ? undefined : (originOf(envelope) as Tensor | undefined)
  setName(proto, name)
  proto.dims = tensor.dims.map(BigInt)
  proto.dataType = DTYPES.indexOf(tensor.dtype) + 1
  const sameElements = origin !== undefined && origin.data === tensor.data && origin.dtype === tensor.dtype
  if (tensor.dtype === 'string' || (sameElements && payloadOf(proto) !== undefined)) return proto
  const layout = envelope === undefined ? undefined : payloadOf(envelope)?.layout
  const payload = { fields: new Map([[RAW_DATA, tensor.data]]), packed: tensor.data }
  proto.rawData = markFor(layout === undefined ? payload : { ...payload, layout })
  return proto
}

function encodeValueInfo(info: ValueInfo): ValueInfoProto {
  const envelope = info.envelope as ValueInfoProto | undefined
  const origin = envelope === undefined ? undefined : (originOf(envelope) as ValueInfo | undefined)
  if (envelope !== undefined && origin === info) return envelope
  const proto = copyOf(create(ValueInfoProtoSchema), envelope)
  setName(proto, info.name)
  if (info.dtype !== undefined && (origin?.dtype !== info.dtype || origin.shape !== info.shape))
    proto.type = tensorType(info)
  return proto
}

function tensorType(info: ValueInfo): TypeProto {
  const value = create(TypeProto_TensorSchema, {
    elemType: info.dtype === undefined ? 0 : DTYPES.indexOf(info.dtype) + 1,
  })
  if (info.shape !== undefined) value.shape = create(TensorShapeProtoSchema, { dim: info.shape.map(dimension) })
  return create(TypeProtoSchema, { value: { case: 'tensorType', value } })
}

function dimension(dim: DeclaredDim) {
  const value =
    dim === null
      ? ({ case: undefined } as const)
      : typeof dim === 'number'
        ? ({ case: 'dimValue', value: BigInt(dim) } as const)
        : ({ case: 'dimParam', value: dim } as const)
  return create(TensorShapeProto_DimensionSchema, { value })
}
