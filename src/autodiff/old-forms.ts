import { floatOf, floatsOf, intOf, intsOf, stringOf } from '../graph/attributes.js'
import { attributeOf, type AttributeValues } from '../graph/builder.js'
import type { DType } from '../graph/dtype.js'
import type { Node } from '../graph/model.js'
import type { NodeContext } from '../ops/rule.js'

/** A node in a form of an earlier opset, and what it takes to write it anew. */
export interface OldNode {
  readonly node: Node
  readonly opset: number
  /** What is known of its inputs. */
  readonly view: NodeContext
  /** The name of a new initializer; equal ones are one. */
  readonly constant: (dtype: DType, dims: readonly number[], numbers: readonly number[]) => string
  /** A name that nothing has yet. */
  readonly fresh: (stem: string) => string
  /** True if anything reads the output. */
  readonly isUsed: (output: number) => boolean
  /** @throws ModelError naming the node */
  readonly refuse: (why: string) => never
}

/** Nodes of opset 18 with the same outputs. */
type Rewrite = (old: OldNode) => readonly Node[]

/** A form of an operator that ended with an opset. */
interface Form {
  /** The first opset that has not this form any more. */
  readonly before: number
  readonly rewrite: Rewrite
}

/** The node with another type, other inputs or outputs, without some attributes and with others. */
function remade(
  node: Node,
  change: { opType?: string; inputs?: readonly string[]; outputs?: readonly string[] },
  without: readonly string[] = [],
  attributes: AttributeValues = {},
): Node {
  const kept = [...node.attributes].filter(([name]) => !without.includes(name))
  const added = Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)] as const)
  const inputs = [...(change.inputs ?? node.inputs)]
  while (inputs.at(-1) === '') inputs.pop()
  return { ...node, ...change, inputs, attributes: new Map([...kept, ...added]) }
}

/** A new node beside the old one. */
function added(opType: string, inputs: readonly string[], output: string, attributes: AttributeValues = {}): Node {
  const node: Node = { name: output, opType, domain: '', inputs, outputs: [output], attributes: new Map() }
  return remade(node, {}, [], attributes)
}

/** A list of integers as an input. INT64_MAX, which stands for the end, is no double; the largest double below it does as well. */
function list({ constant }: OldNode, numbers: readonly number[]): string {
  const bounded = numbers.map((number) => Math.min(number, 2 ** 63 - 1024))
  return constant('int64', [numbers.length], bounded)
}

/** A float as an input of the first input's type, with the node that makes it so where the type is not known. */
function likeFirst(old: OldNode, value: number | undefined): { name: string; nodes: readonly Node[] } {
  if (value === undefined) return { name: '', nodes: [] }
  const { dtype } = old.view.input(0)
  if (dtype !== undefined) return { name: old.constant(dtype, [], [value]), nodes: [] }
  const name = old.fresh('like')
  const inputs = [old.constant('float32', [], [value]), old.node.inputs[0] ?? '']
  return { name, nodes: [added('CastLike', inputs, name)] }
}

const first = (node: Node): string => node.inputs[0] ?? ''

/** `axes` as an attribute; none, or an empty list, are all. */
const axesAttribute: Rewrite = (old) => {
  const axes = intsOf(old.node, 'axes') ?? []
  const inputs = axes.length === 0 ? [first(old.node)] : [first(old.node), list(old, axes)]
  return [remade(old.node, { inputs }, ['axes'])]
}

const sliceAttributes: Rewrite = (old) => {
  const { node } = old
  const given = ['starts', 'ends', 'axes'].map((name) => intsOf(node, name))
  const inputs = given.map((numbers) => (numbers === undefined ? '' : list(old, numbers)))
  return [remade(node, { inputs: [first(node), ...inputs] }, ['starts', 'ends', 'axes'])]
}

/** Sizes as an attribute (before opset 13); none given, as many equal parts as there are outputs. */
const splitAttribute: Rewrite = (old) => {
  const { node } = old
  const sizes = intsOf(node, 'split')
  if (sizes !== undefined) return [remade(node, { inputs: [first(node), list(old, sizes)] }, ['split'])]
  if (old.view.has(1)) return [node]
  return [remade(node, {}, [], { num_outputs: node.outputs.length })]
}

const padAttributes: Rewrite = (old) => {
  const { node } = old
  const value = likeFirst(old, floatOf(node, 'value'))
  const pads = list(old, intsOf(node, 'pads') ?? [])
  return [...value.nodes, remade(node, { inputs: [first(node), pads, value.name] }, ['pads', 'value'])]
}

const clipAttributes: Rewrite = (old) => {
  const { node } = old
  const bounds = ['min', 'max'].map((name) => likeFirst(old, floatOf(node, name)))
  const inputs = [first(node), ...bounds.map(({ name }) => name)]
  // Both may need the same node.
  return [...bounds.flatMap(({ nodes }) => nodes), remade(node, { inputs }, ['min', 'max'])]
}

/** Before opset 12 a Dropout outside of training was all there was. Its ratio is kept for training. */
const dropoutAttribute: Rewrite = ({ node, constant, isUsed, refuse }) => {
  if (isUsed(1))
    refuse('its mask is read, and what it holds outside of training has changed since its opset; remove the use')
  const ratio = floatOf(node, 'ratio')
  const inputs = ratio === undefined ? [first(node)] : [first(node), constant('float32', [], [ratio])]
  return [remade(node, { inputs, outputs: node.outputs.slice(0, 1) }, ['ratio'])]
}

const topKAttribute: Rewrite = (old) => {
  const k = intOf(old.node, 'k') ?? old.refuse('its attribute k is missing')
  return [remade(old.node, { inputs: [first(old.node), list(old, [k])] }, ['k'])]
}

/**
 * Upsample, and Resize of opset 10: element o lies at o ÷ scale. `nearest` goes to the element before that where an axis grows and
 * to the one after it where it shrinks (so ONNX Runtime; the standard had not said): first the one, then the other.
 */
const scaled: Rewrite = (old) => {
  const { node, constant, fresh } = old
  const given = floatsOf(node, 'scales')
  const scales = given === undefined ? (node.inputs[1] ?? '') : constant('float32', [given.length], given)
  const known = given ?? old.view.constant(1)
  const mode = stringOf(node, 'mode', 'nearest')
  const resized = (input: string, by: string, output: string, rounding?: string): Node =>
    remade(node, { opType: 'Resize', inputs: [input, '', by], outputs: [output] }, ['scales', 'mode'], {
      mode: mode === 'bilinear' ? 'linear' : mode,
      coordinate_transformation_mode: 'asymmetric',
      ...(rounding !== undefined && { nearest_mode: rounding }),
    })
  const output = node.outputs[0] ?? ''
  if (mode !== 'nearest') return [resized(first(node), scales, output)]
  if (known?.every((scale) => scale >= 1) === true) return [resized(first(node), scales, output, 'floor')]
  if (known?.every((scale) => scale <= 1) === true) return [resized(first(node), scales, output, 'ceil')]
  const one = constant('float32', [1], [1])
  const [up, down, grown] = [fresh('scales_up'), fresh('scales_down'), fresh('grown')]
  return [
    added('Max', [scales, one], up),
    added('Min', [scales, one], down),
    { ...resized(first(node), up, grown, 'floor'), name: grown },
    resized(grown, down, output, 'ceil'),
  ]
}

/** Before opset 13 inputs that do not count had to be there, empty. */
const emptyInputs: Rewrite = ({ node, view }) => {
  const crops = stringOf(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize'
  const inputs = node.inputs.map((name, input) => {
    const unread = (input === 1 && !crops) || view.input(input).shape?.[0] === 0
    return input > 0 && unread ? '' : name
  })
  return [remade(node, { inputs })]
}

/** Before opset 13 all axes from `axis` on (default 1) were one: the input as a matrix. */
const flattening: Rewrite = ({ node, view, fresh }) => {
  const rank = view.input(0).shape?.length
  const axis = intOf(node, 'axis', 1)
  const output = node.outputs[0] ?? ''
  if (axis === -1 || axis + 1 === rank) return [remade(node, {}, ['axis'], { axis: -1 })]
  const [shape, matrix, result] = [fresh('shape'), fresh('matrix'), fresh('result')]
  return [
    added('Shape', [first(node)], shape),
    added('Flatten', [first(node)], matrix, { axis }),
    remade(node, { inputs: [matrix], outputs: [result] }, ['axis'], { axis: -1 }),
    added('Reshape', [result, shape], output, { allowzero: 1 }),
  ]
}

const batchNormalization: Rewrite = ({ node, opset, refuse }) => {
  if (intOf(node, 'spatial', 1) !== 1) refuse('spatial = 0 has no form in later opsets')
  if (node.outputs.slice(1).some((name) => name !== ''))
    refuse(
      `in opset ${opset} more than one output means training, in a form that later opsets do not have; export the model for inference, or in opset 14 or later`,
    )
  return [remade(node, { outputs: node.outputs.slice(0, 1) }, ['spatial'])]
}

const renamed =
  (opType: string): Rewrite =>
  ({ node }) => [remade(node, { opType })]

const without =
  (why: string): Rewrite =>
  ({ opset, refuse }) =>
    refuse(`its form of opset ${opset} ${why}`)

const REDUCTIONS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map(
  (kind) => `Reduce${kind}`,
)

/** Operators that standards before opset 10 had on trial. */
const EXPERIMENTAL = [
  'ATen',
  'Affine',
  'ConstantFill',
  'Crop',
  'DynamicSlice',
  'GRUUnit',
  'GivenTensorFill',
  'ImageScaler',
  'ParametricSoftplus',
  'Scale',
  'ScaledTanh',
]

/**
 * The operators whose form changed between opset 7 and 18, earliest form first. All others mean the same in opset 18 as they did:
 * later versions took more types, more optional inputs and attributes with defaults that do what was done before.
 */
export const FORMS: ReadonlyMap<string, readonly Form[]> = new Map<string, readonly Form[]>([
  ['Squeeze', [{ before: 13, rewrite: axesAttribute }]],
  ['Unsqueeze', [{ before: 13, rewrite: axesAttribute }]],
  ['ReduceSum', [{ before: 13, rewrite: axesAttribute }]],
  ...REDUCTIONS.map((opType) => [opType, [{ before: 18, rewrite: axesAttribute }]] as const),
  ['Slice', [{ before: 10, rewrite: sliceAttributes }]],
  ['Split', [{ before: 18, rewrite: splitAttribute }]],
  ['Pad', [{ before: 11, rewrite: padAttributes }]],
  ['Clip', [{ before: 11, rewrite: clipAttributes }]],
  ['Dropout', [{ before: 12, rewrite: dropoutAttribute }]],
  ['TopK', [{ before: 10, rewrite: topKAttribute }]],
  ['Upsample', [{ before: 10, rewrite: scaled }]],
  [
    'Resize',
    [
      { before: 11, rewrite: scaled },
      { before: 13, rewrite: emptyInputs },
    ],
  ],
  ...['Softmax', 'LogSoftmax', 'Hardmax'].map((opType) => [opType, [{ before: 13, rewrite: flattening }]] as const),
  ['BatchNormalization', [{ before: 14, rewrite: batchNormalization }]],
  ['Scatter', [{ before: 18, rewrite: renamed('ScatterElements') }]],
  // The half pixel by which later versions shift by default was not there.
  [
    'RoiAlign',
    [
      {
        before: 16,
        rewrite: ({ node }) => [remade(node, {}, [], { coordinate_transformation_mode: 'output_half_pixel' })],
      },
    ],
  ],
  ['Scan', [{ before: 9, rewrite: without('has a batch axis and lengths, which later opsets do not have') }]],
  ['MeanVarianceNormalization', [{ before: 9, rewrite: without('was experimental') }]],
  ...EXPERIMENTAL.map(
    (opType) =>
      [opType, [{ before: 18, rewrite: without('was experimental, and later opsets do not have it') }]] as const,
  ),
])
