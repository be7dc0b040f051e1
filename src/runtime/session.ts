import type { DType } from '../graph/dtype.js'
import type { Model } from '../graph/model.js'

/** The elements of a tensor as a runtime takes and gives them; float16 as its bit patterns, bool as bytes 0 and 1. */
export type HostData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[]

/** A tensor in memory, in C order. `data` has as many elements as `dims` says, in the typed array of `dtype`'s name (see `HostData`). */
export interface HostTensor {
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly data: HostData
}

/** Tensors by the name of the input or output that they are for. */
export type HostTensors = ReadonlyMap<string, HostTensor>

/** Where a model runs. */
export type Device = 'cpu' | 'webgpu'

/** A model that has been made ready to run. */
export interface Session {
  readonly device: Device
  /** The inputs that must be fed. */
  readonly inputNames: readonly string[]
  /** The outputs that are tensors; a sequence or a map cannot be fetched. */
  readonly outputNames: readonly string[]
  /**
   * Runs the model once. `fetches` names the outputs that are wanted, all by default.
   * @throws ModelError with the runtime's own message, in one line
   */
  run(feeds: HostTensors, fetches?: readonly string[]): Promise<Map<string, HostTensor>>
  /**
   * Runs the model once and writes outputs into memory that the caller gives, under their names and in their shapes. An output may have
   * the memory of an input only if it depends on every node that reads that input, as in x ← 0.9·x + g. Nothing is copied if the model
   * went through `Runtime.writingResults`.
   * @throws ModelError with the runtime's own message; what the memory holds then is undefined
   */
  runInto(feeds: HostTensors, results: HostTensors): Promise<void>
  /** Frees the session's memory. It cannot run afterwards. */
  release(): Promise<void>
}

/** Where a runtime reads a model from: a file, beside which its external data lies, or the bytes of one with all data inline. */
export type SessionSource = { readonly path: string } | { readonly bytes: Uint8Array }

/** How a model is run. */
export interface SessionOptions {
  /** Threads that one operator may use. Default: as many as the machine has cores. */
  readonly threads?: number
  /**
   * How far the runtime may rewrite the graph. `none`: every node runs as it is written; `basic`: constants are folded and nodes
   * dropped or merged where that is exact; `all`: operators are replaced by fused ones and layouts changed. Default `all`.
   */
  readonly optimization?: 'none' | 'basic' | 'extended' | 'all'
  /**
   * Keep the memory of one run for the next: for models that run often. Default false, since the largest run's memory then stays taken
   * until the session is released.
   */
  readonly keepMemory?: boolean
  /** Default 'cpu'. A device that cannot be opened is replaced by the CPU, and `warn` is told. */
  readonly device?: Device
  readonly warn?: (message: string) => void
}

/** The port to whatever executes models: ONNX Runtime for Node in `node/session.ts`. */
export interface Runtime {
  /**
   * The model as it has to be for `runInto` to work without copies; same inputs, and the same outputs with perhaps one more. Default:
   * as it is.
   */
  readonly writingResults?: (model: Model) => Model
  /** @throws ModelError where the runtime cannot read the model or lacks one of its operators */
  open(source: SessionSource, options?: SessionOptions): Promise<Session>
}
