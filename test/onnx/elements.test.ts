import { fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { GraphProtoSchema, ModelProtoSchema, type TensorProto } from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/graph/model.js'
import { bytesOf, numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { MemoryFiles } from '../../src/onnx/memory-files.js'
import { readModel, readModelBytes } from '../../src/onnx/read.js'
import { modelBytes, writeModel } from '../../src/onnx/write.js'
import { bytes, model, tensor } from './build.js'

function read(proto: TensorProto): Tensor {
  return readModelBytes(bytes(model({ initializer: [proto, ...model().graph!.initializer] }))).graph.initializers.get(
    't',
  )!
}

const STORED: [string, Parameters<typeof tensor>[0], number[]][] = [
  ['float32', { dataType: 1, floatData: [1.5, -0, Math.fround(3e38)] }, [1.5, -0, Math.fround(3e38)]],
  ['float64', { dataType: 11, doubleData: [Math.PI, -1e300] }, [Math.PI, -1e300]],
  ['float16', { dataType: 10, int32Data: [0x3c00, 0xc000, 0x7c00] }, [1, -2, Infinity]],
  ['bfloat16', { dataType: 16, int32Data: [0x3f80, 0xc000] }, [1, -2]],
  ['int8', { dataType: 3, int32Data: [-128, 127, -1] }, [-128, 127, -1]],
  ['uint8', { dataType: 2, int32Data: [0, 255] }, [0, 255]],
  ['int16', { dataType: 5, int32Data: [-32768, 5] }, [-32768, 5]],
  ['bool', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
  ['int32', { dataType: 6, int32Data: [-(2 ** 31), 2 ** 31 - 1] }, [-(2 ** 31), 2 ** 31 - 1]],
  ['uint32', { dataType: 12, uint64Data: [2n ** 32n - 1n] }, [2 ** 32 - 1]],
  ['int64', { dataType: 7, int64Data: [-(2n ** 53n), 2n ** 40n + 7n] }, [-(2 ** 53), 2 ** 40 + 7]],
  ['uint64', { dataType: 13, uint64Data: [2n ** 63n] }, [2 ** 63]],
]

describe.each(STORED)('%s in its own field', (dtype, init, values) => {
  const proto = tensor({ ...init, name: 't', dims: [BigInt(values.length)] })

  test('gives its numbers', () => {
    const got = read(proto)
    expect(got.dtype).toBe(dtype)
    expect(Array.from(numbersOf(got))).toEqual(values)
  })

  test('is written in that field as long as it is not changed, and raw once it is', () => {
    const before = readModelBytes(bytes(model({ initializer: [proto, ...model().graph!.initializer] })))
    const kept = fromBinary(ModelProtoSchema, modelBytes(before)).graph!.initializer[0]!
    expect(kept).toEqual(proto)
    const old = before.graph.initializers.get('t')!
    const initializers = new Map(before.graph.initializers).set('t', {
      ...tensorOf('t', old.dtype, old.dims, values),
      envelope: old.envelope,
    })
    const after = modelBytes({ ...before, graph: { ...before.graph, initializers } })
    const changed = fromBinary(ModelProtoSchema, after).graph!.initializer[0]!
    expect(Array.from(changed.rawData)).toEqual(Array.from(bytesOf(old)))
    expect([changed.floatData, changed.int32Data, changed.int64Data, changed.doubleData, changed.uint64Data]).toEqual([
      [],
      [],
      [],
      [],
      [],
    ])
  })
})

test('any integers come back from their varints', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (values) => {
      const got = bytesOf(read(tensor({ name: 't', dataType: 7, dims: [BigInt(values.length)], int64Data: values })))
      expect(Buffer.compare(got, new Uint8Array(BigInt64Array.from(values).buffer))).toBe(0)
    }),
  )
})

test('a large list of varints is read in pieces', () => {
  const values = Array.from({ length: 700_000 }, (_, i) => (i * 7919) % 65536)
  const got = read(tensor({ name: 't', dataType: 4, dims: [700_000n], int32Data: values }))
  expect(Buffer.compare(bytesOf(got), new Uint8Array(Uint16Array.from(values).buffer))).toBe(0)
  expect(Array.from(got.data.read(2 * 500_000, 4))).toEqual(
    Array.from(new Uint8Array(Uint16Array.from(values.slice(500_000, 500_002)).buffer)),
  )
})

test('four-bit integers are two to a byte', () => {
  expect(Array.from(bytesOf(read(tensor({ name: 't', dataType: 22, dims: [3n], int32Data: [0x21, 0x03] }))))).toEqual([
    0x21, 0x03,
  ])
})

test('numbers that were written one by one are read like packed ones', () => {
  // TensorProto { dims: 2, data_type: FLOAT, float_data: 1.5, float_data: -2, name: 't' }
  const one = [0x25, 0, 0, 0xc0, 0x3f, 0x25, 0, 0, 0, 0xc0]
  const proto = Uint8Array.from([0x08, 2, 0x10, 1, ...one, 0x42, 1, 0x74])
  const { graph: _, ...withoutGraph } = model()
  const head = toBinary(ModelProtoSchema, withoutGraph)
  expect(Array.from(numbersOf(readModelBytes(withInitializer(head, proto)).graph.initializers.get('t')!))).toEqual([
    1.5, -2,
  ])
})

function withInitializer(head: Uint8Array, proto: Uint8Array): Uint8Array {
  const body = Uint8Array.from([...toBinary(GraphProtoSchema, model().graph!), 0x2a, proto.length, ...proto])
  return Uint8Array.from([...head, 0x3a, 0x80 | (body.length & 0x7f), body.length >> 7, ...body])
}

test('typed fields become raw bytes in a data file', () => {
  const values = Array.from({ length: 1000 }, (_, i) => i)
  const files = new MemoryFiles()
  files.contents.set(
    'a.onnx',
    bytes(
      model({
        initializer: [
          tensor({ name: 't', dataType: 10, dims: [1000n], int32Data: values }),
          ...model().graph!.initializer,
        ],
      }),
    ),
  )
  writeModel(files, readModel(files, 'a.onnx'), 'b.onnx', { layout: 'external' })
  expect(Buffer.compare(files.contents.get('b.onnx.data')!, new Uint8Array(Uint16Array.from(values).buffer))).toBe(0)
  const back = readModel(files, 'b.onnx').graph.initializers
  expect(bytesOf(back.get('t')!)).toEqual(new Uint8Array(Uint16Array.from(values).buffer))
  expect(Array.from(numbersOf(back.get('w')!))).toEqual([1, 2, 3, 4])
})
