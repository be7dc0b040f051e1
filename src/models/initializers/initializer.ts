import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import { fillOrthogonal } from './orthogonal.js'
import { fillNormal, fillUniform } from './random.js'

/** What follows a layer, as far as it changes the size of signals. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

/**
 * Variance gain² ÷ fan, which keeps the size of signals (`fanIn`) or of gradients (`fanOut`) from layer to layer (He et al. 2015;
 * `torch.nn.init.kaiming_normal_` and `kaiming_uniform_`). The fan is channels × kernel size.
 */
export interface Kaiming {
  readonly type: 'kaiming'
  /** Default `normal`. */
  readonly distribution?: 'normal' | 'uniform'
  /** Default `fanIn`. */
  readonly mode?: 'fanIn' | 'fanOut'
  /** Decides the gain; default `leakyRelu`, which with `a` = 0 is the same as `relu`: √2. */
  readonly nonlinearity?: Nonlinearity
  /** The negative slope of `leakyRelu`; default 0. */
  readonly a?: number
}

/** Variance 2·gain² ÷ (fan in + fan out) (Glorot and Bengio 2010; `torch.nn.init.xavier_normal_` and `xavier_uniform_`). */
export interface Xavier {
  readonly type: 'xavier'
  /** Default `normal`. */
  readonly distribution?: 'normal' | 'uniform'
  /** Default 1. */
  readonly gain?: number
}

/** N(0, std²). */
export interface Gaussian {
  readonly type: 'gaussian'
  /** Default 0.02, as the paper has it. */
  readonly std?: number
}

/** Orthogonal rows (or columns, where there are fewer), as a matrix [outputs, all else] (Saxe et al. 2014; `torch.nn.init.orthogonal_`). */
export interface Orthogonal {
  readonly type: 'orthogonal'
  /** Default 1. */
  readonly gain?: number
}

/** How a weight of two or more axes, [outputs, inputs, …kernel], is drawn. */
export type Initializer = Kaiming | Xavier | Gaussian | Orthogonal

/** The types of initialisers. */
export const INITIALIZERS = ['kaiming', 'xavier', 'gaussian', 'orthogonal'] as const satisfies Initializer['type'][]

/** Fills a tensor with random numbers. */
export type Draw = (generator: RandomGenerator, target: Float32Array) => void

/** `torch.nn.init.calculate_gain`. */
export function gainOf(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.SQRT2
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a))
    case 'selu':
      return 3 / 4
    default:
      throw new ModelError(
        `initialiser: nonlinearity ${quoted(String(nonlinearity))}: expected linear, sigmoid, tanh, relu, leakyRelu or selu`,
      )
  }
}

/** How many inputs an output of the layer has, and how many outputs an input. */
export function fansOf(dims: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const [outputs = 1, inputs = 1, ...kernel] = dims
  const field = kernel.reduce((product, size) => product * size, 1)
  return { fanIn: inputs * field, fanOut: outputs * field }
}

/** U(−bound, bound) or N(0, std²) with the same variance. */
function spread(distribution: string, std: number): Draw {
  if (distribution === 'normal') return (generator, target) => fillNormal(generator, target, std)
  if (distribution === 'uniform') return (generator, target) => fillUniform(generator, target, Math.sqrt(3) * std)
  throw new ModelError(`initialiser: distribution ${quoted(distribution)}: expected normal or uniform`)
}

/**
 * How an initialiser fills a weight of these dimensions.
 * @throws ModelError for an initialiser or an option that there is not
 */
export function drawOf(initializer: Initializer, dims: readonly number[]): Draw {
  const { fanIn, fanOut } = fansOf(dims)
  switch (initializer.type) {
    case 'kaiming': {
      const { distribution = 'normal', mode = 'fanIn', nonlinearity = 'leakyRelu', a = 0 } = initializer
      if (mode !== 'fanIn' && mode !== 'fanOut')
        throw new ModelError(`initialiser: mode ${quoted(String(mode))}: expected fanIn or fanOut`)
      const gain = gainOf(nonlinearity, finite('a', a))
      return spread(distribution, gain / Math.sqrt(mode === 'fanIn' ? fanIn : fanOut))
    }
    case 'xavier': {
      const { distribution = 'normal', gain = 1 } = initializer
      return spread(distribution, positive('gain', gain) * Math.sqrt(2 / (fanIn + fanOut)))
    }
    case 'gaussian':
      return spread('normal', positive('std', initializer.std ?? 0.02))
    case 'orthogonal': {
      const gain = positive('gain', initializer.gain ?? 1)
      const [rows = 1] = dims
      return (generator, target) => fillOrthogonal(generator, target, rows, fanIn, gain)
    }
    default: {
      const { type } = initializer as { type: unknown }
      throw new ModelError(`initialiser ${quoted(String(type))}: expected default, ${INITIALIZERS.join(', ')}`)
    }
  }
}

function finite(name: string, value: number): number {
  if (!Number.isFinite(value)) throw new ModelError(`initialiser: ${name} ${value}: expected a number`)
  return value
}

function positive(name: string, value: number): number {
  if (!(finite(name, value) > 0)) throw new ModelError(`initialiser: ${name} ${value}: expected a number above 0`)
  return value
}
