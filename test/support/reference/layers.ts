import type { Reference } from './evaluate.js'

export const layers: Readonly<Record<string, Reference>> = {}
