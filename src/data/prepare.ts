import type { BatchMaker } from './batch-maker.js'

/** Memory for one batch. It changes hands: whoever gave it away can no longer read it. */
export interface BatchMemory {
  readonly pixels: ArrayBuffer
  readonly labels: ArrayBuffer
  readonly labelType: 'int64' | 'int32'
}

/** A batch to be prepared. `run` tells the batches of one iteration from those of an earlier one that was broken off. */
export interface Request {
  readonly run: number
  readonly epoch: number
  readonly batch: number
  readonly memory: BatchMemory
}

/** A request whose memory is filled, with as many images as `count`. */
export interface Prepared extends Request {
  readonly count: number
}

export function labelsIn({ labels, labelType }: BatchMemory): BigInt64Array | Int32Array {
  return labelType === 'int64' ? new BigInt64Array(labels) : new Int32Array(labels)
}

export function prepare(maker: BatchMaker, request: Request): Prepared {
  const { epoch, batch, memory } = request
  return { ...request, count: maker.fill(epoch, batch, new Float32Array(memory.pixels), labelsIn(memory)) }
}
