/** How a series is drawn: colour, dashes and symbol all tell it from others, so that it can be read in grey too. */
export interface Style {
  readonly colour: string
  /** `stroke-dasharray`; empty for a solid line. */
  readonly dash: string
  readonly symbol: PointSymbol
}

export type PointSymbol = 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'star' | 'times' | 'wedge'

const style = (colour: string, dash: string, symbol: PointSymbol): Style => ({ colour, dash, symbol })

/** What the others are compared with. */
const BASELINE = style('#4a4a4a', '6 3', 'square')

/** Labels that are looked up whole. Colours are near Okabe and Ito's, at lightnesses that differ within a group. */
const WHOLE: Readonly<Record<string, Style>> = {
  'no teleportation': BASELINE,
  teleportation: style('#0072b2', '', 'circle'),
  'pseudo-teleportation': style('#e69f00', '8 3 2 3', 'triangle'),
  'micro-teleportation · gradient': style('#a63a00', '', 'circle'),
  'micro-teleportation · random vector': style('#56b4e9', '7 3', 'square'),
  'gradient · random vector': style('#009e73', '2 3', 'triangle'),
  'random · random': style('#3b3b3b', '8 3 2 3', 'diamond'),
}

/** Labels that begin so: `ResNet-18`, `VGG-16-bn`, `MLP 5×500`. */
const BEGINNINGS: readonly (readonly [string, Style])[] = [
  ['MLP', style('#00416b', '', 'circle')],
  ['VGG', style('#c04800', '7 3', 'square')],
  ['ResNet', style('#00a37a', '2 3', 'triangle')],
  ['DenseNet', style('#e08cc0', '8 3 2 3', 'diamond')],
]

/** One hue, the darker the larger σ. */
const RAMP_FROM = [158, 202, 236]
const RAMP_TO = [4, 34, 84]
const RAMP_DASHES = ['2 3', '8 3 2 3', '7 3', '10 3 2 3 2 3', '']
const RAMP_SYMBOLS: readonly PointSymbol[] = ['triangle', 'diamond', 'cross', 'star', 'circle']

/** For labels that the tables do not have. */
const OTHERS: readonly Style[] = [
  style('#0072b2', '', 'circle'),
  style('#d55e00', '7 3', 'square'),
  style('#00a37a', '2 3', 'triangle'),
  style('#e08cc0', '8 3 2 3', 'diamond'),
  style('#3b3b3b', '10 3 2 3 2 3', 'cross'),
  style('#56b4e9', '4 2', 'star'),
  style('#e69f00', '1 3', 'times'),
  style('#7a3b8f', '12 4', 'wedge'),
]

/** The same label is drawn the same everywhere. Labels that no table has get a style by what they read; `stylesOf` keeps those of a figure apart. */
export function styleOf(label: string): Style {
  return known(label) ?? (OTHERS[slotOf(label)] as Style)
}

/** Styles of the labels of a figure: known ones as everywhere, the others such that no two are the same while there are enough. */
export function stylesOf(labels: readonly string[]): ReadonlyMap<string, Style> {
  const styles = new Map<string, Style>()
  for (const label of labels) {
    const found = known(label)
    if (found !== undefined) styles.set(label, found)
  }
  const taken = new Set([...styles.values()].map(({ colour }) => colour))
  for (const label of labels) {
    if (styles.has(label)) continue
    const start = slotOf(label)
    const order = OTHERS.map((_, i) => OTHERS[(start + i) % OTHERS.length] as Style)
    const free = order.find(({ colour }) => !taken.has(colour)) ?? styleOf(label)
    taken.add(free.colour)
    styles.set(label, free)
  }
  return styles
}

function known(label: string): Style | undefined {
  const whole = WHOLE[label]
  if (whole !== undefined) return whole
  const range = /^σ = (\d*\.?\d+)/.exec(label)?.[1]
  if (range !== undefined) return ofRange(Number(range))
  return BEGINNINGS.find(([beginning]) => label.startsWith(beginning))?.[1]
}

function ofRange(range: number): Style {
  if (range === 0) return BASELINE
  const share = Math.min(1, Math.max(0, (range - 0.2) / 0.7))
  const colour = RAMP_FROM.map((from, i) => Math.round(from + share * ((RAMP_TO[i] as number) - from)))
  const rank = [0.4, 0.55, 0.65, 0.8].filter((limit) => range > limit).length
  return style(
    `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`,
    RAMP_DASHES[rank] as string,
    RAMP_SYMBOLS[rank] as PointSymbol,
  )
}

function slotOf(label: string): number {
  let hash = 2166136261
  for (const character of label) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 16777619) >>> 0
  return (hash >>> 8) % OTHERS.length
}
