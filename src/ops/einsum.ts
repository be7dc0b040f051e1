/** An equation of Einsum: the letters of each operand's axes, and of the result's. */
export interface Equation {
  readonly operands: readonly string[]
  readonly result: string
}

const LETTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')

/**
 * The equation with letters for what `...` stands for, and with a result: without an arrow that is `...` and the letters that occur once,
 * in the alphabet's order. Undefined where operands with `...` have an unknown rank, or there are not enough letters.
 * @param ranks of the operands
 */
export function equationOf(text: string, ranks: readonly (number | undefined)[]): Equation | undefined {
  const [left = '', right] = text.replaceAll(' ', '').split('->')
  const terms = left.split(',')
  const counts = terms.map((term, i) => {
    const rank = ranks[i]
    if (!term.includes('...')) return 0
    return rank === undefined ? undefined : rank - (term.length - 3)
  })
  if (!counts.every((count) => count !== undefined)) return undefined
  const most = Math.max(...counts)
  const unused = LETTERS.filter((letter) => !text.includes(letter)).slice(0, most)
  if (unused.length < most) return undefined
  const spelled = (term: string, count = most) => term.replace('...', unused.slice(most - count).join(''))
  const operands = terms.map((term, i) => spelled(term, counts[i]))
  return { operands, result: spelled(right ?? `${left.includes('...') ? '...' : ''}${onceIn(left)}`) }
}

function onceIn(text: string): string {
  const letters = [...text].filter((letter) => LETTERS.includes(letter))
  return letters
    .filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter))
    .sort()
    .join('')
}
