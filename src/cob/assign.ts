import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Field, Scale } from '../ops/field.js'
import type { Quiver, Vertex } from '../quiver/quiver.js'
import type { ScaleClasses } from '../quiver/scales.js'
import type { Cob } from './cob.js'

/** Numbers for the scales of a quiver. */
export class Assignment {
  readonly #values: Float64Array
  readonly #classes: ScaleClasses

  /** `values`: τ of every variable that is not bound to others; 1 where nothing is known. */
  constructor(classes: ScaleClasses, values: Float64Array) {
    this.#classes = classes
    this.#values = values
  }

  of(scale: Scale): number {
    return this.#classes.evaluate(scale, this.#values)
  }

  /** The factors of a field, row-major over its dims. */
  ofField(field: Field): Float64Array {
    const factors = new Float64Array(field.ids.length)
    for (let i = 0; i < factors.length; i++) factors[i] = this.of(field.ids[i] as number)
    return factors
  }
}

/** Give every neuron the τ of a CoB. @throws ModelError if the CoB does not fit the quiver: vertex, expected, got */
export function assign(quiver: Quiver, cob: Cob): Assignment {
  const { classes } = quiver
  const known = new Map(quiver.vertices.map((vertex) => [vertex.name, vertex]))
  for (const [name, tau] of cob.factors) {
    const vertex = known.get(name)
    if (vertex === undefined)
      throw new ModelError(
        `the CoB has a vertex ${quoted(name)} that the model has not; the model's are ${listed(quiver.vertices)}`,
      )
    if (tau.length !== vertex.size)
      throw new ModelError(
        `vertex ${quoted(name)}: the CoB has ${tau.length} factors, the model ${vertex.size} neurons`,
      )
  }
  const values = new Float64Array(classes.variables).fill(1)
  for (const vertex of quiver.vertices) {
    const tau = cob.factors.get(vertex.name)
    if (tau === undefined) continue
    for (let i = 0; i < vertex.size; i++) {
      const resolved = classes.resolve(vertex.first + i + 1)
      if (resolved === vertex.first + i + 1) values[resolved - 1] = tau[i] as number
    }
  }
  const assignment = new Assignment(classes, values)
  for (const vertex of quiver.vertices) checkVertex(quiver, vertex, cob.factors.get(vertex.name), assignment)
  return assignment
}

function listed(vertices: readonly Vertex[]): string {
  const names = vertices.slice(0, 3).map((vertex) => quoted(vertex.name))
  return names.join(', ') + (vertices.length > 3 ? ` and ${vertices.length - 3} more` : '')
}

/** Factors that follow from others may differ from them by rounding alone. */
const CONSISTENCY = 1e-9

function place(vertex: Vertex, neuron: number, given: number): string {
  return `vertex ${quoted(vertex.name)}, neuron ${neuron}: τ = ${given}`
}

function checkVertex(quiver: Quiver, vertex: Vertex, tau: Float64Array | undefined, assignment: Assignment): void {
  for (let i = 0; i < vertex.size; i++) {
    const scale = vertex.first + i + 1
    const given = tau?.[i] ?? 1
    const expected = assignment.of(scale)
    if (!Number.isFinite(given) || given === 0)
      throw new ModelError(`${place(vertex, i, given)}; expected a finite number other than 0`)
    const domain = quiver.classes.domainOf(scale)
    if (domain === 'pinned' && given !== 1)
      throw new ModelError(
        `${place(vertex, i, given)}; expected 1 in scope '${quiver.scope}', since it is pinned (${quiver.classes.reasonOf(scale) ?? ''})`,
      )
    if (domain === 'positive' && given < 0)
      throw new ModelError(
        `${place(vertex, i, given)}; expected a positive number in scope '${quiver.scope}', since a positively homogeneous operator follows`,
      )
    if (domain === 'sign' && Math.abs(given) !== 1)
      throw new ModelError(
        `${place(vertex, i, given)}; expected 1 or −1 in scope '${quiver.scope}', since an odd operator follows`,
      )
    if (Math.abs(given - expected) > CONSISTENCY * Math.abs(expected))
      throw new ModelError(
        `${place(vertex, i, given)}; expected ${expected} in scope '${quiver.scope}', since its channel is joined with others'`,
      )
  }
}

/** τ of every neuron of every vertex. */
export function factorsOf(quiver: Quiver, assignment: Assignment): Map<string, Float64Array> {
  return new Map(
    quiver.vertices.map((vertex) => [
      vertex.name,
      new Float64Array(vertex.size).map((_, i) => assignment.of(vertex.first + i + 1)),
    ]),
  )
}
