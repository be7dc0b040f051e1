import { describe, expect, test } from 'vitest'
import { DTYPES } from '../../src/graph/dtype.js'
import { ModelError } from '../../src/graph/model.js'
import { decodeSafetensors, encodeSafetensors, safetensorsType } from '../../src/graph/safetensors.js'
import { bytesOf, numbersOf, tensorOf } from '../../src/graph/tensor.js'

const refuse = (why: string) => new ModelError(`the file is damaged: ${why}`)
const types = DTYPES.filter((dtype) => safetensorsType(dtype) !== undefined)

/** A file with this header and as many bytes of zeros behind it. */
function file(header: unknown, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const whole = new Uint8Array(8 + text.length + bytes)
  new DataView(whole.buffer).setBigUint64(0, BigInt(text.length), true)
  whole.set(text, 8)
  return whole
}

describe('safetensors', () => {
  test('of every type come back, in order, with their texts', () => {
    expect(types).toHaveLength(13)
    const tensors = [
      ...types.map((dtype) => tensorOf(`${dtype} "quoted"`, dtype, [2, 1], [0, 1])),
      tensorOf('2', 'float32', [], [0.5]),
      tensorOf('1', 'float32', [0, 3], []),
    ]
    const metadata = { format: 'test', 'a\n"b"': 'ünï' }
    const bytes = encodeSafetensors({ tensors, metadata })
    expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n)
    // Anywhere in memory.
    const moved = new Uint8Array(bytes.length + 3)
    moved.set(bytes, 3)
    const found = decodeSafetensors(moved.subarray(3), refuse)
    expect(found.metadata).toEqual(metadata)
    expect(found.tensors.map(({ name, dtype, dims }) => [name, dtype, dims])).toEqual(
      tensors.map(({ name, dtype, dims }) => [name, dtype, dims]),
    )
    found.tensors.forEach((tensor, i) => {
      expect([...bytesOf(tensor)]).toEqual([...bytesOf(tensors[i]!)])
      expect([...numbersOf(tensor)]).toEqual([...numbersOf(tensors[i]!)])
    })
  })

  test('are refused in a line where they are damaged', () => {
    const entry = (change: object) => ({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change } })
    expect(decodeSafetensors(file(entry({}), 8), refuse).tensors).toHaveLength(1)
    const damaged: readonly (readonly [Uint8Array, RegExp])[] = [
      [new Uint8Array(7), /7 bytes/],
      [file(entry({}), 8).subarray(0, 20), /passes the end of the file/],
      [file(entry({}), 7), /holds 7 bytes of numbers, its header speaks of 8/],
      [file([], 0), /not a JSON object/],
      [file(entry({ dtype: 'F8' }), 8), /'w': expected a type such as F32 or F64, got 'F8'/],
      [file(entry({ dtype: 'toString' }), 8), /got 'toString'/],
      [file(entry({ shape: [-2] }), 8), /'w': its shape is no list of sizes/],
      [file(entry({ shape: [3] }), 8), /3 numbers of 4 bytes do not fill bytes 0 to 8/],
      [file(entry({ data_offsets: [4, 12] }), 12), /begin at 4, expected 0/],
      [file({ __metadata__: { n: 1 } }, 0), /metadata 'n' is not a text/],
    ]
    for (const [bytes, why] of damaged) expect(() => decodeSafetensors(bytes, refuse)).toThrow(why)
  })

  test('cannot hold every type, nor every name', () => {
    const bits = tensorOf('w', 'float32', [1], [1])
    expect(() => encodeSafetensors({ tensors: [{ ...bits, dtype: 'int4' }], metadata: {} })).toThrow(/type int4/)
    expect(() => encodeSafetensors({ tensors: [{ ...bits, name: '__metadata__' }], metadata: {} })).toThrow(
      /keeps this name for itself/,
    )
  })
})
