import { expect, test } from 'vitest'
import { ModelError } from '../../../src/graph/model.js'
import { modelOf } from '../../../src/models/registry.js'
import { nodeRuntime } from '../../../src/runtime/node/session.js'
import { sgd } from '../../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../../src/train/runner.js'
import { NO_LOWERING, trainingStep } from '../../../src/train/training-step.js'
import type { Lowering } from '../../../src/train/training-step.js'
import { nodeOf } from '../../support/plain-graph.js'
import { batchOf } from '../../train/batches.js'
import { mlp } from '../../train/networks.js'

const OPTIONS = { loss: 'crossEntropy', optimizer: sgd({ lr: 0.01, momentum: 0.9 }), batchSize: 8 } as const

const wide = () => modelOf('resnet18', { inputShape: [3, 32, 32], width: 96, blocks: [1, 1], classes: 3, seed: 2 })

async function losses(lowering?: Lowering): Promise<number[]> {
  const step = trainingStep(wide(), OPTIONS, lowering)
  const trainer = await openTrainer(nodeRuntime, step, { threads: 1 })
  const found: number[] = []
  for (let i = 0; i < 3; i++) found.push((await trainer.run(batchOf([3, 32, 32], 8, `batch ${i}`))).loss)
  await trainer.release()
  return found
}

test('kernels that are large once they are transformed are transformed again for the gradient', async () => {
  const { nodes } = trainingStep(wide(), OPTIONS).model.graph
  // Only there does a matrix go through a Where; Relu's masks are products.
  const late = nodes.filter(({ opType }) => opType === 'Where')
  expect(late.length).toBeGreaterThanOrEqual(3)
  const plain = await losses(NO_LOWERING)
  const lowered = await losses()
  lowered.forEach((loss, i) => expect(Math.abs(loss - plain[i]!) / plain[i]!).toBeLessThan(2e-4))
})

test('a node without the input that it needs is refused in a line', () => {
  const model = mlp()
  const { graph } = model
  const [y] = graph.outputs
  const nodes = [...graph.nodes.slice(0, -1), { ...graph.nodes.at(-1)!, outputs: ['before'] }]
  const broken = { ...model, graph: { ...graph, nodes: [...nodes, nodeOf('Add', ['before'], [y!.name])] } }
  const attempt = () => trainingStep(broken, OPTIONS)
  expect(attempt).toThrow(ModelError)
  expect(attempt).toThrow(/^Add 'Add'[^\n]*$/)
})
