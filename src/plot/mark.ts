import type * as Plot from '@observablehq/plot'
import type { Style } from './series.js'

/** A number, or a category of an axis of categories; null is not drawn. */
export type Value = number | string | null | undefined

/** What a mark is drawn with. */
export interface MarkContext {
  readonly style: Style
  readonly x: Scale
  readonly y: Scale
  /** Which of the panel's marks of its kind this is, and of how many: what would hide one another is moved aside, or outlined. */
  readonly index: number
  readonly count: number
  /** Whether something may lie outside of the axes' domains, and is to be cut off. */
  readonly clip: boolean
  /** Size of the data area in pixels. */
  readonly width: number
  readonly height: number
}

/** An axis as a mark sees it. */
export interface Scale {
  readonly type: 'linear' | 'log' | 'category'
  /** What Plot is to draw: NaN for what is null, not finite or, on a logarithmic axis, not positive. */
  readonly at: (value: Value) => number | string
}

export type MarkKind = 'curve' | 'points' | 'histogram' | 'intervals' | 'reference' | 'annotation'

/** Something drawn in a panel. Made by the functions of marks.ts. */
export interface Mark {
  readonly kind: MarkKind
  /** Its label in the legend; the style follows from it. */
  readonly series?: string
  /** Overrides of the series' style. */
  readonly restyled?: Partial<Style>
  /** What the legend shows of it. */
  readonly key: { readonly line?: boolean; readonly band?: boolean; readonly symbol?: boolean; readonly box?: boolean }
  /** Values that the axes must show. */
  readonly xs: readonly Value[]
  readonly ys: readonly Value[]
  /** Whether it shows data: a panel without says so. */
  readonly empty: boolean
  readonly draw: (context: MarkContext) => readonly Plot.Markish[]
}
