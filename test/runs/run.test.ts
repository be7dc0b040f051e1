import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCob } from '../../src/cob/file.js'
import { sampleCob } from '../../src/cob/sample.js'
import { ModelError } from '../../src/graph/model.js'
import { modelOf } from '../../src/models/registry.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { readMetrics } from '../../src/runs/metrics.js'
import { beginRun, resumeRun, type RunResult } from '../../src/runs/run.js'
import { loadModel, saveModel } from '../../src/runtime/node/load.js'
import { scalarsOf } from './events.js'
import { CONFIG } from '../support/run-config.js'

let folder = ''
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'runs-'))
})
afterAll(() => fs.rmSync(folder, { recursive: true }))
const at = (...parts: readonly string[]) => path.join(folder, ...parts)

const wrong: Record<string, readonly [(text: string) => string, RegExp]> = {
  'a setting that is not there': [(t) => `${t}sed: 1\n`, /wrong\.yaml:12: there is no setting 'sed'/],
  'a network that is not there': [(t) => t.replace('name: mlp', 'name: mpl'), /wrong\.yaml:2: there is no model 'mpl'/],
  'an option of another network': [
    (t) => t.replace('hidden: [24, 24]', 'stem: cifar'),
    /wrong\.yaml:2: mlp: there is no option 'stem'/,
  ],
  'a model that is not there': [
    (t) => t.replace(/model: .*/, 'model: { file: none.onnx }'),
    /wrong\.yaml:2: cannot read '.*none\.onnx'/,
  ],
  'a model with too few classes': [
    (t) => t.replace('hidden: [24, 24]', 'classes: 2'),
    /wrong\.yaml:2: the network tells 2 classes apart, and the data have 4; expected logits \[N, 4\]/,
  ],
  'a model for other images': [
    (t) => t.replace('hidden: [24, 24]', 'inputShape: [3, 9, 9]'),
    /wrong\.yaml:2: the network takes \[3, 9, 9\] \(input 'x'\), and the images are \[3, 8, 8\]/,
  ],
  'data that are not there': [
    (t) => t.replace(/data: .*/, 'data: { name: cifar10, from: nowhere }'),
    /wrong\.yaml:1: .*nowhere/,
  ],
  'a setting of other data': [
    (t) => t.replace('name: random', 'name: cifar10'),
    /wrong\.yaml:1: data: there is no setting|wrong\.yaml:1: there is no setting 'shape'/,
  ],
  'a batch larger than the data': [
    (t) => t.replace('batchSize: 16', 'batchSize: 100'),
    /wrong\.yaml:5: batchSize 100 is more than the 96 images/,
  ],
  'a teleportation after the end': [
    (t) => t.replace('epoch: 1', 'epoch: 3'),
    /wrong\.yaml:8: teleportations\.0\.epoch: training ends after 3 epochs; expected 0 to 2/,
  ],
  'transporting what has no change of basis': [
    (t) => t.replace('kind: random', 'kind: pseudo'),
    /wrong\.yaml:8: teleportations\.0\.momentum: a pseudo-teleportation has no change of basis/,
  ],
  'a CoB that is not there': [
    (t) => t.replace('kind: random, sampling: inter', 'kind: given, cob: none.safetensors'),
    /wrong\.yaml:8: cannot read '.*none\.safetensors'/,
  ],
  'an optimiser that is not there': [
    (t) => t.replace('name: adam', 'name: adamax'),
    /wrong\.yaml:6: training\.optimizer/,
  ],
  'an optimiser without a name': [
    (t) => t.replace('{ name: adam, lr: 0.01 }', 'adam'),
    /wrong\.yaml:6: training\.optimizer/,
  ],
  'nonsense of an optimiser': [
    (t) => t.replace('lr: 0.01', 'lr: 0.01, betas: [1, 1]'),
    /wrong\.yaml:6: adam: betas are \[1, 1\]/,
  ],
  'everything frozen': [
    (t) => t.replace('batchSize: 16', "batchSize: 16\n  frozen: ['*']"),
    /wrong\.yaml:2: the model has no parameter to train/,
  ],
}

async function begun(name: string, text = CONFIG): Promise<RunResult> {
  fs.writeFileSync(at(`${name}.yaml`), text)
  return beginRun(at(`${name}.yaml`), at(name))
}

/** Metrics but times, and the bytes of the final network. */
const outcome = (name: string) => ({
  metrics: readMetrics(at(name, 'metrics.jsonl')).map(({ seconds: _, ...rest }) => rest),
  model: fs.readFileSync(at(name, 'model.onnx')).toString('base64'),
})

describe('a run refuses in one line, and writes nothing:', () => {
  it.each(Object.keys(wrong))('%s', async (name) => {
    const [change, message] = wrong[name]!
    const error: unknown = await begun('wrong', change(CONFIG)).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ModelError)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('\n')
    expect(fs.existsSync(at('wrong'))).toBe(false)
  })

  it('a CoB of another network', async () => {
    const quiver = quiverOf(modelOf('resnet18', { width: 2 }))
    fs.writeFileSync(at('other.safetensors'), encodeCob(sampleCob(quiver)))
    const text = CONFIG.replace('kind: random, sampling: inter', 'kind: given, cob: other.safetensors')
    await expect(begun('wrong', text)).rejects.toThrow(
      /wrong\.yaml:8: 'other\.safetensors' does not fit the network: the CoB has a vertex '[^']*' that the model has not/,
    )
    expect(fs.existsSync(at('wrong'))).toBe(false)
  })
})

describe('a run', () => {
  it('whose folder was cut off before the first checkpoint begins again, from the copies in its folder', async () => {
    await saveModel(modelOf('mlp', { hidden: [24, 24], inputShape: [3, 8, 8], classes: 5, seed: 8 }), at('start.onnx'))
    const model = await loadModel(at('start.onnx'))
    fs.writeFileSync(at('move.safetensors'), encodeCob(sampleCob(quiverOf(model, { scope: 'full' }), { seed: 2 })))
    const text = CONFIG.replace(/model: .*/, 'model: { file: start.onnx }').replace(
      'kind: random, sampling: inter',
      'kind: given, cob: move.safetensors',
    )
    const warnings: string[] = []
    fs.writeFileSync(at('copied.yaml'), text)
    await beginRun(at('copied.yaml'), at('copied'), { onWarning: (line) => warnings.push(line) })
    expect(warnings).toEqual(['the network has 5 outputs, and the data 4 classes: the others are never right'])
    const expected = outcome('copied')
    expect(expected.metrics[1]!.teleported).toBe('given, scope full, momentum transport: 48 neurons')
    for (const name of ['start.onnx', 'move.safetensors']) fs.rmSync(at(name))
    for (const name of ['checkpoints', 'model.onnx', 'metrics.jsonl'])
      fs.rmSync(at('copied', name), { recursive: true })
    const { ended, epochs } = await resumeRun(at('copied'))
    expect(ended).toBe('finished')
    expect(epochs).toHaveLength(3)
    expect(outcome('copied')).toEqual(expected)
  })

  it('passes over checkpoints that are damaged, whatever is wrong with them', async () => {
    await begun('whole')
    const expected = outcome('whole')
    const damages: readonly [string, (bytes: Buffer) => Buffer | undefined][] = [
      ['model.onnx', (bytes) => bytes.subarray(0, bytes.length / 2)],
      ['model.onnx', () => Buffer.alloc(0)],
      ['optimizer.safetensors', (bytes) => bytes.subarray(0, bytes.length - 1)],
      ['progress.json', () => Buffer.from('{"epoch": 3}')],
      ['progress.json', (bytes) => bytes.subarray(0, 20)],
      ['progress.json', () => undefined],
    ]
    for (const [file, damage] of damages) {
      fs.rmSync(at('damaged'), { recursive: true, force: true })
      fs.cpSync(at('whole'), at('damaged'), { recursive: true })
      fs.rmSync(at('damaged/model.onnx'))
      const broken = at('damaged/checkpoints/epoch-0003', file)
      const bytes = damage(fs.readFileSync(broken))
      fs.rmSync(broken)
      if (bytes !== undefined) fs.writeFileSync(broken, bytes)
      const warnings: string[] = []
      await resumeRun(at('damaged'), { onWarning: (line) => warnings.push(line) })
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(/epoch-0003' is not a whole checkpoint: .*; the run goes on from what was before it/)
      expect(outcome('damaged')).toEqual(expected)
    }
  })

  it('keeps what it writes where all checkpoints were damaged, and can be resumed from it', async () => {
    const text = CONFIG.replace('keep: 2', 'keep: 1')
    await begun('spoilt', text)
    const expected = outcome('spoilt')
    fs.rmSync(at('spoilt/model.onnx'))
    fs.writeFileSync(at('spoilt/checkpoints/epoch-0003/progress.json'), '')
    const controller = new AbortController()
    const onStep = ({ batch }: { readonly batch: number }) => {
      if (batch === 3) controller.abort()
    }
    await resumeRun(at('spoilt'), { onStep, signal: controller.signal })
    expect(fs.readdirSync(at('spoilt/checkpoints'))).toEqual(['epoch-0000-batch-000003'])
    const warnings: string[] = []
    await resumeRun(at('spoilt'), { onWarning: (line) => warnings.push(line) })
    expect(warnings).toEqual([])
    expect(outcome('spoilt')).toEqual(expected)
  })

  it('says in a line that its metrics cannot be written', async () => {
    await begun('unwritable')
    fs.rmSync(at('unwritable/tensorboard'), { recursive: true })
    fs.writeFileSync(at('unwritable/tensorboard'), '')
    await expect(resumeRun(at('unwritable'))).rejects.toThrow(/^cannot write the metrics into '.*unwritable': /)
  })

  it.each([1, 6, 8, 17])(
    'stopped after %i steps and resumed has the same metrics, for TensorBoard too',
    async (steps) => {
      const [text, name] = [CONFIG, `stopped${steps}`]
      if (!fs.existsSync(at('whole'))) await begun('whole')
      fs.writeFileSync(at(`${name}.yaml`), text)
      const controller = new AbortController()
      let done = 0
      const interrupted = await beginRun(at(`${name}.yaml`), at(name), {
        signal: controller.signal,
        onStep: () => {
          if (++done === steps) controller.abort()
        },
      })
      expect(interrupted.ended).toBe('interrupted')
      // What a process wrote that was killed between the metrics and the checkpoint.
      fs.appendFileSync(at(name, 'metrics.jsonl'), '{"epoch":9,"step":99,"loss":1}\n{"epoch":10,"st')
      expect((await resumeRun(at(name))).ended).toBe('finished')
      expect(outcome(name)).toEqual(outcome('whole'))
      const scalars = scalarsOf(at(name, 'tensorboard'))
      const metrics = readMetrics(at(name, 'metrics.jsonl'))
      for (const [tag, key] of [
        ['training/loss', 'loss'],
        ['validation/accuracy', 'validationAccuracy'],
        ['training/learning rate', 'lr'],
      ] as const)
        expect(scalars.get(tag)).toEqual(metrics.map((line) => [line.step, Math.fround(line[key] as number)]))
      // A run that is finished, resumed once more, loses nothing.
      await resumeRun(at(name))
      expect(scalarsOf(at(name, 'tensorboard'))).toEqual(scalars)
    },
  )

  it('is not begun where one is, nor by two at once', async () => {
    await expect(beginRun(at('whole.yaml'), at('whole'))).rejects.toThrow(
      /holds a run already; go on with it by --resume/,
    )
    fs.writeFileSync(at('race.yaml'), CONFIG)
    const both = await Promise.allSettled([1, 2].map(() => beginRun(at('race.yaml'), at('race'))))
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(outcome('race')).toEqual(outcome('whole'))
  })
})
