// Steps of training in TensorFlow.js: node bench/peer/js/tfjs.mjs cpu|wasm|tensorflow mlp|resnet18 FILE
import * as tf from '@tensorflow/tfjs'
import { BLOCKS, obey, SGD } from './obey.mjs'

const backend = process.argv[2]
if (backend === 'wasm') {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(new URL('node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url).pathname)
}
if (backend === 'tensorflow') await import('@tensorflow/tfjs-node')
if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js could not start its backend ${backend}`)
await tf.ready()

/** A parameter in the layout of TensorFlow.js: [in, out] and [height, width, in, out], of [out, in] and [out, in, height, width]. */
function inOwnLayout({ shape, data }) {
  const given = tf.tensor(data, shape)
  return shape.length === 2 ? given.transpose() : shape.length === 4 ? given.transpose([2, 3, 1, 0]) : given
}

function mlp(parameters, x) {
  let y = x
  for (const layer of [1, 3, 5, 7, 9, 11]) {
    y = tf.add(tf.matMul(y, parameters.get(`${layer}.weight`)), parameters.get(`${layer}.bias`))
    if (layer < 11) y = tf.relu(y)
  }
  return y
}

/** Statistics of the batch, and running ones with PyTorch's momentum. */
function batchNorm(parameters, statistics, name, x) {
  const { mean, variance } = tf.moments(x, [0, 1, 2])
  const count = x.size / x.shape[3]
  for (const [kind, value] of [
    ['mean', mean],
    ['var', variance.mul(count / (count - 1))],
  ]) {
    const running = statistics.get(`${name}.running_${kind}`)
    running.assign(running.mul(0.9).add(value.mul(0.1)))
  }
  return tf.batchNorm(x, mean, variance, parameters.get(`${name}.bias`), parameters.get(`${name}.weight`), 1e-5)
}

function resnet18(parameters, x, statistics) {
  const conv = (name, y, stride, padding) => tf.conv2d(y, parameters.get(`${name}.weight`), stride, padding)
  const norm = (name, y) => batchNorm(parameters, statistics, name, y)
  let y = tf.maxPool(tf.relu(norm('bn1', conv('conv1', x, 1, 1))), 3, 2, 1)
  for (const { name, stride } of BLOCKS) {
    const inner = tf.relu(norm(`${name}.bn1`, conv(`${name}.conv1`, y, stride, 1)))
    const sum = norm(`${name}.bn2`, conv(`${name}.conv2`, inner, 1, 1))
    const beside = parameters.has(`${name}.downsample.0.weight`)
      ? norm(`${name}.downsample.1`, conv(`${name}.downsample.0`, y, stride, 0))
      : y
    y = tf.relu(tf.add(sum, beside))
  }
  return tf.add(tf.matMul(tf.mean(y, [1, 2]), parameters.get('fc.weight')), parameters.get('fc.bias'))
}

const NETWORKS = { mlp, resnet18 }

await obey((network, tensors) => {
  const parameters = new Map()
  const statistics = new Map()
  for (const [name, tensor] of tensors)
    if (name !== 'x' && name !== 'target') {
      const kept = /running_(mean|var)$/.test(name) ? statistics : parameters
      kept.set(name, tf.variable(inOwnLayout(tensor), kept === parameters, name))
    }
  const images = tf.tensor(tensors.get('x').data, tensors.get('x').shape)
  const x = network === 'mlp' ? images.reshape([images.shape[0], -1]) : images.transpose([0, 2, 3, 1])
  const labels = tf.oneHot(tf.tensor1d(tensors.get('target').data, 'int32'), 10).toFloat()
  const optimizer = tf.train.momentum(SGD.lr, SGD.momentum)
  const loss = () => tf.losses.softmaxCrossEntropy(labels, NETWORKS[network](parameters, x, statistics))
  return async () => {
    const value = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, [...parameters.values()])
      for (const [name, weight] of parameters) grads[name] = grads[name].add(weight.mul(SGD.weightDecay))
      optimizer.applyGradients(grads)
      return value
    })
    const [number] = await value.data()
    value.dispose()
    return number
  }
})
