import type { Attribute, Model, Node, Tensor, ValueInfo } from '../../src/graph/model.js'
import { sizeOf, tensorOf } from '../../src/graph/tensor.js'

/** A whole number from 0 to below the bound. */
type Random = (bound: number) => number

const INTEGERS = [-1, 0, 1, 2, 3, 7, -2, 1 << 16, 2 ** 31, 1e9, 2 ** 40, Number.MAX_SAFE_INTEGER, -(2 ** 62)]

/** A model with one thing in it that does not fit, and what that is. */
export function distorted(model: Model, random: Random): { readonly model: Model; readonly what: string } {
  const { graph } = model
  const nodes = [...graph.nodes]
  const at = random(nodes.length)
  const node = nodes[at] as Node
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const renewed = (change: Partial<Node>, what: string) => {
    nodes[at] = { ...node, ...change }
    return { model: { ...model, graph: { ...graph, nodes } }, what: `${node.opType} ${node.name}: ${what}` }
  }
  switch (random(6)) {
    case 0: {
      const inputs = [...node.inputs]
      inputs[random(inputs.length + 1)] = pick([
        '',
        ...graph.initializers.keys(),
        ...graph.inputs.map(({ name }) => name),
      ])
      return renewed({ inputs }, `inputs ${inputs.join(', ')}`)
    }
    case 1:
      return renewed({ inputs: node.inputs.slice(0, random(node.inputs.length + 1)) }, 'fewer inputs')
    case 2: {
      const name = pick([
        ...node.attributes.keys(),
        'axis',
        'axes',
        'pads',
        'strides',
        'kernel_shape',
        'group',
        'dilations',
      ])
      const integer = () => pick(INTEGERS)
      const found = node.attributes.get(name)
      const list = found?.type === 'ints' ? found.value : [1, 1]
      const value: Attribute =
        found?.type === 'ints' || name.endsWith('s')
          ? {
              type: 'ints',
              value: random(4) === 0 ? list.slice(1) : list.map((own) => (random(2) === 0 ? own : integer())),
            }
          : found?.type === 'string'
            ? { type: 'string', value: pick(['', 'SAME_UPPER', 'cubic', 'a\nb', 'ij,jk->ik', 'bij,jj->bi', 'DCR']) }
            : { type: 'int', value: integer() }
      return renewed(
        { attributes: new Map(node.attributes).set(name, value) },
        `${name} = ${JSON.stringify(value.value)}`,
      )
    }
    case 3: {
      const opType = pick(graph.nodes).opType
      return renewed({ opType }, `as ${opType}`)
    }
    case 4: {
      const tensor = pick([...graph.initializers.values()])
      const initializers = new Map(graph.initializers)
      const other = distortedTensor(tensor, random)
      initializers.set(tensor.name, other)
      const what = `${tensor.name}: ${other.dtype}[${other.dims.join()}] instead of ${tensor.dtype}[${tensor.dims.join()}]`
      return { model: { ...model, graph: { ...graph, initializers } }, what }
    }
    default: {
      const inputs = [...graph.inputs]
      const input = pick(inputs)
      const sizes = [0, 1, 5, 'M', null, 1 << 16, 1e9, 2 ** 40]
      const shape = (input.shape ?? []).map((dim) => (random(2) === 0 ? dim : pick(sizes)))
      const info: ValueInfo = { ...input, shape: random(4) === 0 ? shape.slice(1) : shape }
      inputs[inputs.indexOf(input)] = info
      return {
        model: { ...model, graph: { ...graph, inputs } },
        what: `${input.name} of shape [${info.shape?.join() ?? ''}]`,
      }
    }
  }
}

/** Integers: others. Floats: fewer, or in another shape. */
function distortedTensor(tensor: Tensor, random: Random): Tensor {
  const { name, dtype, dims } = tensor
  const count = sizeOf(dims)
  if (dtype === 'int64') {
    const values = Array.from({ length: count }, () => INTEGERS[random(INTEGERS.length)] as number)
    return tensorOf(name, dtype, dims, values)
  }
  const others = [[count], [1, count], [...dims, 1], [0, ...dims], [], [3], [1, 1, 1, 1, 1]]
  const shape = others[random(others.length)] as number[]
  if (sizeOf(shape) === count) return { ...tensor, dims: shape }
  return tensorOf(name, dtype, shape, new Array<number>(sizeOf(shape)).fill(1))
}
