import { ModelError } from '../graph/model.js'
import type { Quiver } from '../quiver/quiver.js'
import { Assignment, factorsOf } from './assign.js'
import { type Cob, toPowerOfTwo } from './cob.js'
import { type Stream, streamOf } from './stream.js'

/**
 * Where τ is drawn from, uniformly, with the CoB-range σ:
 * `intra` [1−σ, 1+σ], σ < 1 · `inter` with probability ½ each [1−σ, 1+σ] and [−1−σ, −1+σ] · `positive` [0, σ] ·
 * `negative` [−σ, 0] · `centered` [c−σ, c+σ] around a centre c. As the paper's authors have them.
 */
export const SAMPLINGS = ['intra', 'inter', 'positive', 'negative', 'centered'] as const
/** One of `SAMPLINGS`. */
export type Sampling = (typeof SAMPLINGS)[number]

/** How factors are drawn. */
export interface SampleOptions {
  /** Default `intra`. */
  readonly sampling?: Sampling
  /** The CoB-range σ; default 0.9. */
  readonly range?: number
  /** The centre of `centered`; default 1. */
  readonly center?: number
  /** A whole number; default 0. */
  readonly seed?: number
  /** Round |τ| to the nearest power of two; default false. */
  readonly exact?: boolean
  /** |τ| below this is drawn again; default 1e-3. */
  readonly floor?: number
}

/** What happened while a CoB was drawn. */
export interface SampleReport {
  /** Draws that were made again since |τ| was below the floor. */
  readonly redrawn: number
  /** Neurons whose negative sign was dropped, since what follows allows positive τ only. */
  readonly signsDropped: number
  /** Neurons whose |τ| was rounded to a power of two though `exact` was not asked for, since their values are rounded to integers later. */
  readonly rounded: number
}

/**
 * Draw a CoB for a quiver: for each class of joined channels once, from the stream of the first vertex in it.
 * @throws ModelError for a range, seed, centre or floor that makes no sense
 */
export function sampleCob(quiver: Quiver, options: SampleOptions = {}): Cob & { readonly report: SampleReport } {
  const { sampling = 'intra', range = 0.9, center = 1, seed = 0, exact = false, floor = 1e-3 } = options
  const draw = drawing(sampling, range, center, floor)
  if (!Number.isSafeInteger(seed)) throw new ModelError(`seed ${seed}: expected a whole number`)
  const { classes } = quiver
  const values = new Float64Array(classes.variables).fill(1)
  const report = { redrawn: 0, signsDropped: 0, rounded: 0 }
  for (const vertex of quiver.vertices) {
    const stream = streamOf(seed, vertex.name)
    for (let i = 0; i < vertex.size; i++) {
      const scale = vertex.first + i + 1
      // Drawn for each neuron, also where it is not used: what one class is does not move the draws of the next.
      let tau = draw(stream)
      for (let attempts = 0; Math.abs(tau) < floor; attempts++) {
        if (attempts === 1000)
          throw new ModelError(`sampling '${sampling}' with σ = ${range} gives no |τ| of at least ${floor}`)
        report.redrawn++
        tau = draw(stream)
      }
      if (classes.resolve(scale) !== scale) continue
      const domain = classes.domainOf(scale)
      if (domain === 'pinned') continue
      if (domain === 'sign') tau = Math.sign(tau)
      if (domain === 'positive' && tau < 0) {
        tau = -tau
        report.signsDropped++
      }
      if (exact) tau = toPowerOfTwo(tau)
      else if (domain !== 'sign' && quiver.rounded.has(scale - 1)) {
        tau = toPowerOfTwo(tau)
        report.rounded++
      }
      values[scale - 1] = tau
    }
  }
  const factors = factorsOf(quiver, new Assignment(classes, values))
  const origin = { scope: quiver.scope, sampling, range, seed, exact }
  return { factors, origin, report }
}

function drawing(sampling: Sampling, range: number, center: number, floor: number): (stream: Stream) => number {
  if (!(Number.isFinite(range) && range > 0)) throw new ModelError(`CoB-range σ = ${range}: expected a number above 0`)
  if (!(Number.isFinite(floor) && floor > 0)) throw new ModelError(`floor ${floor}: expected a number above 0`)
  if (!Number.isFinite(center)) throw new ModelError(`centre ${center}: expected a number`)
  switch (sampling) {
    case 'intra':
      if (range >= 1)
        throw new ModelError(`CoB-range σ = ${range}: sampling 'intra' needs σ < 1, or τ would change sign`)
      return (stream) => 1 - range + 2 * range * stream()
    case 'inter':
      return (stream) => (stream() < 0.5 ? -1 : 1) - range + 2 * range * stream()
    case 'positive':
      return (stream) => range * stream()
    case 'negative':
      return (stream) => -range * stream()
    case 'centered':
      return (stream) => center - range + 2 * range * stream()
    default:
      throw new ModelError(`sampling '${String(sampling)}': expected one of ${SAMPLINGS.join(', ')}`)
  }
}
