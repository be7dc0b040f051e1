import { describe, expect, test } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { verify } from '../../src/runtime/node/verify.js'
import { teleport } from '../../src/teleport/teleport.js'
import { scaleFields } from '../../src/teleport/verify-fields.js'
import { damaged, median } from '../support/damage.js'

describe('a teleported network with one damaged weight', () => {
  test.each([
    ['vgg', 'weights', '4.weight'],
    ['vgg', 'full', '8.bias'],
    ['resnet', 'weights', 'layer2.conv1.weight'],
    ['resnet', 'full', 'layer2.bn2.running_var'],
    ['densenet', 'weights', 'features.denseblock1.denselayer2.conv2.weight'],
    ['densenet', 'full', 'features.transition1.norm.running_var'],
  ] as const)('%s, scope %s: fails, and %s is found through the scale fields', async (name, scope, weight) => {
    const model = await loadModel(new URL(`../fixtures/${name}.onnx`, import.meta.url).pathname)
    const quiver = quiverOf(model, { scope })
    const cob = sampleCob(quiver, { sampling: 'inter', range: 0.9, seed: 3 })
    const moved = teleport(model, quiver, cob)
    expect(await verify(model, moved)).toMatchObject({ pass: true, identical: false })

    const fieldOf = scaleFields(quiver, cob)
    const report = await verify(
      model,
      damaged(moved, weight, (x) => 2 * x + 0.5, median),
      { fieldOf },
    )
    expect(report.pass).toBe(false)
    expect(report.firstDivergence?.scale).toBe('known')
    expect(report.firstDivergence?.weights).toContain(weight)
  })
})
