import type { DatasetName } from '../figure.js'
import { NETWORKS } from '../networks.js'

export const NO_TELEPORTATION = 'no teleportation'
export const TELEPORTATION = 'teleportation'
export const PSEUDO_TELEPORTATION = 'pseudo-teleportation'

/** What is compared. An arm that teleports is there once for each CoB-range. */
export type Arm = typeof NO_TELEPORTATION | typeof TELEPORTATION | typeof PSEUDO_TELEPORTATION

/** How weights begin: `default` as PyTorch and torchvision do. */
export type Initialization = 'default' | 'Gaussian' | 'Xavier'

/** What a figure trains: every combination of the lists, with seeds 1 to `seeds`. */
export type TrainingSettings = {
  /** Labels that `networkNamed` knows. */
  readonly networks: readonly string[]
  readonly datasets: readonly Exclude<DatasetName, 'random'>[]
  /** Names that `models` knows: `relu`, `leakyRelu`, `tanh`, `elu`. */
  readonly activations: readonly string[]
  readonly initializations: readonly Initialization[]
  readonly learningRates: readonly number[]
  readonly momenta: readonly number[]
  readonly weightDecay: number
  readonly arms: readonly Arm[]
  readonly sampling: 'intra' | 'inter'
  /** CoB-ranges σ. */
  readonly ranges: readonly number[]
  /** After how many epochs; 0 is before the first. */
  readonly teleportationEpoch: number
  readonly epochs: number
  /** After each of these epochs the learning rate is multiplied by `learningRateDecay`. */
  readonly learningRateDecayEpochs: readonly number[]
  readonly learningRateDecay: number
  readonly batchSize: number
  readonly seeds: number
  /** The first ones of the data set. */
  readonly trainingImages: number
  readonly validationImages: number
}

/** The paper's training, with which fig6 to fig12 begin. */
export const PAPER: TrainingSettings = {
  networks: NETWORKS.paper,
  datasets: ['cifar10', 'cifar100'],
  activations: ['relu'],
  initializations: ['default'],
  learningRates: [0.01, 0.001, 0.0001],
  momenta: [0, 0.9],
  weightDecay: 0.01,
  arms: [NO_TELEPORTATION, TELEPORTATION],
  sampling: 'inter',
  ranges: [0.9],
  teleportationEpoch: 0,
  epochs: 100,
  learningRateDecayEpochs: [80],
  learningRateDecay: 0.1,
  batchSize: 256,
  seeds: 5,
  trainingImages: 50_000,
  validationImages: 10_000,
}

/**
 * What two CPU cores train in minutes. Batches are smaller so that few images make steps enough to learn something; the least of the
 * paper's learning rates learns nothing in so few. The learning rate's decay lies beyond the last epoch, which captions say.
 */
export const QUICK: TrainingSettings = {
  ...PAPER,
  networks: ['MLP 5×100', 'VGG-11-bn, width 1/16', 'ResNet-10, width 1/16', 'DenseNet 1-1-1-1, width 1/4'],
  datasets: ['cifar10'],
  learningRates: [0.01, 0.001],
  epochs: 3,
  batchSize: 32,
  seeds: 3,
  trainingImages: 1536,
  validationImages: 1000,
}

/** Of figures that teleport in the middle of training. */
export type JumpSettings = TrainingSettings & {
  /** How many epochs after the teleportation belong to the jump. */
  readonly epochsAfter: number
}

export const PAPER_JUMP: JumpSettings = {
  ...PAPER,
  learningRates: [0.001],
  teleportationEpoch: 30,
  epochsAfter: 3,
}

export const QUICK_JUMP: JumpSettings = {
  ...QUICK,
  learningRates: [0.001],
  momenta: [0.9],
  teleportationEpoch: 2,
  epochs: 4,
  epochsAfter: 2,
}
