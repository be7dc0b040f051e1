import { z } from 'zod'
import { SAMPLINGS } from '../cob/sample.js'

const whole = z.int().min(0)
const count = z.int().min(1)
const positive = z.number().positive()
const fraction = z.number().min(0).max(1)

/** How many images are used, of the first ones; default all (of random data 1024). */
const counts = { training: count.optional(), validation: count.optional() }
const cifar = {
  ...counts,
  /** A folder with the official binary records; default: the cache, fetched where it is empty. */
  from: z.string().optional(),
  /** The folder in which data sets are kept; default: the platform's cache folder. */
  cache: z.string().optional(),
}

const data = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('cifar10'), ...cifar }),
  z.strictObject({ name: z.literal('cifar100'), ...cifar }),
  /** Normal numbers and uniform labels, for trying things out. */
  z.strictObject({
    name: z.literal('random'),
    ...counts,
    /** Channels, height, width; default [3, 32, 32]. */
    shape: z.tuple([count, count, count]).optional(),
    /** Default 10. */
    classes: z.int().min(2).optional(),
    /** Default: the run's. */
    seed: z.int().optional(),
  }),
])

/** A network by its name in `models/` with its options, which are checked there; or a file. */
const model = z.union(
  [
    z.strictObject({ file: z.string() }),
    z.looseObject({ name: z.string(), file: z.undefined({ error: 'either name or file, not both' }).optional() }),
  ],
  { error: 'expected { name: NETWORK, … } or { file: MODEL.onnx }' },
)

const decay = z.number().min(0).default(0)
const betas = z.tuple([fraction, fraction]).default([0.9, 0.999])
const adam = { lr: positive.default(1e-3), betas, eps: positive.default(1e-8) }

const optimizer = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('sgd'),
    lr: positive,
    momentum: z.number().min(0).default(0),
    dampening: z.number().default(0),
    nesterov: z.boolean().default(false),
    weightDecay: decay,
  }),
  z.strictObject({ name: z.literal('adam'), ...adam, weightDecay: decay }),
  z.strictObject({ name: z.literal('adamw'), ...adam, weightDecay: z.number().min(0).default(1e-2) }),
])

const schedule = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant') }),
  z.strictObject({ name: z.literal('step'), size: count, gamma: positive.default(0.1) }),
  z.strictObject({ name: z.literal('multiStep'), milestones: z.array(whole), gamma: positive.default(0.1) }),
  z.strictObject({ name: z.literal('cosine'), epochs: count.optional(), minimum: z.number().min(0).default(0) }),
  z.strictObject({
    name: z.literal('reduceOnPlateau'),
    factor: positive.lt(1).default(0.1),
    patience: whole.default(10),
    threshold: z.number().min(0).default(1e-4),
    thresholdMode: z.enum(['rel', 'abs']).default('rel'),
    cooldown: whole.default(0),
    minimum: z.number().min(0).default(0),
  }),
])

const moves = {
  /** After how many epochs; 0 is before the first. */
  epoch: whole,
  momentum: z.enum(['reset', 'keep', 'transport']).default('reset'),
}
const scope = z.enum(['weights', 'full'])
const drawn = {
  ...moves,
  scope: scope.default('full'),
  sampling: z.enum(SAMPLINGS).default('intra'),
  range: positive.default(0.9),
  seed: z.int().optional(),
}

const teleportation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('random'), ...drawn }),
  z.strictObject({ kind: z.literal('pseudo'), ...drawn, norm: z.enum(['l1', 'l2']).default('l2') }),
  z.strictObject({ kind: z.literal('given'), ...moves, scope: scope.optional(), cob: z.string() }),
])

const training = z.strictObject({
  epochs: count,
  batchSize: count,
  loss: z
    .union([z.literal('crossEntropy'), z.strictObject({ labelSmoothing: fraction })], {
      error: 'expected crossEntropy or { labelSmoothing: x }, x of 0 to 1',
    })
    .default('crossEntropy'),
  optimizer,
  schedule: schedule.default({ name: 'constant' }),
  /** Random crop with padding 4 and mirroring. */
  augment: z.boolean().default(true),
  clipNorm: positive.optional(),
  l2Penalty: z.number().min(0).default(0),
  frozen: z.array(z.string()).default([]),
})

const settings = z.strictObject({
  data,
  model,
  training,
  teleportations: z.array(teleportation).default([]),
  /** Decides weights, order and augmentation of the images, dropout, and teleportations. */
  seed: z.int().default(0),
  /** Default: as many as the machine has cores. */
  threads: count.optional(),
  device: z.enum(['cpu', 'webgpu']).default('cpu'),
  checkpoints: z
    .strictObject({
      /** Every so many steps too, not only after epochs. */
      steps: count.optional(),
      /** How many of the latest are kept. */
      keep: count.default(2),
    })
    .default({ keep: 2 }),
})

/** What a run's configuration may say, with its defaults. */
export const configSchema = settings.superRefine(({ training, teleportations }, context) => {
  const refuse = (path: readonly PropertyKey[], message: string) =>
    context.addIssue({ code: 'custom', path: [...path], message })
  teleportations.forEach(({ epoch, kind, momentum }, i) => {
    const at = ['teleportations', i]
    if (epoch >= training.epochs)
      refuse([...at, 'epoch'], `training ends after ${training.epochs} epochs; expected 0 to ${training.epochs - 1}`)
    if (kind === 'pseudo' && momentum === 'transport')
      refuse(
        [...at, 'momentum'],
        'a pseudo-teleportation has no change of basis to transport by; expected reset or keep',
      )
  })
})

/** A run's configuration: what is trained on what, and how. */
export type RunConfig = z.infer<typeof configSchema>
