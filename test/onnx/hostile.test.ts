import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import {
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { ModelError } from '../../src/graph/model.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { bytes, external, floats, graph, input, model, node, subgraph, tensor } from './build.js'

/** The one line that a user gets to see. */
function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
    expect(error.message.length).toBeLessThan(500)
    return error.message
  }
  throw new Error('was not refused')
}

function refused(proto: ModelProto): string {
  return refusal(() => readModelBytes(bytes(proto), 'm.onnx'))
}

test('a sound model is not refused', () => {
  expect(readModelBytes(bytes(model())).graph.nodes).toHaveLength(1)
})

describe('bytes', () => {
  const sound = bytes(model())

  test('every truncation, and nothing at all', () => {
    for (let length = 0; length < sound.length; length++) {
      // A cut between two fields of the model can leave a message that is sound, but no model.
      expect(refusal(() => readModelBytes(sound.subarray(0, length), 'm.onnx'))).toMatch(/^'m.onnx'/)
    }
  })

  test('something else', () => {
    expect(refusal(() => readModelBytes(new TextEncoder().encode('<!DOCTYPE html><html></html>'), 'm.onnx'))).toMatch(
      /not a sound ONNX file/,
    )
    expect(refusal(() => readModelBytes(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0)))).toMatch(/not a sound ONNX file/)
  })

  test('a length of terabytes', () => {
    const huge = new BinaryWriter()
      .tag(7, 2)
      .uint64(2n ** 44n)
      .finish()
    expect(refusal(() => readModelBytes(huge))).toMatch(/reaches over the end/)
  })

  test('a million messages nested in each other', () => {
    let inner: Uint8Array = new Uint8Array(0)
    // Graph → node → attribute → graph.
    for (let i = 0; i < 300; i++)
      inner = new BinaryWriter()
        .tag([6, 5, 1][i % 3] as number, 2)
        .bytes(inner)
        .finish()
    const file = new BinaryWriter().tag(1, 0).uint32(8).tag(7, 2).bytes(inner).finish()
    expect(refusal(() => readModelBytes(file))).toMatch(/nested more than/)
  })

  test('a message of millions of empty messages, which take a thousand times the memory', () => {
    const graph = new Uint8Array(8_000_000)
    for (let i = 0; i < graph.length; i += 2) graph[i] = 0x0a
    const file = new BinaryWriter().tag(1, 0).uint32(8).tag(7, 2).bytes(graph).finish()
    expect(refusal(() => readModelBytes(file))).toMatch(/more than 1.5 GiB of memory/)
  })

  test('a field of another wire type, and a group', () => {
    expect(refusal(() => readModelBytes(new BinaryWriter().tag(7, 0).uint32(1).finish()))).toMatch(/wire type 0/)
    expect(refusal(() => readModelBytes(new BinaryWriter().tag(99, 3).tag(99, 4).finish()))).toMatch(/wire type 3/)
  })

  test('eight bytes that look like a mark of this program', () => {
    const raw = new Uint8Array(8)
    const t = tensor({ name: 'w', dims: [2n], rawData: raw })
    const read = readModelBytes(bytes(model({ initializer: [t] })))
    expect(Array.from(read.graph.initializers.get('w')!.data.read(0, 8))).toEqual(Array.from(raw))
  })
})

describe('versions', () => {
  test.each([
    [{ irVersion: 2n }, /IR version 2; versions 3 to 11/],
    [{ irVersion: 12n }, /IR version 12/],
    [{ opsetImport: [{ version: 6n }] }, /opset 6; opsets 7 to 23/],
    [{ opsetImport: [{ domain: 'ai.onnx', version: 24n }] }, /newer than this program: it has opset 24/],
    [{ opsetImport: [{ version: -1n }] }, /opset -1/],
    [{ opsetImport: [] }, /opset_import is missing/],
    [{ opsetImport: [{ version: 17n }, { domain: 'ai.onnx', version: 18n }] }, /two versions/],
  ])('%o', (rest, message) => {
    expect(refused(model({}, rest as never))).toMatch(message)
  })

  test.each([3n, 11n])('IR version %d', (irVersion) => {
    expect(readModelBytes(bytes(model({}, { irVersion }))).irVersion).toBe(Number(irVersion))
  })

  test.each([7n, 23n])('opset %d', (version) => {
    expect(readModelBytes(bytes(model({}, { opsetImport: [{ version }] }))).opsets.get('')).toBe(Number(version))
  })
})

describe('tensors', () => {
  const raw = (size: number) => new Uint8Array(size)
  test.each([
    [
      'too few bytes',
      tensor({ name: 'w', dims: [4n], rawData: raw(12) }),
      /size and shape disagree: expected 16 bytes, got 12/,
    ],
    ['too many bytes', tensor({ name: 'w', dims: [4n], rawData: raw(20) }), /expected 16 bytes, got 20/],
    ['no bytes', tensor({ name: 'w', dims: [4n] }), /expected 16 bytes, got none/],
    ['too few numbers', tensor({ name: 'w', dims: [4n], floatData: [1, 2] }), /expected 16 bytes, got 8/],
    ['too few varints', tensor({ name: 'w', dims: [4n], dataType: 7, int64Data: [1n] }), /expected 4 numbers, got 1/],
    ['the wrong field', tensor({ name: 'w', dims: [2n], dataType: 7, floatData: [1, 2] }), /another type/],
    ['too few strings', tensor({ name: 'w', dims: [2n], dataType: 8, stringData: [] }), /expected 2 strings, got 0/],
    ['a negative dimension', tensor({ name: 'w', dims: [-4n], rawData: raw(16) }), /negative/],
    [
      'a negative product of dimensions that is right',
      tensor({ name: 'w', dims: [-2n, -2n], rawData: raw(16) }),
      /negative/,
    ],
    ['a huge shape', tensor({ name: 'w', dims: [2n ** 40n, 2n ** 40n], rawData: raw(16) }), /larger than any file/],
    ['a huge shape with a zero', tensor({ name: 'w', dims: [0n, 2n ** 62n] }), /larger than any file/],
    ['no type', tensor({ name: 'w', dataType: 0, dims: [4n], rawData: raw(16) }), /element type 0/],
    ['an unknown type', tensor({ name: 'w', dataType: 99, dims: [4n], rawData: raw(16) }), /element type 99/],
    ['segments', tensor({ name: 'w', dims: [4n], rawData: raw(16), segment: { begin: 0n, end: 4n } }), /segments/],
    ['external data without a location', external('w', [4], { offset: '0' }), /no location/],
    ['external data with an offset that is no number', external('w', [4], { location: 'd', offset: '-1' }), /offset/],
    ['external data of a model in memory', external('w', [4], { location: 'd' }), /no such file/],
  ])('%s', (_, w, message) => {
    expect(refused(model({ initializer: [w] }))).toMatch(message)
  })

  test('a name that would fill the screen', () => {
    const name = 'line\nline\u2028\u001b[2J'.repeat(1000)
    expect(refused(model({ initializer: [tensor({ name, dims: [4n] })] }))).toMatch(/size and shape disagree/)
  })

  test('more dimensions than any tensor has', () => {
    expect(
      refused(model({ initializer: [tensor({ name: 'w', dims: Array<bigint>(100_000).fill(1n), rawData: raw(4) })] })),
    ).toMatch(/larger than any file/)
  })

  test('the same name twice', () => {
    expect(refused(model({ initializer: [floats('w', [1, 2, 3, 4]), floats('w', [1, 2, 3, 4])] }))).toMatch(
      /'w' is defined twice/,
    )
  })
})

describe('graphs', () => {
  test('no graph', () => {
    const { graph: _, ...rest } = model()
    expect(refusal(() => readModelBytes(toBinary(ModelProtoSchema, create(ModelProtoSchema, rest as never))))).toMatch(
      /no graph/,
    )
  })

  test('an input without a type', () => {
    const untyped = create(ValueInfoProtoSchema, { name: 'x' })
    expect(refused(model({ input: [untyped] }))).toMatch(/input 'x' has no type/)
    expect(refused(model({ input: [input('x', [4], 0)] }))).toMatch(/input 'x' has no type/)
  })

  test('an input that is a sequence is typed', () => {
    const type = create(TypeProtoSchema, { value: { case: 'sequenceType', value: {} } })
    const sequence = create(ValueInfoProtoSchema, { name: 's', type })
    expect(readModelBytes(bytes(model({ input: [input('x'), sequence] }))).graph.inputs[1]!.dtype).toBeUndefined()
  })

  test('an attribute twice, or without its value', () => {
    const axis = create(AttributeProtoSchema, { name: 'axis', type: 2, i: 1n })
    const empty = create(AttributeProtoSchema, { name: 'g', type: 5 })
    expect(refused(model({ node: [node('Add', ['x', 'w'], ['y'], [axis, axis])] }))).toMatch(/'axis' is given twice/)
    expect(refused(model({ node: [node('Add', ['x', 'w'], ['y'], [empty])] }))).toMatch(/its value is missing/)
  })

  test('subgraphs in subgraphs', () => {
    let inner: GraphProto = graph({ node: [node('Identity', ['x'], ['deep'])], output: [input('deep')] })
    for (let i = 0; i < 28; i++)
      inner = graph({
        node: [node('If', ['x'], [`o${i}`], [subgraph('then_branch', inner)])],
        output: [input(`o${i}`)],
      })
    expect(refused(model({ node: inner.node, output: inner.output }))).toMatch(/nested more than/)
  })
})
