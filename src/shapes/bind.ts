import { type DeclaredDim, type Graph, type Model, ModelError, type ValueInfo } from '../graph/model.js'
import { quoted } from '../graph/text.js'

/**
 * The model with sizes in place of the names that its inputs, outputs and inner values declare: `bindDims(model, { N: 256 })`.
 * @throws ModelError for a name that no input declares, and sizes that are no whole numbers above 0
 */
export function bindDims(model: Model, sizes: Readonly<Record<string, number>>): Model {
  const declared = new Set(model.graph.inputs.flatMap(({ shape = [] }) => shape))
  for (const [name, size] of Object.entries(sizes)) {
    checkSize(name, size)
    if (!declared.has(name))
      throw new ModelError(
        `no input has a size named ${quoted(name)}; the names are ${namesOf(declared)}: bind one of these`,
      )
  }
  const bound = (dim: DeclaredDim): DeclaredDim => (typeof dim === 'string' ? (sizes[dim] ?? dim) : dim)
  return withShapes(model, (info) => info.shape?.map(bound))
}

/**
 * The model for batches of one size: the first axis of each input, which is declared by a name (`N`, `batch`) or not at all.
 * @throws ModelError for an input whose first axis has another size, or which has no axes
 */
export function bindBatch(model: Model, size: number): Model {
  checkSize('batchSize', size)
  const { graph } = model
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  const names = new Set<string>()
  for (const { name, shape } of inputs) {
    const dim = shape?.[0]
    if (dim === undefined)
      throw new ModelError(`input ${quoted(name)}: expected a first axis for the batch, got no shape or a scalar`)
    if (typeof dim === 'number' && dim !== size)
      throw new ModelError(
        `input ${quoted(name)}: its first axis is fixed at ${dim}, and batches of ${size} are asked for; use batchSize ${dim}, or export the model with a dynamic batch axis`,
      )
    if (typeof dim === 'string') names.add(dim)
  }
  const named = bindDims(model, Object.fromEntries([...names].map((name) => [name, size])))
  const free = new Set(inputs.filter(({ shape }) => shape?.[0] === null).map(({ name }) => name))
  if (free.size === 0) return named
  return withShapes(named, ({ name, shape }) => (free.has(name) && shape ? [size, ...shape.slice(1)] : shape))
}

function withShapes(model: Model, shapeOf: (info: ValueInfo) => readonly DeclaredDim[] | undefined): Model {
  const changed = (info: ValueInfo): ValueInfo => {
    const { envelope: _, ...rest } = info
    const shape = shapeOf(info)
    const same = shape === undefined || shape.every((dim, axis) => dim === info.shape?.[axis])
    return same ? info : { ...rest, shape }
  }
  const { storage: _storage, ...rest } = model
  const { graph } = model
  const bound: Graph = {
    ...graph,
    inputs: graph.inputs.map(changed),
    outputs: graph.outputs.map(changed),
    valueInfo: new Map([...graph.valueInfo].map(([name, info]) => [name, changed(info)])),
  }
  return { ...rest, graph: bound }
}

function checkSize(name: string, size: number): void {
  if (!Number.isSafeInteger(size) || size < 1)
    throw new ModelError(`size ${quoted(name)} is ${size}; expected a whole number above 0`)
}

function namesOf(declared: ReadonlySet<DeclaredDim>): string {
  const names = [...declared].filter((dim) => typeof dim === 'string')
  return names.length === 0 ? 'none, all sizes are fixed' : names.map(quoted).join(', ')
}
