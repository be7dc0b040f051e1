/**
 * Draws docs/teleportation.svg: a small network before and after a real teleportation, and the function that both compute.
 *
 *     npx tsx scripts/picture.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { mlp } from '../src/models/mlp.js'
import { numbersOf } from '../src/graph/tensor.js'
import type { Model } from '../src/graph/model.js'
import { modelBytes } from '../src/onnx/write.js'
import { quiverOf } from '../src/quiver/quiver.js'
import { sampleCob } from '../src/cob/sample.js'
import { nodeRuntime } from '../src/runtime/node/session.js'
import { teleport } from '../src/teleport/teleport.js'

const SIZES = [1, 4, 3, 1]
const model = mlp({ inputShape: [1], hidden: SIZES.slice(1, -1), classes: 1, seed: 9 })
const quiver = quiverOf(model, { scope: 'weights' })
const cob = sampleCob(quiver, { sampling: 'intra', range: 0.9, seed: 3 })
const moved = teleport(model, quiver, cob)

/** Outputs on a grid of inputs. */
async function valuesOf(network: Model): Promise<number[]> {
  const session = await nodeRuntime.open({ bytes: modelBytes(network) })
  const data = Float32Array.from({ length: 121 }, (_, i) => (i - 60) / 15)
  const [output] = [
    ...(
      await session.run(new Map([[session.inputNames[0] ?? '', { dtype: 'float32', dims: [121, 1], data }]]))
    ).values(),
  ]
  await session.release()
  return [...(output?.data as Float32Array)]
}

/** Weight matrices [to, from] in order. */
function weightsOf(network: Model): number[][] {
  return [...network.graph.initializers.values()]
    .filter(({ dims }) => dims.length === 2)
    .map((tensor) => [...numbersOf(tensor)])
}

const taus: number[][] = quiver.vertices
  .filter(({ name }) => cob.factors.has(name))
  .map(({ name }) => [...(cob.factors.get(name) ?? [])])

const position = (layer: number, i: number): readonly [number, number] => [
  40 + 100 * layer,
  150 + 52 * (i - ((SIZES[layer] ?? 1) - 1) / 2),
]
function networkSvg(network: Model, labelled: boolean): string {
  const weights = weightsOf(network)
  const arrows = weights.flatMap((matrix, layer) =>
    matrix.map((weight, k) => {
      const from = SIZES[layer] ?? 1
      const [x1, y1] = position(layer, k % from)
      const [x2, y2] = position(layer + 1, Math.floor(k / from))
      const colour = weight > 0 ? '#0072b2' : '#d55e00'
      return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${Math.min(9, 0.4 + 3.2 * Math.abs(weight)).toFixed(2)}"${weight > 0 ? '' : ' stroke-dasharray="6 3"'}/>`
    }),
  )
  const neurons = SIZES.flatMap((size, layer) =>
    Array.from({ length: size }, (_, i) => {
      const [x, y] = position(layer, i)
      const tau = labelled ? taus[layer - 1]?.[i] : undefined
      const hidden = layer > 0 && layer < SIZES.length - 1
      const text =
        hidden && labelled && tau !== undefined
          ? `<text x="${x}" y="${y + 4}" text-anchor="middle">${tau.toFixed(2)}</text>`
          : ''
      return `<circle cx="${x}" cy="${y}" r="17" fill="#fff" stroke="#333" stroke-width="1.5"/>${text}`
    }),
  )
  return [...arrows, ...neurons].join('')
}

function curveSvg(values: readonly number[], colour: string, width: number, dash: string): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const points = values.map((y, i) => `${(i * 1.5).toFixed(1)},${(120 - (110 * (y - low)) / (high - low)).toFixed(2)}`)
  return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="${width}"${dash}/>`
}

const [before, after] = [await valuesOf(model), await valuesOf(moved)]
const difference = Math.max(...before.map((y, i) => Math.abs(y - (after[i] ?? 0))))
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 310" font-family="Source Sans 3, sans-serif" font-size="13">
<rect width="960" height="310" fill="#fff"/>
<g><text x="190" y="24" text-anchor="middle" font-size="16">a network</text>${networkSvg(model, false)}</g>
<g transform="translate(370 0)"><text x="190" y="24" text-anchor="middle" font-size="16">teleported: τ at each neuron</text>${networkSvg(moved, true)}</g>
<g transform="translate(760 85)"><text x="90" y="-61" text-anchor="middle" font-size="16">the function of both</text>
<path d="M0 0V125H182" fill="none" stroke="#888"/>${curveSvg(before, '#bbb', 7, '')}${curveSvg(after, '#000', 2, ' stroke-dasharray="5 4"')}
<text x="90" y="145" text-anchor="middle">input</text><text x="0" y="172">grey: before; dashed: after</text><text x="0" y="190">largest difference ${difference.toExponential(0)}</text></g>
<text x="480" y="300" text-anchor="middle" font-size="12">Widths are weights: blue above 0, orange and dashed below. An arrow is multiplied by the τ where it ends and divided by the τ where it starts; a bias is multiplied by its neuron’s τ.</text>
</svg>
`
writeFileSync(fileURLToPath(new URL('../docs/teleportation.svg', import.meta.url)), svg)
