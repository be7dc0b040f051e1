import type { DatasetName, Scale, Settings } from '../figure.js'

export interface Fig3Settings extends Settings {
  /** Labels of `networkNamed`. */
  readonly networks: readonly string[]
  readonly datasets: readonly DatasetName[]
  readonly batchSizes: readonly number[]
  /** CoB-ranges σ. The first is the micro-teleportation's; the others show that what is left of the cosine falls with σ. */
  readonly ranges: readonly number[]
  /** Of the first range. */
  readonly teleportations: number
  /** Of the other ranges, of scope `weights`, and of `inter`. */
  readonly furtherTeleportations: number
  /** λ of ½·λ·Σ w² in the loss: those that the paper trains with, of figures 4 and 6. */
  readonly weightDecays: readonly number[]
  /** Of weights, random data and changes of basis. */
  readonly seed: number
}

const PAPER: Fig3Settings = {
  networks: ['MLP 1×128', 'VGG-16', 'ResNet-18', 'DenseNet-121'],
  datasets: ['cifar10', 'cifar100', 'random'],
  batchSizes: [8, 64],
  ranges: [0.001, 0.01, 0.1],
  teleportations: 100,
  furtherTeleportations: 20,
  weightDecays: [0.0005, 0.01],
  seed: 0,
}

export const SETTINGS: Readonly<Record<Scale, Fig3Settings>> = {
  paper: PAPER,
  quick: {
    ...PAPER,
    networks: ['MLP 1×128', 'VGG-11, width 1/8', 'ResNet-10, width 1/4', 'DenseNet 2-2-2-2, width 1/4'],
    datasets: ['cifar10', 'random'],
  },
}
