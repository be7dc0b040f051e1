import { readdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadModel, saveModel } from '../../src/runtime/node/load.js'
import { fixture, json, refusal, temporaryFolder } from './run.js'

const folder = temporaryFolder()
const at = (name: string): string => path.join(folder.path, name)

describe('the external data of the input', () => {
  beforeAll(async () => saveModel(await loadModel(fixture('vgg.onnx')), at('in.onnx'), { layout: 'external' }))

  const attempts = {
    'the model': ['-o', 'in.onnx.data'],
    'the change of basis': ['-o', 'out.onnx', '--save-cob', 'in.onnx.data'],
    'the data of the model': ['-o', 'link.onnx'],
  }
  for (const [what, options] of Object.entries(attempts))
    it(`is not replaced by ${what}, not even with --force`, async () => {
      const input = what === 'the data of the model' ? await besideAnotherName() : 'in.onnx'
      const data = at(input === 'in.onnx' ? 'in.onnx.data' : 'link.onnx.data')
      const before = readFileSync(data)
      expect(refusal(folder.path, 'apply', input, ...options, '--force')).toMatch(/holds weights of the input/)
      expect(readFileSync(data).equals(before)).toBe(true)
      json(folder.path, 'verify', input, fixture('vgg.onnx'))
    })

  it('of the output has a file of its own', () => {
    const message = refusal(folder.path, 'apply', 'in.onnx', '-o', 'two.onnx', '--save-cob', 'two.onnx.data', '--force')
    expect(message).toMatch(/two outputs/)
    expect(readdirSync(folder.path).filter((name) => name.includes('two'))).toEqual([])
  })

  it('is replaced with the input itself', async () => {
    await saveModel(await loadModel(fixture('vgg.onnx')), at('self.onnx'), { layout: 'external' })
    json(folder.path, 'apply', 'self.onnx', '-o', 'self.onnx', '--force')
    json(folder.path, 'verify', 'self.onnx', fixture('vgg.onnx'))
    expect(readFileSync(at('self.onnx.data')).equals(readFileSync(at('in.onnx.data')))).toBe(false)
  })
})

/** A model whose data have the name that those of `link.onnx` would get. */
async function besideAnotherName(): Promise<string> {
  await saveModel(await loadModel(fixture('vgg.onnx')), at('link.onnx'), { layout: 'external', force: true })
  renameSync(at('link.onnx'), at('other.onnx'))
  return 'other.onnx'
}
