import {
  AttributeProto_AttributeType as Type,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf'
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
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import { dtypeOf, packedData } from './elements.js'
import { originate } from './origin.js'
import { payloadOf } from './payload.js'

/** The Model that a parsed message describes. The message stays its envelope, and those inside it stay theirs. */
export function decodeModel(proto: ModelProto): Model {
  if (proto.graph === undefined) throw new ModelError('the model has no graph; it is damaged, or not an ONNX model')
  const opsets = new Map<string, number>()
  for (const { domain, version } of proto.opsetImport) {
    const key = standardDomain(domain)
    const before = opsets.get(key)
    if (before !== undefined && before !== Number(version))
      throw new ModelError(
        `the model imports domain ${quoted(domain)} in two versions, ${before} and ${version}; export it again`,
      )
    opsets.set(key, Number(version))
  }
  checkInputTypes(proto.graph)
  const model: Model = {
    irVersion: Number(proto.irVersion),
    opsets,
    graph: decodeGraph(proto.graph),
    functions: proto.functions.map((fn) => `${fn.domain}::${fn.name}`),
    envelope: proto,
  }
  return originate(proto, model)
}

/** Inside subgraphs, exporters leave types to be inferred; what comes from outside cannot be. */
function checkInputTypes(graph: GraphProto): void {
  const constants = new Set(graph.initializer.map((tensor) => tensor.name))
  for (const { name, type } of graph.input) {
    const declared =
      type?.value.case === 'tensorType' ? type.value.value.elemType !== 0 : type?.value.case !== undefined
    if (!declared && !constants.has(name))
      throw new ModelError(`input ${quoted(name)} has no type; export the model again`)
  }
}

/** 'ai.onnx' is another name of the standard's domain, ''. */
export function standardDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain
}

function decodeGraph(proto: GraphProto): Graph {
  const initializers = new Map<string, Tensor>()
  for (const tensor of proto.initializer) {
    if (tensor.name === '')
      throw new ModelError(`graph ${quoted(proto.name)}: an initializer has no name; the file is damaged`)
    if (initializers.has(tensor.name))
      throw new ModelError(`initializer ${quoted(tensor.name)} is defined twice; the file is damaged`)
    initializers.set(tensor.name, decodeTensor(tensor))
  }
  const valueInfo = new Map<string, ValueInfo>()
  for (const info of proto.valueInfo) valueInfo.set(info.name, decodeValueInfo(info))
  const graph: Graph = {
    name: proto.name,
    nodes: proto.node.map(decodeNode),
    inputs: proto.input.map(decodeValueInfo),
    outputs: proto.output.map(decodeValueInfo),
    initializers,
    sparseInitializers: proto.sparseInitializer.map((sparse) => sparse.values?.name ?? ''),
    valueInfo,
    envelope: proto,
  }
  return originate(proto, graph)
}

function decodeNode(proto: NodeProto): Node {
  const attributes = new Map<string, Attribute>()
  for (const attribute of proto.attribute) {
    if (attributes.has(attribute.name))
      throw new ModelError(
        `node ${quoted(proto.name)} (${quoted(proto.opType)}): attribute ${quoted(attribute.name)} is given twice; the file is damaged`,
      )
    attributes.set(attribute.name, decodeAttribute(attribute))
  }
  const node: Node = {
    name: proto.name,
    opType: proto.opType,
    domain: standardDomain(proto.domain),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    envelope: proto,
  }
  return originate(proto, node)
}

function decodeAttribute(proto: AttributeProto): Attribute {
  return originate(proto, { ...attributeValue(proto), envelope: proto })
}

const OTHER = { type: 'other', value: null } as const

function attributeValue(proto: AttributeProto): Attribute {
  if (proto.refAttrName !== '') return OTHER
  switch (proto.type === Type.UNDEFINED ? impliedType(proto) : proto.type) {
    case Type.FLOAT:
      return { type: 'float', value: proto.f }
    case Type.INT:
      return { type: 'int', value: Number(proto.i) }
    case Type.STRING:
      return { type: 'string', value: text(proto.s) }
    case Type.TENSOR:
      return proto.t === undefined ? missing(proto) : { type: 'tensor', value: decodeTensor(proto.t) }
    case Type.GRAPH:
      return proto.g === undefined ? missing(proto) : { type: 'graph', value: decodeGraph(proto.g) }
    case Type.FLOATS:
      return { type: 'floats', value: proto.floats }
    case Type.INTS:
      return { type: 'ints', value: proto.ints.map(Number) }
    case Type.STRINGS:
      return { type: 'strings', value: proto.strings.map(text) }
    case Type.GRAPHS:
      return { type: 'graphs', value: proto.graphs.map(decodeGraph) }
    default:
      return OTHER
  }
}

/** The oldest exporters left the type out; then the field that is there says it. */
function impliedType(proto: AttributeProto): Type {
  if (Object.hasOwn(proto, 'f')) return Type.FLOAT
  if (Object.hasOwn(proto, 'i')) return Type.INT
  if (Object.hasOwn(proto, 's')) return Type.STRING
  if (proto.t !== undefined) return Type.TENSOR
  if (proto.g !== undefined) return Type.GRAPH
  if (proto.floats.length > 0) return Type.FLOATS
  if (proto.ints.length > 0) return Type.INTS
  if (proto.strings.length > 0) return Type.STRINGS
  if (proto.graphs.length > 0) return Type.GRAPHS
  return Type.UNDEFINED
}

function missing(proto: AttributeProto): never {
  throw new ModelError(`attribute ${quoted(proto.name)}: its value is missing; the file is damaged`)
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function decodeTensor(proto: TensorProto): Tensor {
  const dtype = dtypeOf(proto.dataType)
  if (dtype === undefined)
    throw new ModelError(
      `tensor ${quoted(proto.name)}: element type ${proto.dataType} is not one of ONNX's up to opset 23`,
    )
  const dims = proto.dims.map(Number)
  if (proto.segment !== undefined)
    throw new ModelError(`tensor ${quoted(proto.name)}: it is stored in segments, which nothing reads; export it again`)
  const payload = payloadOf(proto)
  const data = packedData(proto.name, dtype, dims, payload)
  if (payload !== undefined) payload.packed = data
  if (dtype === 'string') checkStrings(proto, dims)
  return originate(proto, { name: proto.name, dtype, dims, data, envelope: proto })
}

function checkStrings(proto: TensorProto, dims: readonly number[]): void {
  const count = sizeOf(dims)
  if (count !== proto.stringData.length)
    throw new ModelError(
      `tensor ${quoted(proto.name)}: size and shape disagree: expected ${count} strings, got ${proto.stringData.length}; the file is damaged`,
    )
}

function decodeValueInfo(proto: ValueInfoProto): ValueInfo {
  const info: { -readonly [key in keyof ValueInfo]: ValueInfo[key] } = { name: proto.name, envelope: proto }
  const type = proto.type?.value
  if (type?.case === 'tensorType') {
    const dtype = dtypeOf(type.value.elemType)
    if (dtype !== undefined) info.dtype = dtype
    if (type.value.shape !== undefined) info.shape = type.value.shape.dim.map((dim) => declaredDim(dim.value))
  }
  return originate(proto, info)
}

type ProtoDim =
  { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } | { case: undefined; value?: undefined }

/** Some exporters write -1 for a size that is not known. */
function declaredDim(dim: ProtoDim): DeclaredDim {
  if (dim.case === 'dimValue') return dim.value < 0n ? null : Number(dim.value)
  return dim.case === 'dimParam' && dim.value !== '' ? dim.value : null
}
