import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { type Initializer, INITIALIZERS } from './initializers/initializer.js'

/** `leakyRelu` has slope 0.01 and `elu` α = 1, PyTorch's defaults. */
export const ACTIVATIONS = ['relu', 'leakyRelu', 'tanh', 'elu', 'sigmoid'] as const
/** One of `ACTIVATIONS`. */
export type Activation = (typeof ACTIVATIONS)[number]

/** What all networks have in common. */
export interface NetworkOptions {
  /** [channels, height, width] of one image; default [3, 32, 32]. */
  readonly inputShape?: readonly number[]
  /** How many logits there are; default 10. */
  readonly classes?: number
  /** Default `relu`. */
  readonly activation?: Activation
  /** A whole number that decides the weights; default 0. */
  readonly seed?: number
  /**
   * How the weights of layers are drawn: `default`, as PyTorch and torchvision do for this network; or all of them by one initialiser,
   * with biases 0. Normalisations begin with weight 1 and bias 0 in any case. A name alone takes the initialiser's defaults.
   */
  readonly initialize?: 'default' | Initializer['type'] | Initializer
}

/** The options with their defaults, checked. */
export interface Settled {
  readonly inputShape: readonly number[]
  readonly classes: number
  readonly activation: Activation
  readonly seed: number
  readonly initialize: 'default' | Initializer
}

/** @throws ModelError for a value that makes no sense, naming the network and the option */
export function settle(network: string, options: NetworkOptions): Settled {
  const { inputShape = [3, 32, 32], classes = 10, activation = 'relu', seed = 0, initialize = 'default' } = options
  if (wholeNumbers(network, 'inputShape', inputShape).length === 0)
    throw new ModelError(`${network}: inputShape is empty: expected a list of sizes such as [3, 32, 32]`)
  wholeNumber(network, 'classes', classes)
  if (!ACTIVATIONS.includes(activation))
    throw new ModelError(`${network}: activation ${quoted(activation)}: expected one of ${ACTIVATIONS.join(', ')}`)
  if (!Number.isSafeInteger(seed)) throw new ModelError(`${network}: seed ${seed}: expected a whole number`)
  if (typeof initialize !== 'string') return { inputShape, classes, activation, seed, initialize }
  if (initialize !== 'default' && !INITIALIZERS.includes(initialize))
    throw new ModelError(
      `${network}: initialize ${quoted(initialize)}: expected one of default, ${INITIALIZERS.join(', ')}`,
    )
  return {
    inputShape,
    classes,
    activation,
    seed,
    initialize: initialize === 'default' ? initialize : { type: initialize },
  }
}

/** The options of a network whose input is an image. */
export function settleImages(network: string, options: NetworkOptions): Settled {
  const settled = settle(network, options)
  if (settled.inputShape.length !== 3)
    throw new ModelError(
      `${network}: inputShape [${settled.inputShape.join(', ')}]: expected [channels, height, width]`,
    )
  return settled
}

/** @throws ModelError unless a size is a whole number from 1 on */
export function wholeNumber(network: string, option: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ModelError(`${network}: ${option} ${String(value)}: expected a whole number from 1 on`)
  return value
}

/** @throws ModelError unless a list holds whole numbers from 1 on */
export function wholeNumbers(network: string, option: string, values: readonly number[]): readonly number[] {
  const list: unknown = values
  if (!Array.isArray(list)) throw new ModelError(`${network}: ${option} ${String(list)}: expected a list of sizes`)
  values.forEach((value, i) => wholeNumber(network, `${option}[${i}]`, value))
  return values
}

/** @throws ModelError unless an option is one of these */
export function oneOf<T>(network: string, option: string, value: T, expected: readonly T[]): T {
  if (!expected.includes(value))
    throw new ModelError(`${network}: ${option} ${quoted(String(value))}: expected one of ${expected.join(', ')}`)
  return value
}
