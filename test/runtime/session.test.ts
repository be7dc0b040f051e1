import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type Model, ModelError } from '../../src/graph/model.js'
import type { DType } from '../../src/graph/dtype.js'
import { doubleToHalf } from '../../src/graph/half.js'
import { modelBytes } from '../../src/onnx/write.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { converted, isHostDType, numberReader, numberWriter, zeros } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

/** y = op(x…), all of one type and shape. */
function model(opType: string, dtype: DType, inputs = ['x'], shape: (number | string)[] = [2]): Model {
  return modelOf({
    nodes: [nodeOf(opType, inputs, ['y'])],
    inputs: inputs.map((name) => ({ name, dtype, shape })),
    outputs: [{ name: 'y', dtype, shape }],
  })
}

describe('nodeRuntime', () => {
  test.each([
    'float32',
    'float64',
    'float16',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
  ] as const)('%s goes in and comes out with the same bits', async (dtype) => {
    const session = await nodeRuntime.open({ bytes: modelBytes(model('Identity', dtype)) })
    const x = zeros(dtype, [2])
    numberWriter(x)?.(1, 1)
    const y = (await session.run(new Map([['x', x]]))).get('y')
    expect(y).toEqual(x)
    expect(session.inputNames).toEqual(['x'])
    expect(session.outputNames).toEqual(['y'])
    await session.release()
  })

  test('strings', async () => {
    const session = await nodeRuntime.open({ bytes: modelBytes(model('Identity', 'string')) })
    const x: HostTensor = { dtype: 'string', dims: [2], data: ['a', 'ü'] }
    expect((await session.run(new Map([['x', x]]))).get('y')).toEqual(x)
    await session.release()
  })

  test('float16 arithmetic: 1 + 2 = 3', async () => {
    const session = await nodeRuntime.open({ bytes: modelBytes(model('Add', 'float16', ['a', 'b'])) })
    const half = (value: number): HostTensor => ({
      dtype: 'float16',
      dims: [2],
      data: Uint16Array.of(doubleToHalf(value), 0),
    })
    const y = (
      await session.run(
        new Map([
          ['a', half(1)],
          ['b', half(2)],
        ]),
      )
    ).get('y')
    expect(y?.data).toEqual(Uint16Array.of(doubleToHalf(3), 0))
    await session.release()
  })

  test('every refusal is a ModelError of one line, without the places in the source of ONNX Runtime', async () => {
    const session = await nodeRuntime.open({ bytes: modelBytes(model('Add', 'float32', ['a', 'b'], ['n'])) })
    const of = (count: number): HostTensor => ({ dtype: 'float32', dims: [count], data: new Float32Array(count) })
    const failures = [
      () => nodeRuntime.open({ path: '/nowhere/model.onnx' }),
      () => nodeRuntime.open({ bytes: new Uint8Array(100) }),
      () => nodeRuntime.open({ bytes: modelBytes(model('Unheard', 'float32')) }),
      () => session.run(new Map([['a', of(2)]])),
      () =>
        session.run(
          new Map([
            ['a', of(2)],
            ['b', of(3)],
          ]),
        ),
      () =>
        session.run(
          new Map([
            ['a', of(2)],
            ['b', { ...of(2), dims: [1, 2] }],
          ]),
        ),
    ]
    for (const failure of failures) {
      const error: unknown = await failure().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(ModelError)
      expect((error as Error).message).toMatch(/^ONNX Runtime cannot (open|run) [^\n]{5,}$/)
      expect((error as Error).message).not.toMatch(/\.cc:|onnxruntime::|\/onnxruntime/)
    }
    await session.release()
  })

  test('results are written into given memory, and nothing is copied', async () => {
    const count = 2 ** 21
    const plain = model('Neg', 'float32', ['x'], [count])
    for (const opened of [plain, nodeRuntime.writingResults?.(plain) ?? plain]) {
      const session = await nodeRuntime.open({ bytes: modelBytes(opened) }, { keepMemory: true })
      expect(session.outputNames).toEqual(['y'])
      const feeds = new Map([['x', { ...zeros('float32', [count]), data: new Float32Array(count).fill(3) }]])
      const y = zeros('float32', [count])
      const before = process.memoryUsage().arrayBuffers
      await session.runInto(feeds, new Map([['y', y]]))
      if (opened !== plain) expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22)
      expect([y.data[0], y.data[count - 1]]).toEqual([-3, -3])
      expect((await session.run(feeds)).get('y')?.data.at(7)).toBe(-3)
      const unfit = new Map([['x', zeros('float32', [1])]])
      await expect(session.runInto(unfit, new Map([['y', y]]))).rejects.toThrow(/^ONNX Runtime cannot run/)
      await session.release()
    }
  })

  test('a device that is not there is replaced by the CPU, with a warning', async () => {
    const warnings: string[] = []
    const session = await nodeRuntime.open(
      { bytes: modelBytes(model('Neg', 'float32')) },
      { device: 'webgpu', warn: (message) => warnings.push(message) },
    )
    expect(warnings.length === 0).toBe(session.device === 'webgpu')
    for (const warning of warnings) expect(warning).toMatch(/^WebGPU cannot be used here .* runs on the CPU instead$/)
    await session.release()
  })

  test('importing the runtime does not load the native library', () => {
    const script = `await import('./src/runtime/node/verify.ts');
      const maps = (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8');
      process.stdout.write(String(maps.includes('onnxruntime')))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    if (process.platform === 'linux') expect(stdout, stderr).toBe('false')
  })
})

describe('converted', () => {
  const float64: HostTensor = { dtype: 'float64', dims: [2], data: Float64Array.of(1.5, -2) }
  const int64: HostTensor = { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 300n) }

  test('floats are rounded, integers and booleans keep their value', () => {
    expect(converted(float64, 'float32', 'x').data).toEqual(Float32Array.of(1.5, -2))
    expect(converted(float64, 'float16', 'x').data).toEqual(Uint16Array.of(0x3e00, 0xc000))
    expect(converted(int64, 'int32', 'x').data).toEqual(Int32Array.of(1, 300))
    expect(converted(int64, 'float32', 'x').data).toEqual(Float32Array.of(1, 300))
    expect(converted(int64, 'int64', 'x')).toBe(int64)
  })

  test('what would lose more is refused', () => {
    expect(() => converted(float64, 'int64', "array 'x'")).toThrow(
      "array 'x': expected elements of type int64, got float64",
    )
    expect(() => converted(int64, 'int8', 'x')).toThrow('whose value 300 does not fit')
    expect(() => converted(int64, 'bool', 'x')).toThrow('does not fit')
    expect(() => converted(int64, 'string', 'x')).toThrow(ModelError)
    expect(isHostDType('bfloat16')).toBe(false)
    expect(numberReader({ dtype: 'string', dims: [1], data: ['a'] })).toBeUndefined()
  })

  test('a model survives the trip through bytes', () => {
    expect(readModelBytes(modelBytes(model('Add', 'float32', ['a', 'b']))).graph.nodes[0]?.opType).toBe('Add')
  })
})
