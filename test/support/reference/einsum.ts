import { stringOf } from '../../../src/graph/attributes.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { Numbers, Reference } from './evaluate.js'

/** Sums of products over all letters that the result does not have. The axes behind `...` are letters of their own. */
export const einsum: Reference = (inputs, node) => {
  const given = inputs as readonly Numbers[]
  const [left = '', right] = stringOf(node, 'equation', '').replace(/\s/g, '').split('->')
  const terms = left.split(',')
  const most = Math.max(...terms.map((term, i) => axesBehind(term, given[i] as Numbers)))
  const operands = terms.map((term, i) => lettersOf(term, axesBehind(term, given[i] as Numbers), most))
  const all = operands.flat()
  const once = [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort()
  const implied = [...(most > 0 ? lettersOf('...', most, most) : []), ...once.filter((letter) => !/\d/.test(letter))]
  const result = right === undefined ? implied : lettersOf(right, most, most)
  const sizes = new Map<string, number>()
  operands.forEach((letters, i) =>
    letters.forEach((letter, axis) => {
      const size = given[i]?.dims[axis] as number
      if (size !== 1 || !sizes.has(letter)) sizes.set(letter, size)
    }),
  )
  const order = [...result, ...[...sizes.keys()].filter((letter) => !result.includes(letter))]
  const extents = order.map((letter) => sizes.get(letter) as number)
  const dims = result.map((letter) => sizes.get(letter) as number)
  const data = new Float64Array(sizeOf(dims))
  const summed = sizeOf(extents.slice(dims.length))
  const total = sizeOf(extents)
  for (let k = 0; k < total; k++) {
    let rest = k
    const at = new Map<string, number>()
    for (let i = order.length - 1; i >= 0; i--) {
      at.set(order[i] as string, rest % (extents[i] as number))
      rest = Math.floor(rest / (extents[i] as number))
    }
    let value = 1
    operands.forEach((letters, i) => {
      const { dims: own, data: elements } = given[i] as Numbers
      const place = letters.reduce((sum, letter, axis) => {
        const size = own[axis] as number
        return sum * size + (size === 1 ? 0 : (at.get(letter) as number))
      }, 0)
      value *= elements[place] as number
    })
    const y = Math.floor(k / summed)
    data[y] = (data[y] as number) + value
  }
  return [{ dims, data }]
}

/** How many axes `...` stands for. */
function axesBehind(term: string, { dims }: Numbers): number {
  return term.includes('...') ? dims.length - term.replace('...', '').length : 0
}

/** One name for each axis. Those of `...` are numbered from its end, as broadcasting has it: 0 is the first of the longest. */
function lettersOf(term: string, count: number, most: number): string[] {
  const [before = '', behind] = term.split('...')
  if (behind === undefined) return [...before]
  return [...before, ...Array.from({ length: count }, (_, i) => String(most - count + i)), ...behind]
}
