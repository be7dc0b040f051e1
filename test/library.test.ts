import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { distanceBetween, invert, loadModel, quiverOf, sampleCob, saveModel, teleport, verify } from '../src/index.js'

const folder = mkdtempSync(path.join(tmpdir(), 'teleport-library-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('the example of the README runs', async () => {
  const model = await loadModel(fileURLToPath(new URL('fixtures/resnet.onnx', import.meta.url)))
  const quiver = quiverOf(model, { scope: 'weights' })
  const cob = sampleCob(quiver, { sampling: 'intra', range: 0.9, seed: 7 })
  const moved = teleport(model, quiver, cob)
  const report = await verify(model, moved)
  expect(report).toMatchObject({ pass: true, identical: false })
  const file = path.join(folder, 'moved.onnx')
  await saveModel(moved, file)
  expect(await verify(moved, await loadModel(file))).toMatchObject({ pass: true, identical: true })

  const back = teleport(moved, quiverOf(moved, { scope: 'weights' }), invert(cob))
  expect(distanceBetween(model, moved).relative).toBeGreaterThan(0.1)
  expect(distanceBetween(model, back).relative).toBeLessThan(1e-7)
})
