import type { Model } from '../../src/graph/model.js'
import { modelBytes } from '../../src/onnx/write.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { Checkpoint } from '../../src/train/checkpoint.js'
import type { FitOptions } from '../../src/train/fit-options.js'
import type { EpochSource } from '../../src/train/validate.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../src/train/runner.js'
import type { TrainingStep } from '../../src/train/step.js'
import type { TrainingBatch } from '../../src/train/trainer.js'
import { normalAt, seedOf } from '../support/draw.js'
import { floats, labels, networkOf, weight } from './networks.js'

/** Normal inputs; the class is where the first three of them are largest. Other examples in each epoch. */
export function sourceOf(
  shape: readonly number[],
  batchSize: number,
  batchCount: number,
  name = 'training',
): EpochSource {
  return {
    batchCount,
    async *epoch(epoch, first = 0) {
      for (let i = first; i < batchCount; i++) yield Promise.resolve(batchOf(shape, batchSize, `${name} ${epoch} ${i}`))
    },
  }
}

export function batchOf(shape: readonly number[], batchSize: number, name: string): TrainingBatch {
  const size = shape.reduce((a, b) => a * b, 1)
  const seed = seedOf(name)
  const x = Float32Array.from({ length: batchSize * size }, (_, i) => normalAt(seed, i))
  const classes = Array.from({ length: batchSize }, (_, i) => {
    const first = [...x.subarray(i * size, i * size + 3)]
    return first.indexOf(Math.max(...first))
  })
  return { x: floats([batchSize, ...shape], x), target: labels(classes) }
}

/** Conv, BatchNormalization, a residual connection, Dropout, Gemm: what a teleportation has to get past. */
export const residual = (dropout = 0.3): Model =>
  networkOf(['N', 2, 5, 5], (x, b) => {
    const w = (name: string, dims: number[], scale?: number, center?: number) => weight(b, name, dims, scale, center)
    const norm = (h: typeof x, name: string, channels: number) =>
      b.op(
        'BatchNormalization',
        [
          h,
          w(`${name}.weight`, [channels], 0.1, 1),
          w(`${name}.bias`, [channels], 0.1),
          w(`${name}.running_mean`, [channels], 0),
          w(`${name}.running_var`, [channels], 0, 1),
        ],
        { momentum: 0.9 },
      )
    const conv = (h: typeof x, name: string, from: number, to: number) =>
      b.op('Conv', [h, w(`${name}.weight`, [to, from, 3, 3], 0.3), w(`${name}.bias`, [to], 0.1)], {
        pads: [1, 1, 1, 1],
      })
    const stem = norm(conv(x, 'stem', 2, 4), 'norm1', 4).op('Relu')
    const inner = norm(conv(conv(stem, 'conv1', 4, 6).op('Relu'), 'conv2', 6, 4), 'norm2', 4)
    const joined = b.op('Add', [stem, inner]).op('Relu')
    const pooled = b.op('GlobalAveragePool', [joined]).op('Flatten')
    const hidden = b.op('Gemm', [pooled, w('fc1.weight', [7, 4]), w('fc1.bias', [7])], { transB: 1 }).op('Relu')
    const kept = dropout === 0 ? hidden : b.op('Dropout', [hidden, b.constant('float32', [], [dropout])])
    return b.op('Gemm', [kept, w('fc2.weight', [3, 7]), w('fc2.bias', [3])], { transB: 1 })
  })

export const RESIDUAL_SHAPE = [2, 5, 5]

/** On one thread, with dropout by seed 5. */
export const open = (step: TrainingStep) => openTrainer(nodeRuntime, step, { threads: 1, seed: 5 })

/** Six steps an epoch, of eight examples. */
export function fitOptions(model: Model, shape: readonly number[], rest: Partial<FitOptions> = {}): FitOptions {
  return {
    model,
    step: { loss: 'crossEntropy', optimizer: sgd({ lr: 0.05, momentum: 0.9 }), batchSize: 8 },
    training: sourceOf(shape, 8, 6),
    validation: sourceOf(shape, 8, 2, 'validation'),
    epochs: 3,
    open,
    ...rest,
  }
}

/** What a checkpoint is after it was written to a disk and read again. */
export function reread(checkpoint: Checkpoint): Checkpoint {
  const { model, trainer, ...progress } = checkpoint
  return {
    ...(JSON.parse(JSON.stringify(progress)) as typeof progress),
    model: readModelBytes(modelBytes(model)),
    trainer: structuredClone(trainer),
  }
}
