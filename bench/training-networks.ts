import type { ModelOptions } from '../src/models/registry.js'

/** How many images a step takes, as in bench/peer/train_step.py. */
export const BATCHES = { mlp: 256, vgg16_bn: 64, resnet18: 64, densenet121: 64 } as const

export type NetworkName = keyof typeof BATCHES

/** What makes of `modelOf`'s networks those of bench/peer/train_step.py; ten classes and images of CIFAR are its defaults. */
export const SETTINGS: Readonly<Record<NetworkName, ModelOptions>> = {
  mlp: { hidden: [500, 500, 500, 500, 500] },
  vgg16_bn: {},
  resnet18: { stem: 'cifar' },
  densenet121: {},
}
