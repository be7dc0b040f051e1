import { ModelError, type Graph, type Model } from '../graph/model.js'
import { modelBytes } from '../onnx/write.js'
import type { Runtime, Session, SessionOptions } from './session.js'

/** Writes a model to a temporary file, with external data if it needs it, and takes it away again. */
export type Place = (model: Model) => Promise<{ readonly path: string; remove(): Promise<void> }>

export interface OpenOptions extends SessionOptions {
  readonly place?: Place
}

/** From this many bytes of weights on a model goes by way of a file, if there is a place: in memory it would be there twice. */
const PLACED = 2 ** 28
/** Protobuf ends at 2 GiB; half a megabyte is left for what is not weights. */
const LARGEST = 2 ** 31 - 2 ** 19

/**
 * Makes a model ready to run: from its own file if it has one, else from its bytes, or by way of a temporary file if it is large.
 * @throws ModelError if the runtime refuses it, or if it is larger than 2 GB and there is no place for it
 */
export async function openModel(runtime: Runtime, model: Model, options: OpenOptions = {}): Promise<Session> {
  if (model.storage !== undefined) return await runtime.open({ path: model.storage.path }, options)
  const size = weightBytes(model.graph)
  if (size < PLACED || (options.place === undefined && size < LARGEST))
    return await runtime.open({ bytes: modelBytes(model) }, options)
  if (options.place === undefined)
    throw new ModelError(
      `the model holds ${size} bytes of weights, more than can be handed to the runtime in memory: save it to a file first`,
    )
  const placed = await options.place(model)
  let session: Session
  try {
    session = await runtime.open({ path: placed.path }, options)
  } catch (error) {
    await placed.remove()
    throw error
  }
  return {
    device: session.device,
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds, fetches) => session.run(feeds, fetches),
    runInto: (feeds, results) => session.runInto(feeds, results),
    async release() {
      await session.release()
      await placed.remove()
    },
  }
}

function weightBytes(graph: Graph): number {
  let total = 0
  for (const tensor of graph.initializers.values()) total += tensor.data.byteLength
  for (const node of graph.nodes)
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'tensor') total += attribute.value.data.byteLength
      if (attribute.type === 'graph') total += weightBytes(attribute.value)
      if (attribute.type === 'graphs') for (const inner of attribute.value) total += weightBytes(inner)
    }
  return total
}
