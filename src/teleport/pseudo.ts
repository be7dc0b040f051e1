import { type Stream, streamOf } from '../cob/stream.js'
import { type Model, ModelError, type Tensor } from '../graph/model.js'
import { numbersOf, sameDims, tensorOf } from '../graph/tensor.js'
import { weightsOf } from './distance.js'
import { withWeights } from './weights.js'

/** How far a pseudo-teleportation goes. */
export interface PseudoOptions {
  /** A whole number; default 0. */
  readonly seed?: number
  /**
   * The norm of V − W that the new point keeps. `l2` (default): the point is drawn uniformly on the sphere around W through V, for each
   * tensor. `l1`: as the paper's authors' code has it, a normal direction scaled to the L1 norm.
   */
  readonly norm?: 'l1' | 'l2'
}

/**
 * A pseudo-teleportation (paper, section 5.3): each tensor of W is moved in a random direction, as far as the teleportation W → V moved
 * it. The result has W's graph, but is another function: what a teleportation is compared with, to tell its direction from its length.
 * Tensors that V does not move, or does not have, stay.
 * @throws ModelError if V has none of W's weights
 */
export function pseudoTeleport(from: Model, to: Model, options: PseudoOptions = {}): Model {
  const { seed = 0, norm = 'l2' } = options
  const others = weightsOf(to)
  const moved = new Map<string, Tensor>()
  let shared = 0
  for (const [name, tensor] of weightsOf(from)) {
    const other = others.get(name)
    if (other === undefined || other.dtype !== tensor.dtype || !sameDims(other.dims, tensor.dims)) continue
    shared++
    if (other.data !== tensor.data) moved.set(name, onSphere(tensor, other, norm, streamOf(seed, `pseudo ${name}`)))
  }
  if (shared === 0) throw new ModelError('pseudo-teleportation: the two models have no weight in common')
  return withWeights(from, moved)
}

function onSphere(w: Tensor, v: Tensor, norm: 'l1' | 'l2', stream: Stream): Tensor {
  const length = norm === 'l1' ? (x: number) => Math.abs(x) : (x: number) => x * x
  const root = norm === 'l1' ? (x: number) => x : Math.sqrt
  const start = numbersOf(w)
  const end = numbersOf(v)
  let radius = 0
  for (let i = 0; i < start.length; i++) radius += length((end[i] as number) - (start[i] as number))
  if (radius === 0) return w
  const direction = normals(start.length, stream)
  let size = 0
  for (const x of direction) size += length(x)
  const scale = root(radius) / root(size)
  for (let i = 0; i < start.length; i++) start[i] = (start[i] as number) + scale * (direction[i] as number)
  return tensorOf(w.name, w.dtype, w.dims, start)
}

/** Standard normal numbers (Box and Muller): their direction is uniform on the sphere. */
function normals(count: number, stream: Stream): Float64Array {
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - stream()))
    const angle = 2 * Math.PI * stream()
    numbers[i] = radius * Math.cos(angle)
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle)
  }
  return numbers
}
