import { fromBinary } from '@bufbuild/protobuf'
import { type ModelProto, ModelProtoSchema, TensorProto_DataLocation as DataLocation } from 'onnx-buf'
import { type Model, ModelError, type Storage } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { validateModel } from '../graph/validate.js'
import { cutModel } from './cut.js'
import { decodeModel } from './decode.js'
import { ExternalFiles } from './external.js'
import type { Files, InputFile } from './files.js'
import { rememberLayout } from './layout.js'
import { MemoryFiles } from './memory-files.js'
import { tensorsIn } from './messages.js'
import { type Payload, bindMark, markFor, numberOfMark } from './payload.js'

/** What this project knows: the oldest opset whose operators still mean today's, and the newest that the rules were written for. */
const OPSETS = { oldest: 7, newest: 23 }
const IR_VERSIONS = { oldest: 3, newest: 11 }

/**
 * Reads an ONNX model. Tensors of more than a few kilobytes stay in their files and are read when somebody asks for their
 * bytes; the files stay open as long as the model is referred to. Nodes that are not in topological order are put in order.
 * @throws ModelError for a file that is missing, damaged, or outside opset 7 to 23 and IR version 3 to 11
 */
export function readModel(files: Files, path: string): Model {
  const file = files.open(path)
  const external = new ExternalFiles(files, path)
  try {
    const proto = parse(file)
    const model = atFault(file.name, () => modelFrom(proto, external))
    const layout = external.opened.length > 0 ? 'external' : 'inline'
    rememberLayout(proto, layout)
    const storage: Storage = {
      path,
      layout,
      dataPaths: external.paths,
      sha256: () => digest(files, [file, ...external.opened]),
    }
    return { ...model, storage }
  } catch (error) {
    for (const opened of [file, ...external.opened]) opened.close()
    throw error
  }
}

/**
 * Reads an ONNX model that lies in memory; `name` is what messages call it. The model has no `storage`, and its tensors are views
 * of `bytes`. @throws ModelError as readModel does, and for external data
 */
export function readModelBytes(bytes: Uint8Array, name = 'model'): Model {
  const files = new MemoryFiles()
  files.contents.set(name, bytes)
  const { storage: _, ...model } = readModel(files, name)
  return model
}

function parse(file: InputFile): ModelProto {
  const { slim, payloads } = cutModel(file)
  let proto: ModelProto
  try {
    proto = fromBinary(ModelProtoSchema, slim)
  } catch (error) {
    throw new ModelError(`${quoted(file.name)} is not a sound ONNX file; export or copy it again`, { cause: error })
  }
  bindPayloads(proto, payloads, file)
  return proto
}

function bindPayloads(proto: ModelProto, payloads: ReadonlyMap<number, Payload>, file: InputFile): void {
  for (const tensor of tensorsIn(proto)) {
    if (!Object.hasOwn(tensor, 'rawData')) continue
    const payload = payloads.get(numberOfMark(tensor.rawData) ?? -1)
    if (payload === undefined)
      throw new ModelError(`${quoted(file.name)} is not a sound ONNX file; export or copy it again`)
    bindMark(tensor.rawData, payload)
  }
}

function modelFrom(proto: ModelProto, external: ExternalFiles): Model {
  checkVersions(proto)
  for (const tensor of tensorsIn(proto)) {
    if (tensor.dataLocation === DataLocation.EXTERNAL)
      tensor.rawData = markFor({ layout: 'external', fields: new Map(), external: external.dataOf(tensor) })
  }
  return validateModel(decodeModel(proto))
}

function checkVersions(proto: ModelProto): void {
  const ir = Number(proto.irVersion)
  if (proto.graph === undefined && ir === 0) throw new ModelError('the file holds no ONNX model')
  if (!(ir >= IR_VERSIONS.oldest && ir <= IR_VERSIONS.newest))
    throw new ModelError(
      `the model has IR version ${ir}; versions ${IR_VERSIONS.oldest} to ${IR_VERSIONS.newest} can be read; convert it with onnx.version_converter, or export it anew`,
    )
  for (const { domain, version } of proto.opsetImport) {
    if (domain !== '' && domain !== 'ai.onnx') continue
    if (version >= OPSETS.oldest && version <= OPSETS.newest) continue
    const newer = version > OPSETS.newest ? 'is newer than this program: it ' : ''
    throw new ModelError(
      `the model ${newer}has opset ${version}; opsets ${OPSETS.oldest} to ${OPSETS.newest} can be read; convert it with onnx.version_converter, or export it with another opset`,
    )
  }
}

/** Puts the file's name before what is wrong with it. */
function atFault<T>(name: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(`${quoted(name)}: ${error.message}`, { cause: error })
    throw error
  }
}

const PIECE = 8 * 1024 * 1024

function digest(files: Files, inputs: readonly InputFile[]): string {
  const hash = files.sha256()
  const buffer = new Uint8Array(Math.min(PIECE, Math.max(...inputs.map((input) => input.size))))
  for (const input of inputs) {
    for (let at = 0; at < input.size; at += PIECE) {
      const piece = buffer.subarray(0, Math.min(PIECE, input.size - at))
      input.readInto(at, piece)
      hash.update(piece)
    }
  }
  return hash.hex()
}
