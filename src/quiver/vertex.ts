/** One layer of neurons: the units of a Gemm or MatMul, the output channels of a Conv or a normalisation. */
export interface Vertex {
  /** The name of its output value; inside a subgraph preceded by where that stands. Unique in the quiver. */
  readonly name: string
  /** Operator and node name, for messages. */
  readonly node: string
  readonly opType: string
  /** Neurons. */
  readonly size: number
  /** Its neurons' scales are `first + 1` … `first + size`. */
  readonly first: number
}
