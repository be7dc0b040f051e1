import type { ConfigPart, Sweep } from '../../sweeps/sweep.js'
import { networkNamed } from '../networks.js'
import {
  type Arm,
  type Initialization,
  NO_TELEPORTATION,
  PSEUDO_TELEPORTATION,
  type TrainingSettings,
} from './settings.js'

/** Of CIFAR-10 and CIFAR-100 alike. */
const ALL_IMAGES = { training: 50_000, validation: 10_000 }

/**
 * The runs of a figure. What is the default is not spelt out, so that a configuration reads as one writes it; runs that figures share have the
 * same identity.
 */
export function trainingSweep(settings: TrainingSettings): Sweep {
  const { networks, activations, initializations, batchSize, epochs, learningRateDecayEpochs: milestones } = settings
  return {
    base: {
      training: {
        epochs,
        batchSize,
        optimizer: { name: 'sgd', weightDecay: settings.weightDecay },
        schedule: { name: 'multiStep', milestones, gamma: settings.learningRateDecay },
      },
    },
    axes: {
      network: labelled(networks, (network) => ({ model: networkNamed(network).model })),
      dataset: labelled(settings.datasets, (name) => ({ data: { name, ...imagesOf(settings) } })),
      activation: labelled(activations, (activation) => (activation === 'relu' ? {} : { model: { activation } })),
      initialization: Object.assign({}, ...initializations.map(initializationsOf)) as Record<string, ConfigPart>,
      learningRate: labelled(settings.learningRates, (lr) => ({ training: { optimizer: { lr } } })),
      momentum: labelled(settings.momenta, (momentum) => ({ training: { optimizer: { momentum } } })),
      arm: Object.fromEntries(armsOf(settings).map(({ label, part }) => [label, part])),
    },
    seeds: Array.from({ length: settings.seeds }, (_, i) => i + 1),
    exclude: initializations.includes('Xavier')
      ? networks.map((network) => ({
          network,
          initialization: networkNamed(network).family === 'MLP' ? XAVIER_OTHERS : XAVIER_MLP,
        }))
      : [],
  }
}

function labelled<T extends string | number>(
  values: readonly T[],
  part: (value: T) => ConfigPart,
): Record<string, ConfigPart> {
  return Object.fromEntries(values.map((value) => [String(value), part(value)]))
}

function imagesOf({ trainingImages: training, validationImages: validation }: TrainingSettings): ConfigPart {
  return {
    ...(training < ALL_IMAGES.training && { training }),
    ...(validation < ALL_IMAGES.validation && { validation }),
  }
}

const XAVIER_MLP = 'Xavier, gain 1'
const XAVIER_OTHERS = 'Xavier, gain 0.02'

/** As in the authors' configuration: gain 0.02, but 1 for the MLP, which does not learn with less. */
function initializationsOf(initialization: Initialization): Record<string, ConfigPart> {
  const xavier = (gain: number) => ({ model: { initialize: { type: 'xavier', gain } } })
  switch (initialization) {
    case 'default':
      return { default: {} }
    case 'Gaussian':
      return { 'Gaussian, std 0.02': { model: { initialize: { type: 'gaussian', std: 0.02 } } } }
    case 'Xavier':
      return { [XAVIER_MLP]: xavier(1), [XAVIER_OTHERS]: xavier(0.02) }
  }
}

/** An arm, with its CoB-range where it has one. */
export interface RangedArm {
  readonly arm: Arm
  readonly range: number | null
  /** On the axis `arm`. */
  readonly label: string
  readonly part: ConfigPart
}

/** The arms of a figure, one for each CoB-range. */
export function armsOf({ arms, ranges, sampling, teleportationEpoch: epoch }: TrainingSettings): RangedArm[] {
  return arms.flatMap((arm): RangedArm[] => {
    if (arm === NO_TELEPORTATION) return [{ arm, range: null, label: arm, part: { teleportations: [] } }]
    const kind = arm === PSEUDO_TELEPORTATION ? 'pseudo' : 'random'
    return ranges.map((range) => ({
      arm,
      range,
      label: `${arm}, σ = ${range}`,
      part: { teleportations: [{ epoch, kind, sampling, range }] },
    }))
  })
}
