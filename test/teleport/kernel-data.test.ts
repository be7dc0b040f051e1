import { expect, test } from 'vitest'
import { bytesOf, numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { ScaledData } from '../../src/teleport/scaled-data.js'

const scaling = {
  rows: Float64Array.of(2, -1),
  cols: Float64Array.of(1, 10, 100),
  columns: 3,
  inner: 1,
  rowsPerGroup: 2,
}

test.each(['float32', 'float64', 'float16', 'bfloat16'] as const)('%s data are scaled when they are read', (dtype) => {
  const tensor = tensorOf('w', dtype, [2, 3], [1, 2, 3, 4, 5, 0.5])
  const data = new ScaledData(tensor.data, dtype, scaling)
  expect(data.byteLength).toBe(tensor.data.byteLength)
  const scaled = { ...tensor, data }
  expect([...numbersOf(scaled)]).toEqual([2, 40, 600, -4, -50, -50])
  expect([...numbersOf(tensor)]).toEqual([1, 2, 3, 4, 5, 0.5])
  const step = data.byteLength / 6
  expect(data.read(2 * step, 3 * step)).toEqual(bytesOf(scaled).subarray(2 * step, 5 * step))
})

test('scaled twice is scaled by both', () => {
  const once = new ScaledData(tensorOf('w', 'float32', [2, 3], [1, 2, 3, 4, 5, 6]).data, 'float32', scaling)
  const twice = { name: 'w', dtype: 'float32', dims: [2, 3], data: new ScaledData(once, 'float32', scaling) } as const
  expect([...numbersOf(twice)]).toEqual([4, 800, 120000, 4, 500, 60000])
})

test('a piece that cuts an element is refused', () => {
  const data = new ScaledData(tensorOf('w', 'float32', [2, 3], [1, 2, 3, 4, 5, 6]).data, 'float32', scaling)
  expect(() => data.read(2, 4)).toThrow(RangeError)
  expect(() => data.read(4, 3)).toThrow(RangeError)
})
