import type { TensorProto } from 'onnx-buf'
import { byteLengthOf } from '../graph/dtype.js'
import { ModelError } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import { dtypeOf } from './elements.js'
import type { Files, InputFile } from './files.js'
import { FileData } from './payload.js'

/** Opens the data files of one model, each once. */
export class ExternalFiles {
  readonly #files: Files
  readonly #modelPath: string
  readonly #opened = new Map<string, InputFile>()

  constructor(files: Files, modelPath: string) {
    this.#files = files
    this.#modelPath = modelPath
  }

  /** In order of first use. */
  get opened(): InputFile[] {
    return [...this.#opened.values()]
  }

  /** The paths of the opened files, in the same order. */
  get paths(): string[] {
    return Array.from(this.#opened.keys(), (location) => this.#files.beside(this.#modelPath, location))
  }

  /** @throws ModelError if the place is not inside the file, or the file not inside the model's folder */
  dataOf(tensor: TensorProto): FileData {
    const entries = new Map(tensor.externalData.map((entry) => [entry.key, entry.value]))
    const what = `tensor ${quoted(tensor.name)}`
    const location = entries.get('location')
    if (location === undefined)
      throw new ModelError(`${what}: its external data has no location; export the model again`)
    const offset = wholeNumber(entries.get('offset') ?? '0', `${what}: the offset of its external data`)
    const file = this.#open(location, what)
    const length = entries.has('length')
      ? wholeNumber(entries.get('length') ?? '', `${what}: the length of its external data`)
      : (neededBy(tensor) ?? Math.max(0, file.size - offset))
    if (offset + length > file.size)
      throw new ModelError(
        `${what}: bytes ${offset} to ${offset + length} are past the end of ${quoted(location)} (${file.size} bytes); the file is cut off, or another model's`,
      )
    return new FileData(file, offset, length)
  }

  #open(location: string, what: string): InputFile {
    let file = this.#opened.get(location)
    if (file === undefined) {
      // Some exporters write a file per tensor. Each takes a descriptor.
      if (this.#opened.size >= 4096) throw new ModelError(`${what}: the model has more than 4096 external data files`)
      file = this.#files.openExternal(this.#modelPath, location)
      this.#opened.set(location, file)
    }
    return file
  }
}

function neededBy(tensor: TensorProto): number | undefined {
  const dtype = dtypeOf(tensor.dataType)
  if (dtype === undefined || tensor.dims.some((dim) => dim < 0n)) return undefined
  return byteLengthOf(dtype, sizeOf(tensor.dims.map(Number)))
}

function wholeNumber(text: string, what: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(value)) throw new ModelError(`${what} is ${quoted(text)}; expected a number of bytes`)
  return value
}
