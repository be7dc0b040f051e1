import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeCob, encodeCob } from '../../src/cob/file.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { distanceBetween } from '../../src/teleport/distance.js'
import { fixture, json, ocrModel, refusal, teleport, temporaryFolder } from './run.js'

const folder = temporaryFolder()
const resnet = fixture('resnet.onnx')
const vgg = fixture('vgg.onnx')
const QUIVER_KEYS = ['scope', 'seed', 'neurons', 'free', 'positive', 'sign', 'pinned', 'coverage', 'pinnedReasons']

const at = (name: string): string => path.join(folder.path, name)
const files = (): string[] => readdirSync(folder.path).sort()

describe('inspect', () => {
  it('counts neurons, in text and as JSON', () => {
    const { status, stdout, stderr } = teleport(folder.path, 'inspect', vgg)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/coverage 100\.0 %/)
    const report = json(folder.path, 'inspect', vgg)
    for (const key of QUIVER_KEYS) expect(report).toHaveProperty(key)
    expect(report).toMatchObject({ scope: 'weights', neurons: 176, pinned: 0, coverage: 1, pinnedReasons: [] })
  })

  it('lists vertices, and reasons for those that are excluded', () => {
    const report = json(folder.path, 'inspect', vgg, '--vertices', '--exclude', '/17/Gemm_output_0')
    expect(report).toMatchObject({ pinned: 32, pinnedReasons: [{ reason: 'excluded by the user', neurons: 32 }] })
    const vertices = report['vertexReports'] as { name: string; pinned: number }[]
    expect(vertices.find((vertex) => vertex.pinned > 0)?.name).toBe('/17/Gemm_output_0')
  })

  it('draws the quiver, and does not replace a file unasked', () => {
    json(folder.path, 'inspect', resnet, '--svg', 'quiver.svg')
    expect(readFileSync(at('quiver.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(refusal(folder.path, 'inspect', resnet, '--svg', 'quiver.svg')).toMatch(/'quiver\.svg' exists; use --force/)
    json(folder.path, 'inspect', resnet, '--svg', 'quiver.svg', '--force')
  })
})

describe('apply and undo', () => {
  for (const scope of ['weights', 'full'])
    it(`undo gives the network back (${scope})`, async () => {
      const [moved, cob, back] = [`${scope}.onnx`, `${scope}.safetensors`, `${scope}-back.onnx`]
      const report = json(
        folder.path,
        ...['apply', resnet, '-o', moved, '--scope', scope, '--sampling', 'inter', '--seed', '3', '--save-cob', cob],
      )
      for (const key of [...QUIVER_KEYS, 'nodesAdded', 'weightsChanged', 'verify']) expect(report).toHaveProperty(key)
      expect(report).toMatchObject({ scope, seed: 3, output: moved, verify: { pass: true, identical: false } })
      expect(json(folder.path, 'verify', resnet, moved)).toMatchObject({ pass: true, outputs: [{ name: 'logits' }] })
      expect(json(folder.path, 'undo', moved, '--cob', cob, '-o', back)).toMatchObject({ scope, output: back })

      const [start, there, again] = [await loadModel(resnet), await loadModel(at(moved)), await loadModel(at(back))]
      expect(distanceBetween(start, there).relative).toBeGreaterThan(0.1)
      expect(again.graph.nodes).toHaveLength(start.graph.nodes.length)
      expect(distanceBetween(start, again).weights).toBe(distanceBetween(start, start).weights)
      for (const [name, tensor] of start.graph.initializers) {
        const other = again.graph.initializers.get(name)
        expect(other, name).toBeDefined()
        const values = numbersOf(other!)
        numbersOf(tensor).forEach((w, i) =>
          expect(Math.abs(w - (values[i] as number))).toBeLessThanOrEqual(1e-6 * Math.abs(w)),
        )
      }
    })

  it('the same seed gives the same file, another seed another', () => {
    for (const [name, seed] of [
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
    ] as const)
      json(folder.path, 'apply', vgg, '-o', `seed-${name}.onnx`, '--seed', seed, '--no-verify')
    expect(readFileSync(at('seed-a.onnx')).equals(readFileSync(at('seed-b.onnx')))).toBe(true)
    expect(readFileSync(at('seed-a.onnx')).equals(readFileSync(at('seed-c.onnx')))).toBe(false)
  })

  it('exact is the same function bit for bit', () => {
    const report = json(folder.path, 'apply', vgg, '-o', 'exact.onnx', '--exact')
    expect(report).toMatchObject({ exact: true, verify: { pass: true, identical: true, maxAbsError: 0 } })
    expect(report['distance']).toMatchObject({ changed: expect.any(Number) as number })
  })

  it('applies a saved CoB, with the same result', () => {
    json(folder.path, 'apply', vgg, '-o', 'once.onnx', '--seed', '9', '--save-cob', 'once.safetensors')
    const report = json(folder.path, 'apply', vgg, '-o', 'twice.onnx', '--cob', 'once.safetensors')
    expect(report).toMatchObject({ seed: 9, verify: { pass: true } })
    expect(readFileSync(at('once.onnx')).equals(readFileSync(at('twice.onnx')))).toBe(true)
  })

  it('refuses a CoB for another model, by name', () => {
    json(folder.path, 'apply', vgg, '-o', 'mine.onnx', '--save-cob', 'mine.safetensors')
    const before = files()
    const wrong = refusal(folder.path, 'apply', resnet, '-o', 'no.onnx', '--cob', 'mine.safetensors')
    expect(wrong).toMatch(
      /'mine\.safetensors' is for 'vgg\.onnx' \(SHA-256 [0-9a-f]{64}\), and '.*resnet\.onnx' is another/,
    )
    const elsewhere = refusal(folder.path, 'undo', resnet, '-o', 'no.onnx', '--cob', 'mine.safetensors')
    expect(elsewhere).toMatch(/leads to 'mine\.onnx' \(SHA-256 [0-9a-f]{64}\), and '.*resnet\.onnx' is another/)
    expect(refusal(folder.path, 'undo', vgg, '-o', 'no.onnx', '--cob', 'mine.safetensors')).toMatch(/nothing to undo/)
    expect(refusal(folder.path, 'apply', 'mine.onnx', '-o', 'no.onnx', '--cob', 'mine.safetensors')).toMatch(
      /has been applied to it already/,
    )
    expect(files()).toEqual(before)
  })

  it('accepts a CoB without hashes if its vertices fit, and warns', () => {
    json(folder.path, 'apply', vgg, '-o', 'plain.onnx', '--save-cob', 'hashes.safetensors')
    const { factors } = decodeCob(readFileSync(at('hashes.safetensors')))
    writeFileSync(at('plain.safetensors'), encodeCob({ factors, origin: {} }))
    const { status, stderr } = teleport(folder.path, 'apply', vgg, '-o', 'plain2.onnx', '--cob', 'plain.safetensors')
    expect(status).toBe(0)
    expect(stderr).toMatch(/^warning: the CoB 'plain\.safetensors' does not say for which model it is[^\n]*\n$/)
    expect(refusal(folder.path, 'apply', resnet, '-o', 'no.onnx', '--cob', 'plain.safetensors')).toMatch(
      /vertex '.*' that the model has not/,
    )
  })

  it('moves what is included and nothing else', async () => {
    json(folder.path, 'apply', vgg, '-o', 'some.onnx', '--include', '/17/*')
    const [before, after] = [await loadModel(vgg), await loadModel(at('some.onnx'))]
    const changed = [...before.graph.initializers].filter(([name, tensor]) => {
      const other = numbersOf(after.graph.initializers.get(name)!)
      return numbersOf(tensor).some((value, i) => value !== other[i])
    })
    expect(changed.map(([name]) => name).sort()).toEqual(['17.bias', '17.weight', '19.weight'])
  })

  it('teleports a trained network from production', () => {
    const model = ocrModel('ch_ppocr_mobile_v2.0_cls_infer.onnx')
    const options = ['--scope', 'full', '--samples', '1', '--dim', 'x:0=1', '--threads', '1']
    const report = json(folder.path, 'apply', model, '-o', 'cls.onnx', ...options)
    expect(report).toMatchObject({ verify: { pass: true, samples: 1 } })
    expect(report['coverage']).toBeGreaterThan(0.95)
    expect(report['nodesAdded']).toBeGreaterThan(0)
  })
})

describe('output files', () => {
  it('are replaced with --force alone', () => {
    writeFileSync(at('kept.onnx'), 'mine')
    expect(refusal(folder.path, 'apply', vgg, '-o', 'kept.onnx')).toMatch(/'kept\.onnx' exists; use --force/)
    expect(readFileSync(at('kept.onnx'), 'utf8')).toBe('mine')
    json(folder.path, 'apply', vgg, '-o', 'kept.onnx', '--force')
    expect(json(folder.path, 'verify', vgg, 'kept.onnx')).toMatchObject({ pass: true })
  })

  it('may be the input with --force alone', () => {
    copyFileSync(vgg, at('self.onnx'))
    expect(refusal(folder.path, 'apply', 'self.onnx', '-o', './self.onnx')).toMatch(/is the input itself/)
    json(folder.path, 'apply', 'self.onnx', '-o', './self.onnx', '--force')
    expect(readFileSync(at('self.onnx')).equals(readFileSync(vgg))).toBe(false)
    expect(json(folder.path, 'verify', vgg, 'self.onnx')).toMatchObject({ pass: true })
  })

  it('are not there after a check that failed', () => {
    const before = files()
    const args = ['apply', vgg, '-o', 'failed.onnx', '--save-cob', 'failed.safetensors', '--tolerance', '0', '--json']
    const { status, stdout } = teleport(folder.path, ...args)
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ output: null, verify: { pass: false } })
    expect(files()).toEqual(before)
  })

  it('are all there or none', () => {
    const before = files()
    writeFileSync(at('taken.safetensors'), 'mine')
    expect(refusal(folder.path, 'apply', vgg, '-o', 'half.onnx', '--save-cob', 'taken.safetensors')).toMatch(/exists/)
    expect(files()).toEqual([...before, 'taken.safetensors'].sort())
    expect(refusal(folder.path, 'apply', vgg, '-o', 'half.onnx', '--save-cob', 'half.onnx')).toMatch(/two outputs/)
    expect(existsSync(at('half.onnx'))).toBe(false)
  })

  it('may have their weights beside them, and undo knows them by both', () => {
    json(folder.path, 'apply', vgg, '-o', 'wide.onnx', '--layout', 'external', '--save-cob', 'wide.safetensors')
    expect(statSync(at('wide.onnx.data')).size).toBeGreaterThan(40_000)
    json(folder.path, 'undo', 'wide.onnx', '--cob', 'wide.safetensors', '-o', 'narrow.onnx', '--layout', 'inline')
    expect(existsSync(at('narrow.onnx.data'))).toBe(false)
    expect(refusal(folder.path, 'apply', 'wide.onnx', '-o', 'narrow.onnx')).toMatch(/exists/)
    writeFileSync(at('other.onnx.data'), 'mine')
    expect(refusal(folder.path, 'apply', 'wide.onnx', '-o', 'other.onnx')).toMatch(/'other\.onnx\.data' exists/)
    expect(readFileSync(at('other.onnx.data'), 'utf8')).toBe('mine')
    expect(existsSync(at('other.onnx'))).toBe(false)
  })

  it('leave nothing behind', () => {
    expect(files().filter((name) => name.startsWith('.'))).toEqual([])
  })
})

describe('verify', () => {
  it('exits with 1 for another function, and says where the two part', async () => {
    const model = await loadModel(vgg)
    const bytes = readFileSync(vgg)
    const weight = model.graph.initializers.get('17.weight')!
    const place = bytes.indexOf(Buffer.from(weight.data.read(0, 64)))
    bytes.writeFloatLE(bytes.readFloatLE(place) + 3, place)
    writeFileSync(at('damaged.onnx'), bytes)
    const { status, stdout, stderr } = teleport(folder.path, 'verify', vgg, 'damaged.onnx')
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    expect(stdout).toMatch(/NOT the same function/)
    expect(stdout).toMatch(/they part at Gemm '\/17\/Gemm'.*17\.weight/)
    const report = JSON.parse(teleport(folder.path, 'verify', vgg, 'damaged.onnx', '--json').stdout) as object
    expect(report).toMatchObject({ pass: false, identical: false, firstDivergence: { value: '/17/Gemm_output_0' } })
  })

  it('is the verify object as JSON', () => {
    const report = json(folder.path, 'verify', vgg, vgg, '--samples', '2', '--seed', '5', '--dim', 'N=3')
    expect(report).toMatchObject({
      pass: true,
      identical: true,
      maxAbsError: 0,
      maxRelError: 0,
      samples: 2,
      seed: 5,
      sizes: { N: 3 },
      outputs: [{ name: 'logits', identical: true }],
    })
  })
})
