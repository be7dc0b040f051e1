import { describe, stringOf } from '../graph/attributes.js'
import { ModelError } from '../graph/model.js'
import type { GradientRule } from './rule.js'

/**
 * Einsum: the sum of products y = Σ Π x_k over indices that y does not have is linear in each operand, so the gradient of one is
 * again such a sum, of dy and the other operands. Along an index that no other operand nor y has, it is constant.
 */
export const contracted: GradientRule = ({ node, builder, x, dy, give }) => {
  const equation = stringOf(node, 'equation', '').replaceAll(' ', '')
  const [left = '', right] = equation.split('->')
  const operands = left.split(',')
  const result = right ?? onceIn(operands.join(''))
  if (equation.includes('.') || [...operands, result].some((letters) => new Set(letters).size !== letters.length))
    throw new ModelError(
      `${describe(node)}: equation '${equation}' has an ellipsis or an index twice in one operand, and its gradient has no rule; write the indices out, or take the diagonal by Gather`,
    )
  operands.forEach((letters, input) => {
    const others = operands.flatMap((own, k) => (k === input ? [] : [{ letters: own, value: x(k) }]))
    give(input, () => {
      const terms = [{ letters: result, value: dy }, ...others]
      const known = [...letters].filter((letter) => terms.some((term) => term.letters.includes(letter)))
      const sum = `${terms.map((term) => term.letters).join(',')}->${known.join('')}`
      const gradient = builder.op(
        'Einsum',
        terms.map(({ value }) => value),
        { equation: sum },
      )
      const missing = [...letters].flatMap((letter, axis) => (known.includes(letter) ? [] : [axis]))
      return missing.length === 0 ? gradient : gradient.unsqueeze(missing).expandLike(x(input))
    })
  })
}

/** Without an arrow the result has the letters that occur once, in the alphabet's order. */
function onceIn(letters: string): string {
  return [...letters]
    .filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter))
    .sort()
    .join('')
}
