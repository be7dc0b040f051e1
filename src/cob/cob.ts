import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Scope } from '../ops/rule.js'
import type { Quiver } from '../quiver/quiver.js'

/** How a CoB came about, and for which network it is. What is not known is left out. */
export interface CobOrigin {
  /** SHA-256 of the model that the CoB moves. */
  readonly model?: string
  /** The file name of that model, for messages. */
  readonly modelName?: string
  /** SHA-256 of the model that it moves it to. */
  readonly moved?: string
  readonly movedName?: string
  readonly scope?: Scope
  readonly sampling?: string
  /** The CoB-range σ. */
  readonly range?: number
  readonly seed?: number
  /** |τ| was rounded to powers of two. */
  readonly exact?: boolean
}

/** A change of basis: τ for every neuron of every vertex, under the vertex's name. Vertices without an entry have τ = 1. */
export interface Cob {
  readonly factors: ReadonlyMap<string, Float64Array>
  readonly origin: CobOrigin
}

/** The CoB that changes nothing. */
export function identityCob(quiver: Quiver): Cob {
  const factors = new Map(quiver.vertices.map((vertex) => [vertex.name, new Float64Array(vertex.size).fill(1)]))
  return { factors, origin: { scope: quiver.scope } }
}

/** First `first`, then `second`: the product, neuron by neuron. @throws ModelError if a vertex has different sizes in the two */
export function compose(first: Cob, second: Cob): Cob {
  const factors = new Map(first.factors)
  for (const [name, tau] of second.factors) {
    const other = factors.get(name)
    if (other !== undefined && other.length !== tau.length)
      throw new ModelError(
        `vertex ${quoted(name)}: one CoB has ${other.length} neurons, the other ${tau.length}; they are of different networks`,
      )
    factors.set(name, other === undefined ? tau : tau.map((value, i) => value * (other[i] as number)))
  }
  const { model, modelName, scope } = first.origin
  const { moved, movedName } = second.origin
  return {
    factors,
    origin: { ...start({ model, modelName }), ...end({ moved, movedName }), ...(scope && { scope }) },
  }
}

/** 1/τ: leads back. It is a CoB for the model that the original leads to. */
export function invert(cob: Cob): Cob {
  const factors = new Map([...cob.factors].map(([name, tau]) => [name, tau.map((value) => 1 / value)]))
  const { model, modelName, moved, movedName, ...rest } = cob.origin
  return {
    factors,
    origin: {
      ...rest,
      ...start({ model: moved, modelName: movedName }),
      ...end({ moved: model, movedName: modelName }),
    },
  }
}

type Maybe<T> = { readonly [K in keyof T]?: T[K] | undefined }

function start({ model, modelName }: Maybe<CobOrigin>): CobOrigin {
  return { ...(model && { model }), ...(modelName && { modelName }) }
}

function end({ moved, movedName }: Maybe<CobOrigin>): CobOrigin {
  return { ...(moved && { moved }), ...(movedName && { movedName }) }
}

/** |τ| rounded to the nearest power of two; the sign is kept. Of two that are equally near, the larger. `tau` is finite and not 0. */
export function toPowerOfTwo(tau: number): number {
  const magnitude = Math.abs(tau)
  let power = 2 ** Math.floor(Math.log2(magnitude))
  // Math.log2 may be off by an ulp beside a power of two.
  if (power > magnitude) power /= 2
  else if (power * 2 <= magnitude) power *= 2
  return Math.sign(tau) * (magnitude - power < 2 * power - magnitude ? power : 2 * power)
}

/** A CoB with every |τ| rounded to the nearest power of two: teleporting by it is exact (DESIGN 2.4). */
export function exact(cob: Cob): Cob {
  const factors = new Map([...cob.factors].map(([name, tau]) => [name, tau.map(toPowerOfTwo)]))
  return { factors, origin: { ...cob.origin, exact: true } }
}
