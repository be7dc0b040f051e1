import { trainable } from '../../autodiff/parameters.js'
import { type Sampling, sampleCob } from '../../cob/sample.js'
import type { Model, Tensor } from '../../graph/model.js'
import { firstBatch } from '../../runs/sources.js'
import { movedGradients } from '../../teleport/gradients.js'
import { teleport } from '../../teleport/teleport.js'
import { trainingQuiver } from '../../teleport/training-quiver.js'
import type { Cell, CellContext } from '../figure.js'
import { networkNamed, networkOf } from '../networks.js'
import { deviation, squareSum, worstError } from './compare.js'
import { type Arrow, arrowsOf } from './expectation.js'
import { GradientGraphs } from './gradient-graph.js'
import type { Fig5Settings } from './settings.js'

/** One teleportation of one network. Norms are those of all weights together, as vectors; in the teleported network of the same ones. */
export interface Fig5Row extends Readonly<Record<string, string | number | null>> {
  readonly network: string
  readonly family: string
  readonly sampling: Sampling
  /** The CoB-range σ. */
  readonly range: number
  /** Of the teleportation. */
  readonly teleportation: number
  readonly loss: number
  readonly movedLoss: number
  readonly weightNorm: number
  readonly gradientNorm: number
  readonly movedWeightNorm: number
  /** Of the gradient at V, by differentiation there. */
  readonly movedGradientNorm: number
  /** Of Theorem 2's gradient, which is computed from the one at W and τ. */
  readonly predictedGradientNorm: number
  /** | ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ | */
  readonly normalizedDifference: number
  /** The same with Theorem 2's gradient. */
  readonly predictedDifference: number
  /** The same with the roots of the expectations of ‖∇V‖² and ‖V‖², which do not depend on the draw. */
  readonly expectedDifference: number
  /** ‖∇V‖² ÷ ‖∇W‖² over weights between hidden neurons, whose expectation is (1 + σ²/3) ÷ (1 − σ²). */
  readonly squaredGrowth: number
  /** max|∇V − Theorem 2's| ÷ max|Theorem 2's|, of the worst tensor; null where gradients were compared by their norms alone. */
  readonly theoremError: number | null
}

/** A network and a sampling each: its session and its gradient serve all σ and draws. */
export function cellsOf(settings: Fig5Settings): readonly Cell<Fig5Row>[] {
  return settings.networks.flatMap((network) =>
    settings.samplings.map((sampling) => ({
      key: `${network}/${sampling}`,
      run: (context: CellContext) => rowsOf(network, sampling, settings, context),
    })),
  )
}

const quiverOf = (model: Model) => trainingQuiver(model, 'full')

async function rowsOf(
  network: string,
  sampling: Sampling,
  { ranges, teleportations, comparedTeleportations, batchSize, seed }: Fig5Settings,
  { threads, signal, dataset, onProgress }: CellContext,
): Promise<readonly Fig5Row[]> {
  const batch = await firstBatch(await dataset('cifar10'), batchSize)
  const model = networkOf(network, { seed })
  const quiver = quiverOf(model)
  const weights = new Map(trainable(model, 'logits', {}).map((tensor) => [tensor.name, tensor]))
  const graphs = new GradientGraphs([...weights.keys()], threads)
  try {
    const here = await graphs.at(model, batch, true)
    // Its form is not needed again where scope `full` adds nodes, and the memory of a VGG's gradients is.
    await graphs.release()
    const squares = new Map([...weights].map(([name, tensor]) => [name, squareSum(tensor)]))
    const arrows = arrowsOf(quiver, weights)
    const hidden = [...weights.keys()].filter((name) => arrows.get(name)?.hidden === true)
    const [weightNorm, gradientNorm] = [norm(squares), norm(here.squares)]
    const rows: Fig5Row[] = []
    for (const range of ranges)
      for (let teleportation = 1; teleportation <= teleportations; teleportation++) {
        signal.throwIfAborted()
        const cob = sampleCob(quiver, { sampling, range, seed: teleportation })
        const moved = teleport(model, quiver, cob)
        const compared = teleportation <= comparedTeleportations
        const there = await graphs.at(moved, batch, compared)
        const predicted = movedGradients(model, here.gradients, quiverOf, cob)
        const movedWeightNorm = norm(mapped(weights, (name) => squareSum(weightOf(moved, name))))
        const movedGradientNorm = norm(there.squares)
        const predictedGradientNorm = norm(mapped(weights, (name) => squareSum(predicted.get(name) as Tensor)))
        const expected = [
          root(here.squares, arrows, -2, range) / root(squares, arrows, 2, range),
          gradientNorm / weightNorm,
        ] as const
        rows.push({
          network,
          family: networkNamed(network).family,
          sampling,
          range,
          teleportation,
          loss: here.loss,
          movedLoss: there.loss,
          weightNorm,
          gradientNorm,
          movedWeightNorm,
          movedGradientNorm,
          predictedGradientNorm,
          normalizedDifference: Math.abs(gradientNorm / weightNorm - movedGradientNorm / movedWeightNorm),
          predictedDifference: Math.abs(gradientNorm / weightNorm - predictedGradientNorm / movedWeightNorm),
          expectedDifference: Math.abs(expected[0] - expected[1]),
          squaredGrowth: sum(there.squares, hidden) / sum(here.squares, hidden),
          theoremError: compared
            ? worstError([...there.gradients].map(([name, found]) => deviation(found, predicted.get(name) as Tensor)))
            : null,
        })
        onProgress(rows.length / (ranges.length * teleportations))
      }
    return rows
  } finally {
    await graphs.release()
  }
}

function weightOf({ graph }: Model, name: string): Tensor {
  return graph.initializers.get(name) as Tensor
}

function mapped(weights: ReadonlyMap<string, Tensor>, of: (name: string) => number): Map<string, number> {
  return new Map([...weights.keys()].map((name) => [name, of(name)]))
}

function sum(squares: ReadonlyMap<string, number>, names: Iterable<string> = squares.keys()): number {
  let total = 0
  for (const name of names) total += squares.get(name) as number
  return total
}

function norm(squares: ReadonlyMap<string, number>): number {
  return Math.sqrt(sum(squares))
}

/** √E of a sum of squares after a teleportation. */
function root(
  squares: ReadonlyMap<string, number>,
  arrows: ReadonlyMap<string, Arrow>,
  power: 2 | -2,
  range: number,
): number {
  let total = 0
  for (const [name, square] of squares) total += square * (arrows.get(name)?.expected(power, range) ?? 1)
  return Math.sqrt(total)
}
