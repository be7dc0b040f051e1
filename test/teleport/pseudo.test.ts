import { describe, expect, it } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { distanceBetween, weightsOf } from '../../src/teleport/distance.js'
import { pseudoTeleport } from '../../src/teleport/pseudo.js'
import { teleport } from '../../src/teleport/teleport.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { fixturePath } from '../support/oracle.js'

const model = await loadModel(fixturePath('mlp-relu.onnx'))
const quiver = quiverOf(model)
const moved = teleport(model, quiver, sampleCob(quiver, { sampling: 'inter', range: 0.9, seed: 3 }))

function lengths(to: typeof model, norm: (x: number) => number): number[] {
  const others = weightsOf(to)
  return [...weightsOf(model)].map(([name, tensor]) => {
    const other = numbersOf(others.get(name)!)
    return numbersOf(tensor).reduce((sum, w, i) => sum + norm(other[i]! - w), 0)
  })
}

describe('a pseudo-teleportation', () => {
  it.each([
    ['l2', (x: number) => x * x],
    ['l1', Math.abs],
  ] as const)('moves each tensor as far as the teleportation did, by %s', (norm, length) => {
    const pseudo = pseudoTeleport(model, moved, { seed: 1, norm })
    const expected = lengths(moved, length)
    lengths(pseudo, length).forEach((found, i) => {
      if (expected[i] === 0) expect(found).toBe(0)
      else expect(found / expected[i]!).toBeCloseTo(1, 4)
    })
    expect(expected.filter((length) => length > 0).length).toBe(5)
    expect(distanceBetween(moved, pseudo).absolute).toBeGreaterThan(0)
  })

  it('goes in directions that are uniform on the sphere: none is preferred', () => {
    const name = [...weightsOf(model).keys()][0]!
    const size = numbersOf(weightsOf(model).get(name)!).length
    const mean = new Float64Array(size)
    const runs = 200
    for (let seed = 0; seed < runs; seed++) {
      const point = numbersOf(weightsOf(pseudoTeleport(model, moved, { seed })).get(name)!)
      const start = numbersOf(weightsOf(model).get(name)!)
      const radius = Math.sqrt(point.reduce((sum, x, i) => sum + (x - start[i]!) ** 2, 0))
      point.forEach((x, i) => (mean[i]! += (x - start[i]!) / radius / runs))
    }
    // The mean of n unit vectors has squared length 1/n on average; its spread is small in many dimensions.
    const squared = mean.reduce((sum, x) => sum + x * x, 0)
    expect(squared * runs).toBeGreaterThan(0.7)
    expect(squared * runs).toBeLessThan(1.3)
  })

  it('is the same for the same seed, and leaves what the teleportation left', () => {
    const one = weightsOf(pseudoTeleport(model, moved, { seed: 5 }))
    const two = weightsOf(pseudoTeleport(model, moved, { seed: 5 }))
    for (const [name, tensor] of one) expect(numbersOf(tensor)).toEqual(numbersOf(two.get(name)!))
    expect(distanceBetween(model, pseudoTeleport(model, model)).absolute).toBe(0)
  })
})
