import { describe, stringOf } from '../graph/attributes.js'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { equationOf } from './einsum.js'
import { range } from './facts.js'
import type { GradientRule } from './rule.js'

/**
 * Einsum: the sum of products y = Σ Π x_k over indices that y does not have is linear in each operand, so the gradient of one is
 * again such a sum, of dy and the other operands. Along an index that no other operand nor y has, it is constant.
 */
export const contracted: GradientRule = ({ node, builder, x, dy, give }) => {
  const text = stringOf(node, 'equation', '')
  const ranks = range(0, node.inputs.length).map((input) => x(input).rank)
  const equation = equationOf(text, ranks)
  const repeats = (letters: string) => new Set(letters).size !== letters.length
  if (equation === undefined || [...equation.operands, equation.result].some(repeats))
    throw new ModelError(
      `${describe(node)}: equation ${quoted(text)} has an index twice in one operand, or more than there are letters, and its gradient has no rule; take the diagonal by Gather`,
    )
  const { operands, result } = equation
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
