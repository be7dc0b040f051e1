/** Times `quiverOf` from the first call on: npx tsx bench/quiver-process.ts skeleton:NAME|large:NAME:NODES|FILE weights|full */
import type { Model } from '../src/graph/model.js'
import { readModel } from '../src/onnx/read.js'
import { quiverOf } from '../src/quiver/quiver.js'
import { nodeFiles } from '../src/runtime/node/files.js'
import { loadSkeleton } from '../test/support/skeleton.js'
import { milliseconds } from './measure.js'
import { LARGE } from './networks.js'
import type { QuiverTimes } from './quiver.js'

function modelOf(network: string): Model {
  const [kind, name = '', nodes] = network.split(':')
  if (kind === 'skeleton') return loadSkeleton(name)
  const build = kind === 'large' ? LARGE[name] : undefined
  return build?.(Number(nodes)) ?? readModel(nodeFiles, network)
}

const [network = '', scope = 'weights'] = process.argv.slice(2)
const model = modelOf(network)
const build = (): number => milliseconds(() => quiverOf(model, { scope: scope === 'full' ? 'full' : 'weights' }))
const times: QuiverTimes = {
  nodes: model.graph.nodes.length,
  first: build(),
  later: Array.from({ length: 5 }, build),
}
process.stdout.write(JSON.stringify(times))
