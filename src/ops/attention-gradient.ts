import { describe, floatOf, intOf } from '../graph/attributes.js'
import { type Dim, same } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { range } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'

/**
 * Y = P·V with P = softmax(S), S = c·Q·Kᵀ + mask, of each head:
 * dV = Pᵀ·dY, dP = dY·Vᵀ, dS = P ⊙ (dP − Σ dP·P), dQ = c·dS·K, dK = c·dSᵀ·Q. Heads that share a key and a value add up.
 */
export const attentionGradient: GradientRule = (context) => {
  const { node, x, give } = context
  refuseForms(context)
  const q = asHeads(context, x(0), 'q_num_heads')
  const k = asHeads(context, x(1), 'kv_num_heads')
  const v = asHeads(context, x(2), 'kv_num_heads')
  const dy = asHeads(context, context.dy, 'q_num_heads')
  const keys = repeated(k, q)
  const values = repeated(v, q)
  const c = floatOf(node, 'scale') ?? 1 / Math.sqrt(q.size(3))
  const p = masked(context, q.matmul(keys.transpose()).mul(c)).op('Softmax', [], { axis: -1 })
  const dp = dy.matmul(values.transpose())
  const ds = p.mul(dp.sub(dp.mul(p).sum([3])))
  give(0, () => asGiven(ds.matmul(keys).mul(c), x(0)))
  give(1, () => asGiven(gathered(ds.transpose().matmul(q).mul(c), k), x(1)))
  give(2, () => asGiven(gathered(p.transpose().matmul(dy), v), x(2)))
  give(3, () => ds)
}

function refuseForms(context: GradientContext): void {
  const { node, dyOf } = context
  const reason = [4, 5, 6].some((input) => context.has(input))
    ? 'with past keys and values or lengths'
    : floatOf(node, 'softcap', 0) !== 0
      ? 'with softcap'
      : node.outputs.some((_, output) => output > 0 && dyOf(output) !== undefined)
        ? 'through outputs other than the first'
        : undefined
  if (reason !== undefined)
    throw new ModelError(
      `${describe(node)}: Attention ${reason} has no gradient; write it as MatMul, Softmax and MatMul instead`,
    )
}

/** [batch, heads, length, size]; with three axes heads and size are one, the last. */
function asHeads({ node, builder }: GradientContext, value: Value, name: string): Value {
  if (value.rank === 4) return value
  const heads = intOf(node, name)
  if (heads === undefined) throw new ModelError(`${describe(node)}: its attribute ${name} is missing`)
  return value.op('Reshape', [builder.ints([0, 0, heads, -1])]).transpose([0, 2, 1, 3])
}

function asGiven(value: Value, like: Value): Value {
  return like.rank === 4 ? value : value.transpose([0, 2, 1, 3]).reshapeLike(like)
}

/** Keys or values for each head of the queries: neighbouring heads share one. */
function repeated(value: Value, q: Value): Value {
  const times = q.size(1) / value.size(1)
  if (times === 1) return value
  return value
    .unsqueeze([2])
    .expand([1, 1, times, 1, 1])
    .op('Reshape', [value.builder.ints([0, q.size(1), -1, value.size(3)])])
}

/** The transpose of `repeated`. */
function gathered(gradient: Value, like: Value): Value {
  const times = gradient.size(1) / like.size(1)
  if (times === 1) return gradient
  return gradient.op('Reshape', [gradient.builder.ints([0, like.size(1), times, -1, like.size(3)])]).sum([2], false)
}

/** Scores where a query must not see a key are −∞. */
function masked(context: GradientContext, scores: Value): Value {
  const { node, builder, x } = context
  let seen = scores
  if (intOf(node, 'is_causal', 0) !== 0) {
    // The first query sees the first key, whatever the lengths.
    const [queries, keys] = [scores.size(2), scores.size(3)]
    const places = builder.constant('int64', [queries, 1], range(0, queries))
    seen = places.greaterOrEqual(builder.constant('int64', [1, keys], range(0, keys))).where(seen, -Infinity)
  }
  if (!context.has(3)) return seen
  const mask = x(3)
  if (!same(mask.dims.at(-1) as Dim, scores.dims[3] as Dim))
    throw new ModelError(`${describe(node)}: a mask that is shorter than the keys has no gradient; give all of it`)
  return mask.dtype === 'bool' ? mask.where(seen, -Infinity) : seen.add(mask)
}
