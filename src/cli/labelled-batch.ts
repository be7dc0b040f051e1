import type { Progress } from '../data/progress.js'
import { randomData } from '../data/random-data.js'
import { isNumber } from '../graph/dims.js'
import { type Model, ModelError, type ValueInfo } from '../graph/model.js'
import { quoted, shapeText } from '../graph/text.js'
import { converted, numberReader } from '../runtime/host.js'
import { readNpz } from '../runtime/npz.js'
import type { HostTensor } from '../runtime/session.js'
import { datasetNamed, firstBatch } from '../runs/sources.js'
import { valuesOf } from '../shapes/infer.js'
import { readInput } from './outputs.js'

/** Images and their classes. */
export interface LabelledBatch {
  readonly x: HostTensor
  /** int64 [N]. */
  readonly labels: HostTensor
}

export interface BatchOptions {
  /** cifar10, cifar100, random, or a .npz file. */
  readonly data: string
  /** How many examples, of a data set. */
  readonly batch: number
  /** Of random data. */
  readonly seed: number
  readonly onProgress: (progress: Progress) => void
  readonly onWarning: (line: string) => void
}

/** A batch for a classifier. @throws ModelError where the data do not fit the model */
export async function batchFor(model: Model, options: BatchOptions): Promise<LabelledBatch> {
  const { data } = options
  const { input, classes } = classifier(model)
  const { x, labels } = data.endsWith('.npz') ? fromFile(input, data) : await fromDataset(input, classes, options)
  checkShape(input, x, data)
  if (labels.dims.length !== 1 || labels.dims[0] !== x.dims[0])
    throw new ModelError(
      `${quoted(data)}: expected labels [${x.dims[0]}], one for each example, got ${shapeText(labels.dims)}`,
    )
  checkLabels(labels, classes, data)
  return { x, labels }
}

interface Classifier {
  readonly input: ValueInfo
  /** Unknown where the model does not say. */
  readonly classes?: number
}

function classifier(model: Model): Classifier {
  const { inputs, initializers, outputs } = model.graph
  const [input, ...others] = inputs.filter(({ name }) => !initializers.has(name))
  if (input === undefined || others.length > 0)
    throw new ModelError(
      `the model has ${input === undefined ? 'no input' : `${others.length + 1} inputs`}; expected a classifier with one`,
    )
  const classes = valuesOf(model).find(outputs[0]?.name ?? '')?.facts.shape?.[1]
  return { input, ...(classes !== undefined && isNumber(classes) && { classes }) }
}

function fromFile({ name, dtype = 'float32' }: ValueInfo, file: string): LabelledBatch {
  const arrays = readNpz(readInput(file), quoted(file))
  const [x, target] = [arrays.get(name), arrays.get('target')]
  if (x === undefined || target === undefined)
    throw new ModelError(
      `${quoted(file)}: expected arrays ${quoted(name)} (the model's input) and 'target' (class numbers), got ${[...arrays.keys()].map(quoted).join(', ') || 'none'}`,
    )
  return {
    x: converted(x, dtype, `${quoted(file)}, array ${quoted(name)}`),
    labels: converted(target, 'int64', `${quoted(file)}, array 'target'`),
  }
}

async function fromDataset(
  { name, shape = [], dtype = 'float32' }: ValueInfo,
  classes: number | undefined,
  { data, batch, seed, onProgress, onWarning }: BatchOptions,
): Promise<LabelledBatch> {
  if (data === 'random') {
    const sizes = shape.slice(1)
    if (classes === undefined || !sizes.every((size): size is number => typeof size === 'number'))
      throw new ModelError(
        `random data for input ${quoted(name)}: the model does not say its shape, or how many classes there are; give a .npz file`,
      )
    const images = randomData({
      shape: [1, 1, sizes.reduce((a, b) => a * b, 1)],
      classes,
      seed,
      train: batch,
      validation: 1,
    })
    const drawn = await firstBatch(images, batch)
    const x = { ...drawn.images, dims: [batch, ...sizes] }
    return { x: converted(x, dtype, `input ${quoted(name)}`), labels: drawn.labels }
  }
  const dataset = await datasetNamed(data, seed, { onProgress, onWarning })
  const { images, labels } = await firstBatch(dataset, batch)
  return { x: converted(images, dtype, `input ${quoted(name)}`), labels }
}

function checkShape({ name, shape }: ValueInfo, { dims }: HostTensor, data: string): void {
  if (shape === undefined) return
  if (shape.length !== dims.length || !shape.every((size, axis) => typeof size !== 'number' || size === dims[axis]))
    throw new ModelError(
      `${quoted(data)} gives ${shapeText(dims)}; the model's input ${quoted(name)} is [${shape.map((size) => size ?? '?').join(', ')}]`,
    )
}

function checkLabels(labels: HostTensor, classes: number | undefined, data: string): void {
  const read = numberReader(labels) as (index: number) => number
  for (let i = 0; i < labels.data.length; i++) {
    const label = read(i)
    if (label < 0 || (classes !== undefined && label >= classes))
      throw new ModelError(
        `${quoted(data)}: label ${label} of example ${i}: expected a class from 0${classes === undefined ? ' on' : ` to ${classes - 1}`}, as the model has them`,
      )
  }
}
