import { floatOf, intOf } from '../../../src/graph/attributes.js'
import { broadcasting } from './basics.js'
import type { Numbers, Reference } from './evaluate.js'

/** Attention without a past: queries see keys, each head alone; neighbouring heads share keys and values. */
export const attention: Reference = ([query, key, value, mask], node) => {
  const heads = (x: Numbers, name: string) => {
    const [batch = 1, second = 1, third = 1, last = 1] = x.dims
    if (x.dims.length === 4) return { batch, heads: second, length: third, size: last, split: false }
    const count = intOf(node, name, 1)
    return { batch, heads: count, length: second, size: third / count, split: true }
  }
  const [q, k, v] = [
    heads(query as Numbers, 'q_num_heads'),
    heads(key as Numbers, 'kv_num_heads'),
    heads(value as Numbers, 'kv_num_heads'),
  ]
  const at = (of: typeof q, b: number, h: number, l: number, e: number) =>
    of.split ? ((b * of.length + l) * of.heads + h) * of.size + e : ((b * of.heads + h) * of.length + l) * of.size + e
  const scale = floatOf(node, 'scale') ?? 1 / Math.sqrt(q.size)
  const full = [q.batch, q.heads, q.length, k.length]
  const zeros = { dims: full, data: new Float64Array(full.reduce((a, b) => a * b)) }
  const added = mask && (broadcasting((a = 0) => a)([mask, zeros], node)[0] as Numbers).data
  const isBool = mask?.data.every((x) => x === 0 || x === 1) === true
  const result = { ...q, size: v.size }
  const data = new Float64Array(q.batch * q.heads * q.length * v.size)
  for (let b = 0; b < q.batch; b++)
    for (let h = 0; h < q.heads; h++)
      for (let l = 0; l < q.length; l++) {
        const shared = Math.floor(h / (q.heads / k.heads))
        const scores = Array.from({ length: k.length }, (_, s) => {
          let score = 0
          for (let e = 0; e < q.size; e++)
            score +=
              ((query as Numbers).data[at(q, b, h, l, e)] as number) *
              ((key as Numbers).data[at(k, b, shared, s, e)] as number)
          score *= scale
          const extra = added?.[((b * q.heads + h) * q.length + l) * k.length + s]
          if (extra !== undefined) score = isBool ? (extra === 0 ? -Infinity : score) : score + extra
          return intOf(node, 'is_causal', 0) !== 0 && s > l ? -Infinity : score
        })
        const greatest = Math.max(...scores)
        const weights = scores.map((score) => Math.exp(score - greatest))
        const total = weights.reduce((x, y) => x + y, 0)
        for (let e = 0; e < v.size; e++)
          data[at(result, b, h, l, e)] = weights.reduce(
            (sum, weight, s) => sum + (weight / total) * ((value as Numbers).data[at(v, b, shared, s, e)] as number),
            0,
          )
      }
  const dims = q.split ? [q.batch, q.length, q.heads * v.size] : [q.batch, q.heads, q.length, v.size]
  return [{ dims, data }]
}
