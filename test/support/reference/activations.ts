import { elementwise } from './basics.js'
import type { Reference } from './evaluate.js'

export const activations: Readonly<Record<string, Reference>> = {
  Relu: elementwise((x) => Math.max(x, 0)),
}
