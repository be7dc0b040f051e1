import { create, createRegistry, equals, fromBinary } from '@bufbuild/protobuf'
import { AttributeProtoSchema, AttributeProto_AttributeType as Type, type ModelProto, ModelProtoSchema } from 'onnx-buf'
import { expect, test } from 'vitest'
import type { Model, Node } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { MemoryFiles } from '../../src/onnx/memory-files.js'
import { readModel, readModelBytes } from '../../src/onnx/read.js'
import { modelBytes, writeModel } from '../../src/onnx/write.js'
import { bytes, floats, graph, input, model, node, subgraph, tensor } from './build.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

const unknown = (no: number) => [{ no, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) }]
const large = Array.from({ length: 2000 }, (_, i) => i)
const sparse = {
  values: tensor({ name: 's', dims: [1n], floatData: [5] }),
  indices: tensor({ dataType: 7, dims: [1n], int64Data: [2n] }),
  dims: [4n],
}
const text = (s: string) => new TextEncoder().encode(s)

/** A model with everything in it that this project does not look at. */
function rich(): ModelProto {
  const proto = model(
    {
      node: [
        node('Add', ['x', 'w'], ['a'], [], {
          docString: 'adds',
          name: 'add',
          metadataProps: [{ key: 'k', value: 'v' }],
          overload: 'o',
        }),
        node(
          'Strange',
          ['a', ''],
          ['', 'b'],
          [
            create(AttributeProtoSchema, {
              name: 'ts',
              type: Type.TENSORS,
              tensors: [floats('', large), floats('u', [1])],
            }),
            create(AttributeProtoSchema, { name: 'sp', type: Type.SPARSE_TENSOR, sparseTensor: sparse }),
            create(AttributeProtoSchema, { name: 'tp', type: Type.TYPE_PROTO, tp: { denotation: 'd' } }),
            create(AttributeProtoSchema, { name: 'bin', type: Type.STRING, s: Uint8Array.of(0xff, 0xfe, 0) }),
            create(AttributeProtoSchema, {
              name: 'sentinel',
              type: Type.INTS,
              ints: [2n ** 63n - 1n, -(2n ** 63n)],
              docString: 'doc',
            }),
          ],
          { domain: 'com.example' },
        ),
        node('Identity', ['b'], ['y'], [], { domain: 'ai.onnx' }),
      ],
      docString: 'a graph',
      initializer: [
        floats('w', [1, 2, 3, 4]),
        tensor({ name: 'names', dataType: 8, dims: [2n], stringData: [text('ä'), Uint8Array.of(0xff)] }),
      ],
      sparseInitializer: [sparse],
      quantizationAnnotation: [{ tensorName: 'w', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 'ws' }] }],
      valueInfo: [input('a', [4]), input('ghost', [7])],
      metadataProps: [{ key: 'g', value: 'h' }],
    },
    {
      opsetImport: [{ version: 17n }, { domain: 'com.example', version: 3n }],
      producerName: 'someone',
      producerVersion: '1.2',
      domain: 'd',
      modelVersion: -5n,
      docString: 'doc',
      metadataProps: [{ key: 'author', value: 'me\nand you' }],
      functions: [
        {
          name: 'F',
          domain: 'com.example',
          input: ['i'],
          output: ['o'],
          attribute: ['alpha'],
          opsetImport: [{ version: 17n }],
          node: [
            node(
              'Constant',
              [],
              ['c'],
              [create(AttributeProtoSchema, { name: 'value', type: Type.TENSOR, t: floats('', large) })],
            ),
            node(
              'Mul',
              ['i', 'c'],
              ['o'],
              [create(AttributeProtoSchema, { name: 'r', type: Type.FLOAT, refAttrName: 'alpha' })],
            ),
          ],
        },
      ],
      trainingInfo: [
        {
          initialization: graph({ name: 'init', initializer: [floats('z', large)] }),
          initializationBinding: [{ key: 'w', value: 'z' }],
        },
      ],
    },
  )
  proto.$unknown = unknown(500)
  proto.graph!.$unknown = unknown(501)
  proto.graph!.node[0]!.$unknown = unknown(502)
  proto.graph!.initializer[0]!.$unknown = unknown(503)
  return proto
}

function parsed(model: Model): ModelProto {
  return fromBinary(ModelProtoSchema, modelBytes(model))
}

function same(a: ModelProto, b: ModelProto): boolean {
  return equals(ModelProtoSchema, a, b, { registry: createRegistry(), unknown: true })
}

test('what is not understood is carried through', () => {
  const read = readModelBytes(bytes(rich()))
  expect(read.functions).toEqual(['com.example::F'])
  expect(read.graph.nodes[2]!.domain).toBe('')
  expect(same(parsed(read), rich())).toBe(true)
})

test('also when what stands beside it is changed', () => {
  const read = readModelBytes(bytes(rich()))
  const nodes: Node[] = read.graph.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === 'a' ? 'a2' : name)),
  }))
  nodes[1] = {
    ...nodes[1]!,
    inputs: ['a2', ''],
    attributes: new Map(nodes[1]!.attributes).set('new', { type: 'int', value: 2 ** 63 }),
  }
  const w = read.graph.initializers.get('w')!
  const initializers = new Map(read.graph.initializers).set('w', {
    ...w,
    data: tensorOf('w', 'float32', [4], [5, 6, 7, 8]).data,
  })

  const expected = rich()
  expected.graph!.node[0]!.output = ['a2']
  expected.graph!.node[1]!.input = ['a2', '']
  expected.graph!.node[1]!.attribute.push(
    create(AttributeProtoSchema, { name: 'new', type: Type.INT, i: 2n ** 63n - 1n }),
  )
  expected.graph!.initializer[0]!.rawData = floats('w', [5, 6, 7, 8]).rawData
  expect(same(parsed({ ...read, graph: { ...read.graph, nodes, initializers } }), expected)).toBe(true)
})

test('tensors of functions, training graphs and attributes keep their bytes beside external data', () => {
  const files = new MemoryFiles()
  const proto = rich()
  proto.graph!.initializer.push(floats('big', large))
  files.contents.set('m/a.onnx', bytes(proto))
  writeModel(files, readModel(files, 'm/a.onnx'), 'm/b.onnx', { layout: 'external' })
  const b = fromBinary(ModelProtoSchema, files.contents.get('m/b.onnx')!)
  expect(b.graph!.initializer[2]!.externalData.map(({ key, value }) => [key, value])).toEqual([
    ['location', 'b.onnx.data'],
    ['offset', '8192'],
    ['length', '8000'],
  ])
  expect(b.functions).toEqual(proto.functions)
  expect(b.trainingInfo).toEqual(proto.trainingInfo)
  writeModel(files, readModel(files, 'm/b.onnx'), 'm/c.onnx', { layout: 'inline' })
  expect(same(fromBinary(ModelProtoSchema, files.contents.get('m/c.onnx')!), proto)).toBe(true)
})

test('a model made in memory is written whole', () => {
  const made = modelOf({
    name: 'made',
    nodes: [nodeOf('Gemm', ['x', 'w'], ['y'], { alpha: 0.1 })],
    inputs: [{ name: 'x', dtype: 'float32', shape: ['N', 2] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
    initializers: new Map([['w', tensorOf('w', 'float32', [2, 1], [1, 2])]]),
  })
  const read = readModelBytes(modelBytes(made))
  expect(read.graph.inputs[0]).toMatchObject({ name: 'x', dtype: 'float32', shape: ['N', 2] })
  expect(read.graph.outputs[0]!.shape).toEqual([null, 1])
  expect(read.graph.nodes[0]!.attributes.get('alpha')).toMatchObject({ type: 'float', value: Math.fround(0.1) })
  expect(Array.from(numbersOf(read.graph.initializers.get('w')!))).toEqual([1, 2])
})

test('attributes of the oldest exporters, which have no type, are read by the field that is there', () => {
  const attributes = [
    create(AttributeProtoSchema, { name: 'a', i: 3n }),
    create(AttributeProtoSchema, { name: 'b', floats: [1, 2] }),
    create(AttributeProtoSchema, { name: 'c', s: text('s') }),
  ]
  const read = readModelBytes(bytes(model({ node: [node('Add', ['x', 'w'], ['y'], attributes)] })))
  expect(Array.from(read.graph.nodes[0]!.attributes.values(), ({ type, value }) => [type, value])).toEqual([
    ['int', 3],
    ['floats', [1, 2]],
    ['string', 's'],
  ])
})

test('a tensor inside a subgraph is found and can be changed there', () => {
  const branch = (value: number) =>
    graph({
      node: [node('Identity', ['k'], ['o'])],
      output: [input('o')],
      initializer: [floats('k', Array<number>(4).fill(value))],
    })
  const proto = model({
    node: [node('If', ['c'], ['y'], [subgraph('then_branch', branch(1)), subgraph('else_branch', branch(2))])],
    initializer: [tensor({ name: 'c', dataType: 9, rawData: Uint8Array.of(1) })],
  })
  const read = readModelBytes(bytes(proto))
  const [conditional] = read.graph.nodes
  const then = conditional!.attributes.get('then_branch')!
  if (then.type !== 'graph') throw new Error(then.type)
  const initializers = new Map([['k', tensorOf('k', 'float32', [4], [9, 9, 9, 9])]])
  const attributes = new Map(conditional!.attributes).set('then_branch', {
    ...then,
    value: { ...then.value, initializers },
  })
  const written = parsed({ ...read, graph: { ...read.graph, nodes: [{ ...conditional!, attributes }] } })
  expect(
    written.graph!.node[0]!.attribute.map((a) => new Float32Array(a.g!.initializer[0]!.rawData.slice().buffer)[0]),
  ).toEqual([9, 2])
})
