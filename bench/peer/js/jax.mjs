// Steps of training in jax-js: node bench/peer/js/jax.mjs wasm|cpu mlp|resnet18 FILE
import { defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import { BLOCKS, obey, SGD } from './obey.mjs'

const backend = process.argv[2]
// Without a name it asks for a graphics card by way of `navigator`, which Node 20 does not have.
const devices = await init(backend)
if (!devices.includes(backend)) throw new Error(`jax-js has no device ${backend} here, only ${devices.join(', ')}`)
defaultDevice(backend)

// Every use of an array but its last is marked by `.ref`: jax-js counts references.

function mlp(parameters, x) {
  let y = x
  for (const layer of [1, 3, 5, 7, 9, 11]) {
    y = np.matmul(y, parameters[`${layer}.weight`].transpose()).add(parameters[`${layer}.bias`])
    if (layer < 11) y = nn.relu(y)
  }
  return y
}

/** Statistics of the batch; the new running ones, with PyTorch's momentum, are put into `statistics`. */
function batchNorm(parameters, statistics, name, x) {
  const [batch, , height, width] = x.shape
  const count = batch * height * width
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true })
  const centred = x.sub(mean.ref)
  const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true })
  const after = (kind, value) => {
    const key = `${name}.running_${kind}`
    statistics[key] = statistics[key].mul(0.9).add(lax.stopGradient(value.reshape([-1])).mul(0.1))
  }
  after('mean', mean)
  after('var', variance.ref.mul(count / (count - 1)))
  const perChannel = (kind) => parameters[`${name}.${kind}`].reshape([1, -1, 1, 1])
  return centred.mul(perChannel('weight').div(np.sqrt(variance.add(1e-5)))).add(perChannel('bias'))
}

function maxPool(x) {
  const padding = [
    [0, 0],
    [0, 0],
    [1, 1],
    [1, 1],
  ]
  // After Relu nothing is below 0, so zeros do not change a maximum.
  return lax.reduceWindow(np.pad(x, padding), (window) => np.max(window), [3, 3], [2, 2])
}

function resnet18(parameters, x, statistics) {
  const conv = (name, y, stride, padding) =>
    lax.convGeneralDilated(
      y,
      parameters[`${name}.weight`],
      [stride, stride],
      [
        [padding, padding],
        [padding, padding],
      ],
    )
  const norm = (name, y) => batchNorm(parameters, statistics, name, y)
  let y = maxPool(nn.relu(norm('bn1', conv('conv1', x, 1, 1))))
  for (const { name, stride } of BLOCKS) {
    const inner = nn.relu(norm(`${name}.bn1`, conv(`${name}.conv1`, y.ref, stride, 1)))
    const sum = norm(`${name}.bn2`, conv(`${name}.conv2`, inner, 1, 1))
    const down = parameters[`${name}.downsample.0.weight`] !== undefined
    const beside = down ? norm(`${name}.downsample.1`, conv(`${name}.downsample.0`, y, stride, 0)) : y
    y = nn.relu(sum.add(beside))
  }
  return np.matmul(np.mean(y, [2, 3]), parameters['fc.weight'].transpose()).add(parameters['fc.bias'])
}

const NETWORKS = { mlp, resnet18 }

await obey((network, tensors) => {
  const array = ({ shape, data }) => np.array(data).reshape(shape)
  let parameters = {}
  let statistics = {}
  for (const [name, tensor] of tensors)
    if (name !== 'x' && name !== 'target')
      (/running_(mean|var)$/.test(name) ? statistics : parameters)[name] = array(tensor)
  let momenta = Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, np.zeros(shape)]))
  const images = array(tensors.get('x'))
  const x = network === 'mlp' ? images.reshape([images.shape[0], -1]) : images
  const labels = nn.oneHot(array(tensors.get('target')), 10)

  const lossOf = (weights, images, oneHot, before) => {
    const after = { ...before }
    const logits = NETWORKS[network](weights, images, after)
    return [
      nn
        .logSoftmax(logits, 1)
        .mul(oneHot)
        .sum()
        .mul(-1 / oneHot.shape[0]),
      after,
    ]
  }
  const update = jit((weights, buffers, images, oneHot, before) => {
    const [[loss, after], gradients] = valueAndGrad(lossOf, { hasAux: true })(tree.ref(weights), images, oneHot, before)
    const next = {}
    const nextBuffers = {}
    for (const name of Object.keys(weights)) {
      const gradient = gradients[name].add(weights[name].ref.mul(SGD.weightDecay))
      nextBuffers[name] = buffers[name].mul(SGD.momentum).add(gradient)
      next[name] = weights[name].sub(nextBuffers[name].ref.mul(SGD.lr))
    }
    return [loss, next, nextBuffers, after]
  })
  return async () => {
    const [loss, ...after] = update(parameters, momenta, x.ref, labels.ref, statistics)
    ;[parameters, momenta, statistics] = after
    const [number] = await loss.data()
    return number
  }
})
