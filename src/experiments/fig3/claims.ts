import type { Claim } from '../claims/claim.js'
import { claimOf, maximumClaim, trendClaim } from '../claims/claim-of.js'
import { cellLabel, groupedBy, rootMeanSquare } from './groups.js'
import { type CosinesRow, cosinesOf, type Fig3Row, MICRO_GRADIENT, skippedText } from './rows.js'
import type { Fig3Settings } from './settings.js'

const SECTION = 'figure 3'
/** Perpendicular: this part of what chance gives, or less; not perpendicular: more. Two random directions have 0.8 on average. */
const PART_OF_CHANCE = 0.1
/** Float32: the largest sums of 10⁷ products come out to about this part. */
const ROUNDING = 1e-5

export function claimsOf(rows: readonly Fig3Row[], settings: Fig3Settings): Claim[] {
  const gradients = cosinesOf(rows).filter(({ pair }) => pair === MICRO_GRADIENT)
  const [micro = 0.001] = settings.ranges
  const skipped = skippedText(rows).trim()
  const largest = Math.max(0, ...settings.weightDecays)
  const intra = gradients.filter(({ scope, sampling }) => scope === 'full' && sampling === 'intra')
  const alone = intra.filter(({ weightDecay }) => weightDecay === 0)
  const at = (range: number, found: readonly CosinesRow[]) => found.filter((row) => row.range === range)
  const arrows = alone.filter(({ coordinates }) => coordinates === 'all arrows')
  const penalised = intra.filter(
    ({ coordinates, weightDecay }) => coordinates === 'all arrows' && weightDecay === largest,
  )
  return [
    ...settings.networks.map((network) =>
      perpendicular(network, 'all arrows', at(micro, ofNetwork(arrows, network)), skipped),
    ),
    ...settings.networks.map((network) => {
      const trained = alone.filter(({ coordinates }) => coordinates === 'trained weights')
      return perpendicular(network, 'trained weights', at(micro, ofNetwork(trained, network)), skipped)
    }),
    firstOrder(arrows),
    euler(rows),
    penaltyStays(penalised, largest),
    ...settings.networks.map((network) =>
      penalty(network, largest, at(micro, ofNetwork(penalised, network)), at(micro, ofNetwork(arrows, network))),
    ),
    largeMove(gradients.filter(({ sampling, weightDecay }) => sampling === 'inter' && weightDecay === 0)),
  ]
}

function ofNetwork(rows: readonly CosinesRow[], network: string): CosinesRow[] {
  return rows.filter((row) => row.network === network)
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
const short = (x: number): string => Number(x.toPrecision(2)).toString()

/** |cos| ÷ the smaller of the deviations by chance: of random directions, and of the step with random signs. */
function partsOfChance({ cosines, signWidths, dimension }: CosinesRow): number[] {
  const direction = 1 / Math.sqrt(dimension)
  return cosines.map((cosine, i) => Math.abs(cosine) / Math.min(direction, signWidths?.[i] ?? direction))
}

/** The cell in which the claim is worst off stands for all of them. */
function perpendicular(
  network: string,
  coordinates: CosinesRow['coordinates'],
  rows: readonly CosinesRow[],
  skipped: string,
): Claim {
  const cells = rows
    .map((row) => ({ label: cellLabel(row), samples: partsOfChance(row), rms: rootMeanSquare(row.cosines) }))
    .sort((a, b) => mean(b.samples) - mean(a.samples))
  const list = cells.map(({ label, samples, rms }) => `${label}: ${short(mean(samples))} (cosine ${short(rms)})`)
  const all = coordinates === 'all arrows'
  return claimOf({
    id: `fig3/${all ? 'perpendicular' : 'trained weights alone'}/${network}`,
    figure: 'fig3',
    claim: `A micro-teleportation of ${network} is perpendicular to the gradient, for every data set and batch size${all ? '' : ', counting trained weights alone'}`,
    section: SECTION,
    statistic: `|cos(V − W, ∇L)| ÷ its deviation by chance (the smaller of 1/√n and that of steps with random signs), ${all ? 'over all arrows of the quiver' : 'over the trained weights'}, in the cell where it is largest`,
    side: 'below',
    threshold: PART_OF_CHANCE,
    samples: cells[0]?.samples ?? [],
    unit: 'draw',
    note: [`draws for one initialisation; ${list.join('; ')}`, skipped].filter((part) => part !== '').join('. '),
  })
}

function firstOrder(rows: readonly CosinesRow[]): Claim {
  return vanishing(rows, {
    id: 'fig3/first order',
    claim: 'The cosine vanishes with σ: the step is perpendicular to first order',
    side: 'within',
    expected: 1,
    threshold: 0.1,
  })
}

/** However small a penalty's part is beside chance, it stays where σ goes to 0. */
function penaltyStays(rows: readonly CosinesRow[], weightDecay: number): Claim {
  return vanishing(rows, {
    id: 'fig3/first order, weight decay',
    claim: `With a penalty on the weights (½·λ·Σ w², λ = ${weightDecay}) the cosine does not vanish with σ: to first order the step is not perpendicular`,
    side: 'below',
    // Half of what it is where the cosine vanishes in proportion.
    threshold: 0.5,
  })
}

function vanishing(
  rows: readonly CosinesRow[],
  saying: Pick<Claim, 'id' | 'claim' | 'side' | 'threshold' | 'expected'>,
): Claim {
  return trendClaim({
    ...saying,
    figure: 'fig3',
    section: SECTION,
    statistic: 'slope of log |cos| (root mean square over the draws, mean over data sets and batch sizes) by log σ',
    series: byNetwork(rows).map((ofNetwork) => {
      const ofRanges = [...groupedBy(ofNetwork, ({ range }) => String(range)).values()]
      return {
        x: ofRanges.map(([first]) => Math.log10(first?.range ?? NaN)),
        y: ofRanges.map((found) => mean(found.map(({ cosines }) => Math.log10(rootMeanSquare(cosines))))),
      }
    }),
    measure: 'slope',
    unit: 'network',
  })
}

function euler(rows: readonly Fig3Row[]): Claim {
  const found = rows.flatMap((row) => (row.kind === 'euler' ? [row] : []))
  return maximumClaim({
    id: 'fig3/euler',
    figure: 'fig3',
    claim: 'At every neuron Σ w·∂L/∂w over the arrows that come in (and the bias) equals that over those that go out',
    section: SECTION,
    statistic: 'largest difference of the two sums ÷ largest Σ |w·∂L/∂w| of a neuron',
    side: 'below',
    threshold: ROUNDING,
    samples: found.map(({ largestDifference, largestSum }) => largestDifference / largestSum),
    unit: 'network, data set and batch size',
    note: `${found.reduce((sum, { neurons }) => sum + neurons, 0).toLocaleString('en')} identities`,
  })
}

/** What must not be perpendicular, by the measure that says what is; the cell in which the claim is worst off stands for all of them. */
function penalty(
  network: string,
  weightDecay: number,
  penalised: readonly CosinesRow[],
  alone: readonly CosinesRow[],
): Claim {
  const cells = penalised
    .map((row) => {
      const without = alone.find((each) => cellLabel(each) === cellLabel(row))
      const times = without === undefined ? NaN : rootMeanSquare(row.cosines) / rootMeanSquare(without.cosines)
      return { label: cellLabel(row), samples: partsOfChance(row), times }
    })
    .sort((a, b) => mean(a.samples) - mean(b.samples))
  const list = cells.map(({ label, samples, times }) => `${label}: ${short(mean(samples))} (${short(times)} times)`)
  return claimOf({
    id: `fig3/weight decay/${network}`,
    figure: 'fig3',
    claim: `With a penalty on the weights in the loss, a micro-teleportation of ${network} is no longer perpendicular to its gradient`,
    section: SECTION,
    statistic: `|cos| with the penalty ½·λ·Σ w², λ = ${weightDecay}, ÷ its deviation by chance (1/√n), in the cell where it is smallest`,
    side: 'above',
    threshold: PART_OF_CHANCE,
    samples: cells[0]?.samples ?? [],
    unit: 'draw',
    note: `draws for one initialisation; in brackets |cos| ÷ that without the penalty: ${list.join('; ')}`,
  })
}

function largeMove(inter: readonly CosinesRow[]): Claim {
  return claimOf({
    id: 'fig3/inter',
    figure: 'fig3',
    claim:
      'A teleportation that changes signs is no micro-teleportation: its step is not perpendicular to the gradient',
    section: SECTION,
    statistic:
      'log₁₀ of |cos| with inter ÷ its deviation by chance, over the trained weights (mean over draws, data sets and batch sizes)',
    side: 'above',
    threshold: Math.log10(PART_OF_CHANCE),
    samples: byNetwork(inter).map((rows) => mean(rows.map((row) => Math.log10(mean(partsOfChance(row)))))),
    unit: 'network',
  })
}

/** Data sets and batch sizes share a network's weights and changes of basis: they are no samples of their own. */
function byNetwork(rows: readonly CosinesRow[]): CosinesRow[][] {
  return [...groupedBy(rows, ({ network }) => network).values()]
}
