import { sliceImages, type Dataset, type Images } from '../../data/dataset.js'
import { batches } from '../../data/batches.js'
import type { Model } from '../../graph/model.js'
import { bytesOf } from '../../graph/tensor.js'
import type { HostTensor } from '../../runtime/session.js'
import { nodeRuntime } from '../../runtime/node/session.js'
import { sgd } from '../../train/optimizer-sgd.js'
import { openTrainer } from '../../train/runner.js'
import type { Trainer, TrainingBatch } from '../../train/trainer.js'
import { trainingStep } from '../../train/training-step.js'
import type { LineRow } from './rows.js'

/** As the authors evaluate. */
const BATCH = 1000

type Measured = Pick<LineRow, 'alpha' | 'trainLoss' | 'trainAccuracy' | 'testLoss' | 'testAccuracy'>

/** Loss and accuracy of one architecture at any weights: these are inputs of a session, which is made once. */
export class Line {
  readonly #trainer: Trainer
  readonly #train: readonly TrainingBatch[]
  readonly #test: readonly TrainingBatch[]

  private constructor(trainer: Trainer, train: readonly TrainingBatch[], test: readonly TrainingBatch[]) {
    this.#trainer = trainer
    this.#train = train
    this.#test = test
  }

  /** @param data as many images as are to be evaluated, which are held in memory as floats */
  static async open(model: Model, data: Dataset, threads: number): Promise<Line> {
    const step = trainingStep(model, { loss: 'crossEntropy', optimizer: sgd({ lr: 0 }), batchSize: 1 })
    return new Line(
      await openTrainer(nodeRuntime, step, { threads }),
      await batchesOf(data.train),
      await batchesOf(data.validation),
    )
  }

  /** Evaluates (1 − α)·from + α·to at each α. */
  async along(
    from: Model,
    to: Model,
    alphas: readonly number[],
    onPoint: () => void,
    signal: AbortSignal,
  ): Promise<Measured[]> {
    const ends = [...this.#trainer.weights()].map(([name, { dtype, dims }]) => {
      const [start, end] = [from, to].map((model) => weightsOf(model, name)) as [Float32Array, Float32Array]
      return { start, end, name, tensor: { dtype, dims, data: new Float32Array(start.length) } }
    })
    const found: Measured[] = []
    for (const alpha of alphas) {
      signal.throwIfAborted()
      for (const { start, end, tensor } of ends)
        for (let i = 0; i < start.length; i++)
          tensor.data[i] = (1 - alpha) * (start[i] as number) + alpha * (end[i] as number)
      this.#trainer.setWeights(new Map(ends.map(({ name, tensor }): [string, HostTensor] => [name, tensor])))
      const [train, test] = [await this.#evaluate(this.#train), await this.#evaluate(this.#test)]
      found.push({
        alpha,
        trainLoss: train.loss,
        trainAccuracy: train.accuracy,
        testLoss: test.loss,
        testAccuracy: test.accuracy,
      })
      onPoint()
    }
    return found
  }

  async #evaluate(
    data: readonly TrainingBatch[],
  ): Promise<{ readonly loss: number | null; readonly accuracy: number }> {
    const sums = { loss: 0, correct: 0, count: 0 }
    for (const batch of data) {
      const { lossSum, correct = 0, count } = await this.#trainer.evaluate(batch)
      sums.loss += lossSum
      sums.correct += correct
      sums.count += count
    }
    const loss = sums.loss / sums.count
    return { loss: Number.isFinite(loss) ? loss : null, accuracy: sums.correct / sums.count }
  }

  async release(): Promise<void> {
    await this.#trainer.release()
  }
}

/** The data set's first images. */
export function firstImages(data: Dataset, train: number, validation: number): Dataset {
  const first = (images: Images, count: number) => sliceImages(images, 0, Math.min(count, images.count))
  return { ...data, train: first(data.train, train), validation: first(data.validation, validation) }
}

/** Images as they are, in memory of their own. */
export async function batchesOf(images: Images, batchSize = BATCH): Promise<TrainingBatch[]> {
  const found: TrainingBatch[] = []
  for await (const { images: x, labels } of batches(images, { batchSize, worker: false }))
    found.push({ x: { ...x, data: x.data.slice() }, target: { ...labels, data: labels.data.slice() } })
  return found
}

/** A float32 initializer's elements, perhaps computed by a teleportation. */
export function weightsOf(model: Model, name: string): Float32Array {
  const tensor = model.graph.initializers.get(name)
  if (tensor?.dtype !== 'float32') throw new Error(`no float32 initializer '${name}'`)
  const bytes = bytesOf(tensor).slice()
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}
