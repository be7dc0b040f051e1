import type { Model } from '../graph/model.js'

/** A model whose operators are in their form of opset 18 or later. */
export function upgraded(model: Model): Model {
  return model
}
