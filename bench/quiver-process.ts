/** Times `quiverOf` from the first call on: npx tsx bench/quiver-process.ts skeleton:NAME|large:NAME:NODES|FILE weights|full */
import type { Model } from '../src/index.js'
import { skeletonBytes } from '../test/support/skeleton.js'
import { library } from './library.js'
import { milliseconds } from './measure.js'
import { LARGE } from './networks.js'
import type { QuiverTimes } from './quiver.js'

const { loadModel, quiverOf, readModelBytes } = library

async function modelOf(network: string): Promise<Model> {
  const [kind, name = '', nodes] = network.split(':')
  if (kind === 'skeleton') return readModelBytes(skeletonBytes(name))
  const build = kind === 'large' ? LARGE[name] : undefined
  return build?.(Number(nodes)) ?? loadModel(network)
}

const [network = '', scope = 'weights'] = process.argv.slice(2)
const model = await modelOf(network)
const build = (): number => milliseconds(() => quiverOf(model, { scope: scope === 'full' ? 'full' : 'weights' }))
const times: QuiverTimes = {
  nodes: model.graph.nodes.length,
  first: build(),
  later: Array.from({ length: 5 }, build),
}
process.stdout.write(JSON.stringify(times))
