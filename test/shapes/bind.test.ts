import { describe, expect, it } from 'vitest'
import type { DeclaredDim, Model } from '../../src/graph/model.js'
import { bindBatch, bindDims } from '../../src/shapes/bind.js'
import { modelOf } from '../support/plain-graph.js'

function model(...shapes: readonly (readonly DeclaredDim[])[]): Model {
  const inputs = shapes.map((shape, i) => ({ name: `x${i}`, dtype: 'float32' as const, shape }))
  return modelOf({ inputs, outputs: [{ name: 'x0', dtype: 'float32', shape: ['N', 'rows'] }] })
}

const shapesOf = ({ graph }: Model) => [...graph.inputs, ...graph.outputs].map(({ shape }) => shape)

describe('bindDims', () => {
  it('puts sizes in the place of names, wherever they are declared', () => {
    const before = model(['N', 'rows'], [3, 'N'])
    expect(shapesOf(bindDims(before, { N: 8 }))).toEqual([
      [8, 'rows'],
      [3, 8],
      [8, 'rows'],
    ])
    expect(shapesOf(before)[0]).toEqual(['N', 'rows'])
  })

  it('refuses names that no input declares, and sizes that are none', () => {
    expect(() => bindDims(model(['N', 'rows']), { M: 8 })).toThrow(/no input has a size named 'M'; .* 'N', 'rows'/)
    expect(() => bindDims(model([2, 3]), { M: 8 })).toThrow(/the names are none, all sizes are fixed/)
    for (const size of [0, -1, 1.5, NaN])
      expect(() => bindDims(model(['N']), { N: size })).toThrow(/expected a whole number above 0/)
  })
})

describe('bindBatch', () => {
  it('binds the first axis of each input, whether it has a name or none', () => {
    expect(shapesOf(bindBatch(model(['N', 'rows'], [null, 3], [4, 2]), 4))).toEqual([
      [4, 'rows'],
      [4, 3],
      [4, 2],
      [4, 'rows'],
    ])
  })

  it('refuses another size, and inputs without axes', () => {
    expect(() => bindBatch(model([2, 3]), 4)).toThrow(/'x0': its first axis is fixed at 2, and batches of 4/)
    expect(() => bindBatch(model([]), 4)).toThrow(/'x0': expected a first axis for the batch/)
  })
})
