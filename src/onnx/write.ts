import type { ModelProto } from 'onnx-buf'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { encodeModel } from './encode.js'
import type { Files, OutputFile } from './files.js'
import { type JoinedModel, type Placement, joinModel } from './join.js'
import { type Layout, layoutOf } from './layout.js'
import { MemoryOutput } from './memory-files.js'
import { type Payload, RAW_DATA } from './payload.js'
import { RopeWriter } from './rope.js'

/** How a model is written. */
export interface WriteOptions {
  /** `external`: large tensors in a second file, named after the first with '.data' appended. Default: as the model was read. */
  readonly layout?: Layout
  /** Replace files that exist. Default false. */
  readonly force?: boolean
  /** Gets a line where something was done otherwise than asked. */
  readonly onNotice?: (line: string) => void
}

/** Protobuf's limit on a message, and so on an .onnx file, in bytes. */
const MAX_MESSAGE = 2 ** 31 - 1
/** Tensors below this many bytes stay in the .onnx file: shapes and scalars belong to the graph. */
const SMALL_TENSOR = 1024

/**
 * Writes a model. Tensors are copied in pieces, so that memory does not grow with the model; those that were not changed
 * keep their bytes and the form that they were stored in. Files are written beside their places and moved into them when all
 * are complete; the files that the model is being read from may be among those replaced.
 * @throws ModelError if a file exists and `force` is not set, or cannot be written; then everything is as it was
 */
export function writeModel(files: Files, model: Model, path: string, options: WriteOptions = {}): void {
  const dataName = `${files.baseName(path)}.data`
  const { joined, overflow } = arrange(model, options.layout, dataName)
  if (overflow)
    options.onNotice?.(
      `${quoted(path)} would pass 2 GiB, the limit of one .onnx file: its tensors are written to ${quoted(dataName)} beside it`,
    )

  const outputs: OutputFile[] = []
  try {
    // The data come first: a model without its data is worse than data without a model.
    if (joined.external.length > 0) {
      const output = files.create(files.beside(path, dataName), options.force === true)
      outputs.push(output)
      writeExternal(joined, output)
    }
    const output = files.create(path, options.force === true)
    outputs.push(output)
    const writer = new RopeWriter(output, joined.model.length)
    writer.write(joined.model)
    writer.flush()
    files.commit(outputs)
  } catch (error) {
    for (const output of outputs) output.abort()
    throw error
  }
}

/** The bytes of an .onnx file with all its tensors inside. @throws ModelError beyond 2 GiB */
export function modelBytes(model: Model): Uint8Array {
  const { model: rope } = joinModel(encodeModel(model), () => 'inline', '')
  if (rope.length > MAX_MESSAGE)
    throw new ModelError(
      `the model has ${rope.length} bytes, which is beyond protobuf's limit of 2 GiB; write it to files`,
    )
  const output = new MemoryOutput('', true)
  const writer = new RopeWriter(output, rope.length)
  writer.write(rope)
  writer.flush()
  return output.bytes()
}

function arrange(
  model: Model,
  asked: Layout | undefined,
  dataName: string,
): { joined: JoinedModel; overflow: boolean } {
  const proto: ModelProto = encodeModel(model)
  const layout = asked ?? (layoutOf(model.envelope) === 'external' ? 'keep' : 'inline')
  const tries = [PLACEMENTS[layout], SPREAD, SPREAD_ALL]
  for (const [attempt, place] of tries.entries()) {
    const joined = joinModel(proto, place, dataName)
    if (joined.model.length <= MAX_MESSAGE) return { joined, overflow: attempt > 0 && layout === 'inline' }
  }
  throw new ModelError('the model passes 2 GiB, the limit of one .onnx file, without its tensors')
}

function isLarge(payload: Payload): boolean {
  return (
    (payload.external ?? payload.packed ?? payload.fields.get(RAW_DATA) ?? { byteLength: 0 }).byteLength >= SMALL_TENSOR
  )
}

const INLINE: Placement = () => 'inline'
/** Each tensor where it was, and new ones by their size. */
const KEEP: Placement = (payload, isConstant) =>
  payload.layout ?? (isConstant && isLarge(payload) ? 'external' : 'inline')
const SPREAD: Placement = (payload, isConstant) =>
  payload.layout === 'external' || (isConstant && isLarge(payload)) ? 'external' : 'inline'
const SPREAD_ALL: Placement = (payload) => (isLarge(payload) ? 'external' : 'inline')
const PLACEMENTS = { inline: INLINE, keep: KEEP, external: SPREAD }

function writeExternal(joined: JoinedModel, output: OutputFile): void {
  const last = joined.external.at(-1)
  const writer = new RopeWriter(output, last === undefined ? 0 : last.offset + last.data.byteLength)
  for (const { offset, data } of joined.external) {
    writer.write(new Uint8Array(offset - writer.position))
    writer.write(data)
  }
  writer.flush()
}
