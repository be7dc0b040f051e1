import { floatOf, intOf, stringOf } from '../../../src/graph/attributes.js'
import type { Node } from '../../../src/graph/model.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { broadcasting, elementwise } from './basics.js'
import type { Numbers, Reference } from './evaluate.js'

/** A function of each element alone whose parameters are the node's attributes. */
function withAttributes(f: (x: number, attribute: (name: string, fallback: number) => number) => number): Reference {
  return (inputs, node) => elementwise((x) => f(x, (name, fallback) => floatOf(node, name, fallback)))(inputs, node)
}

/** 2/√π·e^(−x²)·Σ 2ⁿx²ⁿ⁺¹/(2n + 1)!!, of which all terms have one sign (NIST 7.6.2). */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const hardSigmoid = (x: number, alpha: number, beta: number) => Math.max(0, Math.min(1, alpha * x + beta))

const gelu = (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2))
const tanhGelu = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** A function of all elements along an axis, which gives as many. */
function along(axisOf: (node: Node) => number, f: (x: readonly number[]) => readonly number[]): Reference {
  return ([x], node) => {
    const { dims, data } = x as Numbers
    const axis = (axisOf(node) + dims.length) % dims.length
    const size = dims[axis] as number
    const stride = sizeOf(dims.slice(axis + 1))
    const result = new Float64Array(data.length)
    for (let k = 0; k < data.length; k++) {
      if (Math.floor(k / stride) % size !== 0) continue
      const row = Array.from({ length: size }, (_, i) => data[k + i * stride] as number)
      f(row).forEach((value, i) => (result[k + i * stride] = value))
    }
    return [{ dims, data: result }]
  }
}

const logSumExp = (x: readonly number[]) => {
  const greatest = Math.max(...x)
  return greatest + Math.log(x.reduce((sum, value) => sum + Math.exp(value - greatest), 0))
}
const lastByDefault = (node: Node) => intOf(node, 'axis', -1)

export const activations: Readonly<Record<string, Reference>> = {
  Relu: elementwise((x) => Math.max(x, 0)),
  LeakyRelu: withAttributes((x, attribute) => (x < 0 ? x * attribute('alpha', 0.01) : x)),
  PRelu: broadcasting((x = 0, slope = 0) => (x < 0 ? x * slope : x)),
  ThresholdedRelu: withAttributes((x, attribute) => (x > attribute('alpha', 1) ? x : 0)),
  Elu: withAttributes((x, attribute) => (x < 0 ? attribute('alpha', 1) * Math.expm1(x) : x)),
  Selu: withAttributes((x, attribute) => {
    const gamma = attribute('gamma', 1.0507009873554805)
    return x > 0 ? gamma * x : gamma * attribute('alpha', 1.6732632423543772) * Math.expm1(x)
  }),
  Celu: withAttributes((x, attribute) => {
    const alpha = attribute('alpha', 1)
    return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha))
  }),
  Sigmoid: elementwise(sigmoid),
  HardSigmoid: withAttributes((x, attribute) => hardSigmoid(x, attribute('alpha', 0.2), attribute('beta', 0.5))),
  HardSwish: elementwise((x) => x * hardSigmoid(x, 1 / 6, 0.5)),
  Swish: withAttributes((x, attribute) => x * sigmoid(attribute('alpha', 1) * x)),
  Mish: elementwise((x) => x * Math.tanh(softplus(x))),
  Gelu: (inputs, node) => elementwise(stringOf(node, 'approximate', 'none') === 'tanh' ? tanhGelu : gelu)(inputs, node),
  Softplus: elementwise(softplus),
  Softsign: elementwise((x) => x / (1 + Math.abs(x))),
  Shrink: withAttributes((x, attribute) => {
    const lambd = attribute('lambd', 0.5)
    const bias = attribute('bias', 0)
    return x < -lambd ? x + bias : x > lambd ? x - bias : 0
  }),
  Clip: ([x, min, max], node) => {
    const bound = (given: Numbers | undefined, fallback: number) => given?.data[0] ?? fallback
    return elementwise((v) => Math.min(Math.max(v, bound(min, -Infinity)), bound(max, Infinity)))([x], node)
  },
  Erf: elementwise(erf),
  Softmax: along(lastByDefault, (x) => x.map((value) => Math.exp(value - logSumExp(x)))),
  LogSoftmax: along(lastByDefault, (x) => x.map((value) => value - logSumExp(x))),
  Hardmax: along(lastByDefault, (x) => x.map((_, i) => Number(i === x.indexOf(Math.max(...x))))),
}
