import type { Envelope, Storage } from '../graph/model.js'

export type Layout = Storage['layout']

// A changed model has no `storage` any more, but it keeps its envelope, and with it the layout that it was read with.
const layouts = new WeakMap<object, Layout>()

export function rememberLayout(envelope: object, layout: Layout): void {
  layouts.set(envelope, layout)
}

/** The layout that a model was read with, or `inline` for one that was made in memory. */
export function layoutOf(envelope: Envelope): Layout {
  return typeof envelope === 'object' && envelope !== null ? (layouts.get(envelope) ?? 'inline') : 'inline'
}
