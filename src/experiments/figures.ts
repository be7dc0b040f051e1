import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { fig10 } from './fig10/index.js'
import { fig11 } from './fig11/index.js'
import { fig12 } from './fig12/index.js'
import { fig2 } from './fig2/index.js'
import { fig3 } from './fig3/index.js'
import { fig4 } from './fig4/index.js'
import { fig5 } from './fig5/index.js'
import { fig6 } from './fig6/index.js'
import { fig7 } from './fig7/index.js'
import { fig8 } from './fig8/index.js'
import { fig9 } from './fig9/index.js'
import type { Figure } from './figure.js'

/** All figures, in the paper's order. */
export const FIGURES: readonly Figure[] = [fig2, fig3, fig4, fig5, fig6, fig7, fig8, fig9, fig10, fig11, fig12]

/**
 * The figures of these names, in the paper's order, each once; `all` stands for all of them.
 * @throws ModelError for a name that there is not
 */
export function figuresNamed(names: readonly string[]): readonly Figure[] {
  const known = FIGURES.map(({ name }) => name)
  const unknown = names.find((name) => name !== 'all' && !known.includes(name))
  if (unknown !== undefined)
    throw new ModelError(`there is no figure ${quoted(unknown)}; expected ${known.join(', ')}, or all`)
  return FIGURES.filter(({ name }) => names.includes('all') || names.includes(name))
}
