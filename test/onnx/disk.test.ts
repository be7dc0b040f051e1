import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Model, ModelError } from '../../src/graph/model.js'
import { bytesOf, numbersOf, tensorOf } from '../../src/graph/tensor.js'
import type { OutputFile } from '../../src/onnx/files.js'
import { readModel } from '../../src/onnx/read.js'
import { writeModel } from '../../src/onnx/write.js'
import { nodeFiles } from '../../src/runtime/node/files.js'
import { bytes, external, floats, model } from './build.js'
import { inFolder } from './corpus.js'

const COUNT = 5000
const numbers = Array.from({ length: COUNT }, (_, i) => i)
const data = new Uint8Array(Float32Array.from(numbers).buffer)

/** A model in `folder` whose tensor `w` lies at `location`. */
function modelWith(folder: string, location: string, entries: Record<string, string> = {}): string {
  const file = path.join(folder, 'm.onnx')
  fs.writeFileSync(file, bytes(model({ initializer: [external('w', [COUNT], { location, ...entries })] })))
  return file
}

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof ModelError) {
      expect(error.message).not.toContain('\n')
      return error.message
    }
    throw error
  }
  throw new Error('was not refused')
}

const refused = (file: string): string => refusal(() => readModel(nodeFiles, file))

function scaled(read: Model): Model {
  const w = read.graph.initializers.get('w')!
  const changed = tensorOf(
    'w',
    'float32',
    w.dims,
    numbersOf(w).map((x) => 2 * x),
  )
  const { storage: _, ...rest } = read
  return { ...rest, graph: { ...read.graph, initializers: new Map([['w', { ...w, data: changed.data }]]) } }
}

describe('external data', () => {
  test('are read where offset and length say, below the folder too, and to the length that the shape asks for', () => {
    inFolder((folder) => {
      fs.mkdirSync(path.join(folder, 'sub'))
      fs.writeFileSync(path.join(folder, 'sub/d'), Buffer.concat([Buffer.alloc(8), data, Buffer.alloc(4)]))
      const entries: Record<string, string>[] = [{ offset: '8' }, { offset: '8', length: String(data.length) }]
      for (const entry of entries) {
        const read = readModel(nodeFiles, modelWith(folder, './sub/d', entry))
        expect(read.storage?.layout).toBe('external')
        expect(Buffer.compare(bytesOf(read.graph.initializers.get('w')!), data)).toBe(0)
      }
    })
  })

  test('a link that stays inside the folder is followed', () => {
    inFolder((folder) => {
      fs.writeFileSync(path.join(folder, 'd'), data)
      fs.symlinkSync('d', path.join(folder, 'link'))
      expect(readModel(nodeFiles, modelWith(folder, 'link')).storage?.layout).toBe('external')
    })
  })

  test('nothing outside the folder is read', () => {
    inFolder((outside) => {
      fs.writeFileSync(path.join(outside, 'd'), data)
      const folder = path.join(outside, 'model')
      fs.mkdirSync(folder)
      expect(refused(modelWith(folder, '../d'))).toMatch(/leaves the folder/)
      expect(refused(modelWith(folder, 'x/../../d'))).toMatch(/leaves the folder/)
      expect(refused(modelWith(folder, '..\\d'))).toMatch(/leaves the folder/)
      expect(refused(modelWith(folder, path.join(outside, 'd')))).toMatch(/absolute/)
      expect(refused(modelWith(folder, 'C:\\d'))).toMatch(/absolute/)
      expect(refused(modelWith(folder, ''))).toMatch(/empty/)
      expect(refused(modelWith(folder, 'd\0'))).toMatch(/NUL/)
      fs.symlinkSync('../d', path.join(folder, 'link'))
      expect(refused(modelWith(folder, 'link'))).toMatch(/link out of the model's folder/)
      fs.symlinkSync('..', path.join(folder, 'up'))
      expect(refused(modelWith(folder, 'up/d'))).toMatch(/link out of the model's folder/)
      fs.linkSync(path.join(outside, 'd'), path.join(folder, 'hard'))
      expect(refused(modelWith(folder, 'hard'))).toMatch(/2 hard links/)
      expect(refused(modelWith(folder, 'missing'))).toMatch(/no such file/)
      expect(refused(modelWith(folder, '.'))).toMatch(/link out|not an ordinary file/)
      fs.mkdirSync(path.join(folder, 'dir'))
      expect(refused(modelWith(folder, 'dir'))).toMatch(/not an ordinary file/)
    })
  })

  test('places past the end, and lengths that the shape does not have', () => {
    inFolder((folder) => {
      fs.writeFileSync(path.join(folder, 'd'), data)
      expect(refused(modelWith(folder, 'd', { offset: '4' }))).toMatch(/past the end of 'd'/)
      expect(refused(modelWith(folder, 'd', { offset: '9999999999999999' }))).toMatch(/offset/)
      expect(refused(modelWith(folder, 'd', { offset: '99999999999' }))).toMatch(/past the end/)
      expect(refused(modelWith(folder, 'd', { length: '8' }))).toMatch(/size and shape disagree/)
      expect(refused(modelWith(folder, 'd', { length: '1e3' }))).toMatch(/length/)
    })
  })

  test('the fingerprint covers the model and its data', () => {
    inFolder((folder) => {
      fs.writeFileSync(path.join(folder, 'd'), data)
      const before = readModel(nodeFiles, modelWith(folder, 'd')).storage!.sha256()
      expect(readModel(nodeFiles, modelWith(folder, 'd')).storage!.sha256()).toBe(before)
      fs.writeFileSync(
        path.join(folder, 'd'),
        data.map((byte, i) => (i === 7 ? byte ^ 1 : byte)),
      )
      expect(readModel(nodeFiles, modelWith(folder, 'd')).storage!.sha256()).not.toBe(before)
    })
  })
})

test('what is no ordinary file is not read, and not waited for', () => {
  inFolder((folder) => {
    expect(refused(path.join(folder, 'missing.onnx'))).toMatch(/no such file/)
    expect(refused(folder)).toMatch(/not an ordinary file/)
    expect(refused('/dev/zero')).toMatch(/not an ordinary file/)
    execFileSync('mkfifo', [path.join(folder, 'pipe')])
    expect(refused(path.join(folder, 'pipe'))).toMatch(/not an ordinary file/)
    expect(refused(modelWith(folder, 'pipe'))).toMatch(/not an ordinary file/)
  })
})

describe('writing', () => {
  test('an existing file is replaced only with force, and nothing else is left', () => {
    inFolder((folder) => {
      const out = path.join(folder, 'o.onnx')
      const read = readModel(nodeFiles, modelFile(folder))
      fs.writeFileSync(out, 'precious')
      expect(refusal(() => writeModel(nodeFiles, read, out))).toMatch(/exists; use --force/)
      expect(fs.readFileSync(out, 'utf8')).toBe('precious')
      expect(fs.readdirSync(folder).sort()).toEqual(['m.onnx', 'o.onnx'])
      writeModel(nodeFiles, read, out, { force: true })
      expect(fs.readFileSync(out).equals(fs.readFileSync(path.join(folder, 'm.onnx')))).toBe(true)
      expect(fs.readdirSync(folder).sort()).toEqual(['m.onnx', 'o.onnx'])
    })
  })

  test("another model's data file is not replaced either", () => {
    inFolder((folder) => {
      const out = path.join(folder, 'o.onnx')
      fs.writeFileSync(`${out}.data`, 'precious')
      const read = readModel(nodeFiles, modelFile(folder))
      expect(refusal(() => writeModel(nodeFiles, read, out, { layout: 'external' }))).toMatch(/exists/)
      expect(fs.readdirSync(folder).sort()).toEqual(['m.onnx', 'o.onnx.data'])
    })
  })

  test('places where nothing can be written', () => {
    inFolder((folder) => {
      const read = readModel(nodeFiles, modelFile(folder))
      expect(refusal(() => writeModel(nodeFiles, read, path.join(folder, 'no/such/o.onnx')))).toMatch(
        /no such file or folder/,
      )
      expect(refusal(() => writeModel(nodeFiles, read, folder, { force: true }))).toMatch(/is a folder/)
      expect(refusal(() => writeModel(nodeFiles, read, '/dev/null', { force: true }))).toMatch(/not an ordinary file/)
      expect(refusal(() => writeModel(nodeFiles, read, path.join(folder, 'm.onnx/o.onnx')))).toMatch(/not a folder/)
    })
  })

  test('a model is written over the very files that it is being read from', () => {
    inFolder((folder) => {
      const file = path.join(folder, 'm.onnx')
      writeModel(nodeFiles, readModel(nodeFiles, modelFile(folder)), file, { layout: 'external', force: true })
      for (let i = 0; i < 2; i++) writeModel(nodeFiles, readModel(nodeFiles, file), file, { force: true })
      writeModel(nodeFiles, scaled(readModel(nodeFiles, file)), file, { force: true })
      const read = readModel(nodeFiles, file)
      expect(read.storage?.layout).toBe('external')
      expect(Array.from(numbersOf(read.graph.initializers.get('w')!))).toEqual(numbers.map((x) => 2 * x))
      expect(fs.readdirSync(folder).sort()).toEqual(['m.onnx', 'm.onnx.data'])
    })
  })

  test('a failure halfway leaves everything as it was', () => {
    inFolder((folder) => {
      const file = path.join(folder, 'm.onnx')
      writeModel(nodeFiles, readModel(nodeFiles, modelFile(folder)), file, { layout: 'external', force: true })
      const before = fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), 'hex')])
      const read = readModel(nodeFiles, file)
      const w = read.graph.initializers.get('w')!
      const broken = {
        byteLength: w.data.byteLength,
        read: () => {
          throw new ModelError('the disk is on fire')
        },
      }
      const graph = { ...read.graph, initializers: new Map([['w', { ...w, data: broken }]]) }
      expect(refusal(() => writeModel(nodeFiles, { ...read, graph }, file, { force: true }))).toMatch(/on fire/)

      let commits = 0
      const failing = {
        ...nodeFiles,
        commit(outputs: readonly OutputFile[]) {
          commits++
          // The second file cannot be moved: something else has taken its place meanwhile.
          fs.rmSync(file)
          fs.mkdirSync(path.join(file, 'in the way'), { recursive: true })
          nodeFiles.commit(outputs)
        },
      }
      expect(refusal(() => writeModel(failing, scaled(read), file, { force: true }))).toMatch(/cannot write/)
      expect(commits).toBe(1)
      fs.rmSync(file, { recursive: true })
      const after = fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), 'hex')])
      expect(after).toEqual(before.filter(([name]) => name !== 'm.onnx'))
    })
  })

  test('an inline model that would pass 2 GiB is written with external data, and says so', () => {
    inFolder((folder) => {
      const read = readModel(nodeFiles, modelFile(folder))
      const size = 2 ** 31 - 4096
      // As large as it claims to be, but it gives up once it is asked for more than a piece: nobody needs the two gigabytes.
      const huge = {
        byteLength: size,
        read: () => {
          throw new ModelError('enough')
        },
      }
      const initializers = new Map(read.graph.initializers).set('h', {
        name: 'h',
        dtype: 'float32',
        dims: [size / 4],
        data: huge,
      })
      const lines: string[] = []
      const write = () =>
        writeModel(nodeFiles, { ...read, graph: { ...read.graph, initializers } }, path.join(folder, 'o.onnx'), {
          onNotice: (line) => lines.push(line),
        })
      expect(refusal(write)).toBe('enough')
      expect(lines).toEqual([expect.stringMatching(/would pass 2 GiB.*'o.onnx.data'/)])
      expect(fs.readdirSync(folder)).toEqual(['m.onnx'])
    })
  })
})

function modelFile(folder: string): string {
  const file = path.join(folder, 'm.onnx')
  fs.writeFileSync(file, bytes(model({ initializer: [floats('w', numbers)] })))
  return file
}

test('a large file is read lazily, and stays readable when it is replaced', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'm.onnx')
    const large = Array.from({ length: 5_000_000 }, (_, i) => i % 1000)
    fs.writeFileSync(file, bytes(model({ initializer: [floats('w', large)] })))
    const read = readModel(nodeFiles, file)
    const small = path.join(folder, 'small')
    fs.mkdirSync(small)
    writeModel(nodeFiles, readModel(nodeFiles, modelFile(small)), file, { force: true })
    expect(fs.statSync(file).size).toBeLessThan(30_000)
    const w = read.graph.initializers.get('w')!
    expect(new Float32Array(w.data.read(4 * 4_999_000, 4000).slice().buffer)[999]).toBe(999)
  })
})

test('a large file that is cut off while it is read gives one line', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'm.onnx')
    fs.writeFileSync(file, bytes(model({ initializer: [floats('w', Array<number>(5_000_000).fill(1))] })))
    const read = readModel(nodeFiles, file)
    fs.truncateSync(file, 1000)
    expect(refusal(() => bytesOf(read.graph.initializers.get('w')!))).toMatch(/cut off while it was read/)
  })
})
