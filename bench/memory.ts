import type { Model, Tensor, TeleportedModel } from '../src/index.js'
import { library } from './library.js'
import { collectGarbage, inTurns, milliseconds } from './measure.js'
import { vgg16bn } from './networks.js'
import { type Benchmark, figureTable, type Section } from './report.js'
import { torchTimes } from './torch.js'

const { bytesOf, quiverOf, sampleCob, teleport } = library
const ROUNDS = 9

/** The tensors that were rewritten. Their bytes are computed when they are read. */
function changed(model: Model, moved: TeleportedModel): Tensor[] {
  return [...moved.graph.initializers.values()].filter((tensor) => model.graph.initializers.get(tensor.name) !== tensor)
}

function move(model: Model): TeleportedModel {
  const quiver = quiverOf(model)
  return teleport(model, quiver, sampleCob(quiver, { seed: 1 }))
}

/** Teleporting VGG-16-bn in memory beside copying its bytes. */
export const memory: Benchmark = {
  name: 'memory',
  run(): Section {
    const model = vgg16bn(10)
    const tensors = changed(model, move(model))
    const sources = tensors.map(({ name }) => {
      const bytes = bytesOf(model.graph.initializers.get(name) as Tensor)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    })
    const weights = sources.reduce((sum, source) => sum + source.length, 0) / 4
    // What is written stays until the end of the turn, as the tensors of a model do.
    const copyAll = (targets: readonly Buffer[]) => () =>
      milliseconds(() => sources.forEach((source, i) => source.copy(targets[i] as Buffer)))
    const warm = sources.map(({ length }) => Buffer.alloc(length, 1))
    const copyFresh = () => milliseconds(() => copyAll(sources.map(({ length }) => Buffer.allocUnsafeSlow(length)))())
    const teleportAll = () => {
      const kept: Uint8Array[] = []
      return milliseconds(() => {
        for (const tensor of changed(model, move(model))) kept.push(bytesOf(tensor))
      })
    }
    const lazy = () => milliseconds(() => move(model))
    const [copies = [], moves = [], calls = [], warmCopies = []] = inTurns(
      ROUNDS,
      [copyFresh, teleportAll, lazy, copyAll(warm)],
      collectGarbage,
    )
    const torch = torchTimes()
    return {
      title: 'Teleporting in memory',
      how: `All ${(weights / 1e6).toFixed(1)} million weights of VGG-16-bn (ten classes, float32). One round copies every tensor that changes with
\`Buffer.copy\` into new memory, then builds the quiver, draws a change of basis, teleports, and reads every byte of every changed tensor
into new memory; ${ROUNDS} rounds in one process, garbage collected before each
turn (after which the engine compiles anew, so that every turn is about as slow as a first call). The ratio is taken within each round. \`teleport()\` itself computes nothing until
tensors are read. The authors' code takes 2.7 s for this network (as given; it was not run here).${
        torch === undefined
          ? ''
          : ` PyTorch ${torch.version} multiplies
each weight by the factors of its rows and of its columns, which is what any implementation there has to do at least.`
      }`,
      tables: [
        figureTable([
          {
            what: '(quiver + sample + teleport + read all) ÷ `Buffer.copy`',
            values: moves.map((time, i) => time / (copies[i] as number)),
            unit: '×',
            demand: { limit: 2, text: '≤ 2 ×' },
          },
          { what: 'quiver + sample + teleport + read all', values: moves, unit: 'ms', digits: 0 },
          { what: '`Buffer.copy` into new memory', values: copies, unit: 'ms', digits: 0 },
          { what: '`Buffer.copy` into memory that is there', values: warmCopies, unit: 'ms', digits: 0 },
          { what: 'quiver + sample + teleport, nothing read', values: calls, unit: 'ms', digits: 1 },
          ...(torch === undefined
            ? []
            : [
                { what: 'PyTorch, the products alone', values: torch.scale, unit: 'ms', digits: 0 },
                { what: 'PyTorch, `clone`', values: torch.copy, unit: 'ms', digits: 0 },
              ]),
        ]),
      ],
    }
  },
}
