import { broadcasting } from './basics.js'
import type { Numbers, Reference } from './evaluate.js'

export const movements: Readonly<Record<string, Reference>> = {
  Expand: ([x, shape], node) => {
    const dims = [...(shape as Numbers).data]
    const zeros = { dims, data: new Float64Array(dims.reduce((a, b) => a * b, 1)) }
    return broadcasting((a = 0) => a)([x, zeros], node)
  },
  Unsqueeze: ([x, axes]) => {
    const { dims, data } = x as Numbers
    const added = [...(axes as Numbers).data]
    const rank = dims.length + added.length
    const rest = [...dims]
    const at = added.map((axis) => (axis + rank) % rank)
    return [
      { dims: Array.from({ length: rank }, (_, axis) => (at.includes(axis) ? 1 : (rest.shift() as number))), data },
    ]
  },
}
