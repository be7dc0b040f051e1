import type { DType } from './dtype.js'

/**
 * The packed little-endian elements of a tensor, wherever they are: in memory, in a file, or computed on demand. Reading is
 * synchronous and may be done in pieces, so that a tensor larger than memory allows can be streamed.
 */
export interface TensorData {
  readonly byteLength: number
  /**
   * `length` bytes from `offset` on. The result may be a view of shared memory (never write into it) and may be unaligned.
   * Pieces of computed data must start and end on whole elements.
   */
  read(offset: number, length: number): Uint8Array
  /**
   * Fills `target` with the bytes from `offset` on, under the same rule. There is one where `read` would allocate: whoever goes
   * through a large tensor in pieces uses the same memory again and again, which takes half the time.
   */
  readInto?(offset: number, target: Uint8Array): void
}

/** What the onnx folder keeps of the stored form, to write back unharmed what this project does not look at. */
export type Envelope = unknown

/** A constant tensor: an initializer, or the value of a Constant node. Strings have `data.byteLength` 0 and live in the envelope. */
export interface Tensor {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly data: TensorData
  /** Absent once the tensor has been changed. */
  readonly envelope?: Envelope
}

/** A constant of a node, by its type in ONNX. Integer attributes are numbers: beyond 2^53 they lose digits, which only matters to sentinels such as INT64_MAX. */
export type Attribute = (
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  /** tensors, sparse tensors, type protos, references to a function's attributes: carried along, never looked at. */
  | { readonly type: 'other'; readonly value: null }
) & { readonly envelope?: Envelope }

/** One application of an operator: what it reads and what it computes, by the values' names. */
export interface Node {
  /** May be empty, and need not be unique. */
  readonly name: string
  readonly opType: string
  /** '' is the standard's own domain ('ai.onnx' is read as ''). */
  readonly domain: string
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, Attribute>
  readonly envelope?: Envelope
}

/** A dimension as declared: a size, a name ('N', 'batch'), or null where nothing is said. */
export type DeclaredDim = number | string | null

/** The declared type of a value. `dtype` is absent for sequences, maps, optionals and sparse tensors; `shape` where no rank is given. */
export interface ValueInfo {
  readonly name: string
  readonly dtype?: DType
  readonly shape?: readonly DeclaredDim[]
  readonly envelope?: Envelope
}

/** A network, or the body of a control flow operator. Every value has one name and one producer. */
export interface Graph {
  readonly name: string
  /** In topological order. */
  readonly nodes: readonly Node[]
  /** In IR versions below 4 these include the initializers. */
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly initializers: ReadonlyMap<string, Tensor>
  /** Names of sparse initializers: constants that are carried along, never looked at. */
  readonly sparseInitializers: readonly string[]
  /** Declared types of inner values, as far as the file has them. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>
  readonly envelope?: Envelope
}

/** Where and how a model was stored. */
export interface Storage {
  readonly path: string
  /** `external` if any tensor's data lies in another file. */
  readonly layout: 'inline' | 'external'
  /** The paths of those other files. */
  readonly dataPaths: readonly string[]
  /** SHA-256, in hexadecimal, of the .onnx file followed by its external files in order of first use; computed on demand. */
  sha256(): string
}

/**
 * An ONNX model. Immutable for its users: whoever changes one makes a new one, which shares the bytes of every tensor that
 * was not touched.
 */
export interface Model {
  readonly irVersion: number
  /** Version by domain; '' is the standard's own. */
  readonly opsets: ReadonlyMap<string, number>
  readonly graph: Graph
  /** `domain::name` of the functions that the model defines. */
  readonly functions: readonly string[]
  /** Absent for a model that was made in memory or changed since it was read. */
  readonly storage?: Storage
  readonly envelope?: Envelope
}

/** An error that a user can mend: one line that says what, where, expected, got, and what to do. The command line exits with 2. */
export class ModelError extends Error {
  override name = 'ModelError'
}
