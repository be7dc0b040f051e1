import { crossEntropy, type CrossEntropyOptions } from '../../src/autodiff/losses.js'
import { isNumber } from '../../src/graph/dims.js'
import type { Model } from '../../src/graph/model.js'
import { Continuation } from '../../src/shapes/build.js'
import type { Point } from './gradient-check.js'
import type { Oracle } from './oracle.js'

/** A classifier with one input more, the labels (`target`), and one output more, the cross-entropy (`loss`). */
export function withLoss(model: Model, options: CrossEntropyOptions = {}): Model {
  const continuation = new Continuation(model, 'loss/')
  const { builder } = continuation
  const logits = continuation.value(model.graph.outputs[0]?.name ?? '')
  const batch = logits.dims[0]
  const target = builder.input('target', 'int64', [isNumber(batch) ? batch : (batch?.symbols.join('*') ?? 'N')])
  builder.output(crossEntropy(logits, target, options), 'loss')
  return continuation.finish()
}

/** Input and labels of a fixture. */
export function batchOf(oracle: Oracle): Point {
  return new Map(['x', 'target'].map((name) => [name, { dims: oracle.shape(name), data: oracle.numbers(name) }]))
}
