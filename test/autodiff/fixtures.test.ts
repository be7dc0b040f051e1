import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { trainingForm } from '../../src/autodiff/training-form.js'
import type { Model } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { bindBatch } from '../../src/shapes/bind.js'
import { teleport } from '../../src/teleport/teleport.js'
import { batchOf, withLoss } from '../support/classifier.js'
import { runAt } from '../support/gradient-check.js'
import { FIXTURES, fixturePath, Oracle, relativeError } from '../support/oracle.js'

/**
 * Loss and gradients beside PyTorch's, under `TAG.loss` and `TAG.grad/NAME`. A bias before a BatchNormalization has the gradient zero, of which
 * only rounding is left: what is smaller than a millionth of the largest gradient is measured against that.
 */
async function compare(model: Model, oracle: Oracle, tag: string, tolerance: number): Promise<void> {
  const names = oracle.names(`${tag}.grad/`)
  expect(names.length).toBeGreaterThan(5)
  const derived = gradients(withLoss(model), { of: 'loss', wrt: names })
  const found = await runAt(derived.model, batchOf(oracle))
  expect(found.get('loss')?.data[0]).toBeCloseTo(oracle.numbers(`${tag}.loss`)[0] as number, 5)
  const expected = new Map(names.map((name) => [name, oracle.numbers(`${tag}.grad/${name}`)]))
  const greatest = (numbers: Float64Array) => Math.max(...numbers.map(Math.abs))
  const largest = Math.max(...[...expected.values()].map(greatest))
  for (const [name, numbers] of expected) {
    const gradient = found.get(derived.gradients.get(name) as string)
    expect(gradient?.dims, name).toEqual(oracle.shape(`${tag}.grad/${name}`))
    const data = gradient?.data ?? new Float64Array()
    if (greatest(numbers) < 1e-6 * largest) expect(greatest(data), name).toBeLessThan(1e-6 * largest)
    else expect(relativeError(data, numbers), name).toBeLessThan(tolerance)
  }
}

describe.each(FIXTURES)('gradients of %s beside PyTorch’s', (name) => {
  const oracle = new Oracle(name)
  const load = () => loadModel(fixturePath(`${name}.onnx`))

  it('in inference form', async () => {
    await compare(await load(), oracle, 'eval', 1e-5)
  })

  it.each(['bound', 'a name'])('in training form, the batch size %s', async (size) => {
    const model = size === 'bound' ? bindBatch(await load(), 8) : await load()
    // Differences of large sums are all that is left of some gradients behind a BatchNormalization.
    await compare(trainingForm(model).model, oracle, 'train', 1e-4)
  })

  it.each(['intra', 'inter', 'micro'])('teleported, %s', async (tag) => {
    const model = await load()
    const quiver = quiverOf(model, { scope: 'full' })
    await compare(teleport(model, quiver, oracle.cob(tag, model, quiver)), oracle, tag, 1e-5)
  })
})
