import fc from 'fast-check'
import { numbersOf, sizeOf } from '../../src/graph/tensor.js'
import type { Attribute, Graph, Model, Node, Tensor } from '../../src/graph/model.js'
import { BATCH, GraphBuilder, Picks, type BuilderOptions, type Value } from './graph-builder.js'
import { ACTIVATIONS } from './random-activations.js'
import { convolve, gemm, LAYERS, project, type Step } from './random-layers.js'
import { MERGES } from './random-merges.js'
import { MOVEMENTS } from './random-movements.js'

/** A network that was drawn, and what it may be expected to keep. */
export interface RandomGraph {
  readonly model: Model
  /** The largest max|y − y'| ÷ max|y| of a network whose values are not ill-conditioned. */
  readonly tolerance: number
}

const STEPS: Readonly<Record<string, Step>> = { ...LAYERS, ...ACTIVATIONS, ...MERGES, ...MOVEMENTS }

/** Every kind of step, the ones that networks are made of more often. */
const KINDS = [
  ...Object.keys(STEPS),
  ...['conv', 'conv', 'conv', 'gemm', 'gemm', 'project', 'project', 'batchNormalization', 'layerNormalization'],
  ...['relu', 'relu', 'relu', 'plain', 'plain', 'residual', 'merge', 'merge', 'gate', 'concat', 'attention'],
  ...['constant', 'reduction', 'split', 'gather', 'flatten', 'pool'],
]

const SHAPES: readonly (readonly number[])[] = [
  [BATCH, 4, 4, 4],
  [BATCH, 6],
  [BATCH, 5, 6],
  [BATCH, 3, 8],
  [BATCH, 6, 5, 3],
]

interface Program extends BuilderOptions {
  readonly inputs: readonly number[]
  readonly steps: readonly { readonly kind: string; readonly from: number; readonly picks: readonly number[] }[]
  readonly stem: readonly number[]
  readonly ends: readonly number[]
}

function build(program: Program): RandomGraph | undefined {
  const b = new GraphBuilder(program)
  const stem = new Picks(program.stem)
  for (const shape of program.inputs) {
    const x = b.input(SHAPES[shape] as number[])
    // Neurons to begin with: inputs do not move.
    b.attempt(() => {
      if (x.shape.length === 4 && program.dtype === 'float32') convolve(b, stem, x, 4, 3)
      else if (x.shape.length === 2 && stem.oneIn(2)) gemm(b, stem, x, 6)
      else project(b, stem, x, 6)
    })
  }
  for (const { kind, from, picks } of program.steps)
    b.attempt(() => {
      STEPS[kind]?.(b, b.values.at(-1 - (from % b.values.length)) as Value, new Picks(picks))
    })
  const outputs = ending(b, new Picks(program.ends))
  if (outputs.length === 0) return undefined
  const tolerance = b.stored === 'float16' ? 2e-2 : program.dtype === 'float64' && b.stored === undefined ? 1e-10 : 1e-4
  return { model: b.model(outputs), tolerance }
}

/** What nothing reads are outputs, mostly through one more layer, sometimes with a value from inside. */
function ending(b: GraphBuilder, p: Picks): { name: string; dtype: 'float32' | 'float64' | 'int64' }[] {
  const read = new Set(b.nodes.flatMap((node) => [...node.inputs, ...subgraphs(node).flatMap(inputsOf)]))
  const given = new Set(b.inputs.map((input) => input.name))
  const ends = b.values.filter((value) => !read.has(value.name) && !given.has(value.name))
  const names = ends.map((value) => {
    let last = value
    if (!p.oneIn(4))
      b.attempt(() => {
        last = value.shape.length === 2 ? gemm(b, p, value, 3) : project(b, p, value, 3)
      })
    return last.name
  })
  const inner = b.values.filter((value) => read.has(value.name) && !given.has(value.name))
  if (inner.length > 0 && p.oneIn(4)) names.push(p.of(inner).name)
  const { dtype } = b.options
  return [
    ...[...new Set(names)].map((name) => ({ name, dtype })),
    ...b.indices.filter((name) => !read.has(name)).map((name) => ({ name, dtype: 'int64' as const })),
  ]
}

function subgraphs(node: Node): Graph[] {
  return [...node.attributes.values()].flatMap((attribute) => (attribute.type === 'graph' ? [attribute.value] : []))
}

function inputsOf(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.inputs)
}

/**
 * Networks of up to a dozen steps over every operator that has a rule. Shrinks to fewer steps and plainer choices; printed as
 * one line per node.
 */
export function randomGraphs(options: { readonly dtype?: BuilderOptions['dtype'] } = {}): fc.Arbitrary<RandomGraph> {
  const picks = (length: number) => fc.array(fc.nat(1000), { minLength: length, maxLength: length })
  return fc
    .record({
      dtype:
        options.dtype === undefined ? fc.constantFrom('float32', 'float32', 'float64') : fc.constant(options.dtype),
      opset: fc.constantFrom(17, 11, 13, 18, 21, 22, 23),
      symbolic: fc.boolean(),
      irVersion: fc.constantFrom(8, 8, 8, 3),
      seed: fc.nat(1000),
      inputs: fc.array(fc.nat(SHAPES.length - 1), { minLength: 1, maxLength: 2 }),
      steps: fc.array(fc.record({ kind: fc.constantFrom(...KINDS), from: fc.nat(3), picks: picks(12) }), {
        minLength: 1,
        maxLength: 14,
        size: 'max',
      }),
      stem: picks(8),
      ends: picks(8),
    })
    .map((program) => build(program as Program))
    .filter((graph) => graph !== undefined)
    .map((graph) => ({ ...graph, [fc.toStringMethod]: () => describe(graph.model) }))
}

/** A model as text, one line per node. */
export function describe(model: Model): string {
  const shape = (dims: readonly (number | string | null)[] = []) => `[${dims.join(',')}]`
  const { graph } = model
  return [
    `opset ${model.opsets.get('') ?? ''}, IR version ${model.irVersion}`,
    ...graph.inputs.map((input) => `input ${input.name}: ${input.dtype ?? ''}${shape(input.shape)}`),
    ...[...graph.initializers.values()].map(constantText),
    ...lines(graph, ''),
  ].join('\n')
}

function constantText(tensor: Tensor): string {
  const { name, dtype, dims } = tensor
  const values =
    sizeOf(dims) > 9 ? '' : ` = ${[...numbersOf(tensor)].map((value) => Number(value.toPrecision(4))).join(' ')}`
  return `${name}: ${dtype}[${dims.join(',')}]${values}`
}

function lines(graph: Graph, indent: string): string[] {
  return [
    ...graph.nodes.flatMap((node) => [
      `${indent}${node.outputs.join(', ')} = ${node.opType}(${node.inputs.join(', ')})${attributes(node)}`,
      ...subgraphs(node).flatMap((inner) => lines(inner, `${indent}  `)),
    ]),
    `${indent}outputs ${graph.outputs.map((output) => output.name).join(', ')}`,
  ]
}

function attributes(node: Node): string {
  const text = (attribute: Attribute): string =>
    attribute.type === 'graph' || attribute.type === 'tensor' ? attribute.type : JSON.stringify(attribute.value)
  const all = [...node.attributes].map(([name, attribute]) => `${name}=${text(attribute)}`)
  return all.length === 0 ? '' : ` {${all.join(', ')}}`
}
