import type { Model, Tensor } from '../../graph/model.js'
import { hostOfTensor } from '../../runtime/host.js'
import { weightsOf } from '../../teleport/distance.js'

/** The softmax cross-entropy of each image, computed in double, so that only the network's own arithmetic rounds. */
export function lossesOf(logits: Float32Array, labels: Int32Array): Float64Array {
  const classes = logits.length / labels.length
  return Float64Array.from(labels, (label, image) => {
    const own = logits.subarray(image * classes, (image + 1) * classes)
    const largest = own.reduce((most, logit) => Math.max(most, logit), -Infinity)
    const sum = own.reduce((total, logit) => total + Math.exp(logit - largest), 0)
    return largest + Math.log(sum) - (own[label] as number)
  })
}

export function compareLogits(here: Float32Array, there: Float32Array) {
  let difference = 0
  let largest = 0
  here.forEach((logit, i) => {
    largest = Math.max(largest, Math.abs(logit))
    difference = Math.max(difference, Math.abs((there[i] as number) - logit))
  })
  return {
    logitError: difference / largest,
    identical: here.length === there.length && here.every((logit, i) => Object.is(logit, there[i])),
  }
}

/** How far V's weights and biases lie from W's: mean |V − W|, and ‖V − W‖ ÷ ‖W‖. Factors that scope `full` inserts are not among them. */
export function meanDistance(from: Model, to: Model) {
  const others = weightsOf(to)
  let [count, sum, squares, norm] = [0, 0, 0, 0]
  for (const [name, tensor] of weightsOf(from)) {
    const w = numbers(tensor)
    const v = numbers(others.get(name) as Tensor)
    count += w.length
    for (let i = 0; i < w.length; i++) {
      const difference = (v[i] as number) - (w[i] as number)
      sum += Math.abs(difference)
      squares += difference ** 2
      norm += (w[i] as number) ** 2
    }
  }
  return { meanDistance: sum / count, relativeDistance: Math.sqrt(squares / norm) }
}

function numbers(tensor: Tensor): Float32Array {
  return hostOfTensor(tensor).data as Float32Array
}
