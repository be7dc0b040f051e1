import fc from 'fast-check'
import { expect, test } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { trainingForm } from '../../src/autodiff/training-form.js'
import { upgraded } from '../../src/autodiff/upgrade.js'
import { isFloat } from '../../src/graph/dtype.js'
import { type Model, ModelError } from '../../src/graph/model.js'
import { Continuation } from '../../src/shapes/build.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { trainingStep } from '../../src/train/training-step.js'
import { fuzz } from '../onnx/fuzz.js'
import { generator } from '../onnx/mutate.js'
import { randomGraphs } from '../support/random-graph.js'
import { distorted } from '../support/distort.js'

/** NEURAL_TELEPORTATION_FUZZ sets how many mutations are tried, NEURAL_TELEPORTATION_FUZZ_SEED where they begin. */
const cases = Number(process.env['NEURAL_TELEPORTATION_FUZZ'] ?? 400)
const seed = Number(process.env['NEURAL_TELEPORTATION_FUZZ_SEED'] ?? 1)

let derived = 0

/** The sum of all outputs, differentiated by all float initializers, twice; a training step; both are refused in one line or done. */
function visit(model: Model): void {
  const refusals: unknown[] = []
  const attempt = (action: () => void) => {
    try {
      action()
      derived++
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      refusals.push(error)
    }
  }
  attempt(() => {
    const scalar = withSum(upgraded(model))
    const wrt = [...model.graph.initializers.values()].filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name)
    const once = gradients(scalar, { of: 'total', wrt: wrt.slice(0, 20) })
    const again = withSum(once.model, [...once.gradients.values()], 'slope')
    gradients(again, { of: 'slope', wrt: wrt.slice(0, 5) })
  })
  attempt(() => trainingForm(model))
  attempt(() => trainingStep(model, { loss: 'meanSquaredError', optimizer: sgd({ lr: 0.1 }), batchSize: 3 }))
  for (const refusal of refusals) problemIn(refusal as ModelError)
}

function problemIn({ message }: ModelError): void {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(message)) throw new Error(`not one line: ${JSON.stringify(message)}`)
  if (message.length >= 500) throw new Error(`${message.length} characters: ${message}`)
}

function withSum(model: Model, names = model.graph.outputs.map(({ name }) => name), name = 'total'): Model {
  const continuation = new Continuation(model, `${name}/`)
  const { builder } = continuation
  const terms = names
    .map((output) => continuation.value(output))
    .filter(({ dtype }) => isFloat(dtype))
    .map((value) => value.cast('float32').sum(undefined, false))
  if (terms.length === 0) throw new ModelError('no float outputs')
  builder.output(
    terms.reduce((sum, term) => sum.add(term)),
    name,
  )
  return continuation.finish()
}

test(
  `${cases} mutations of real files are differentiated, or refused in a line`,
  { timeout: 60_000 + 500 * cases },
  () => {
    derived = 0
    const before = process.memoryUsage().rss
    const { findings, read } = fuzz({ cases, seed, visit })
    expect(findings).toEqual([])
    expect(read).toBeGreaterThan(cases / 10)
    expect(derived).toBeGreaterThan(read / 4)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30)
  },
)

test(
  'random networks with impossible attributes, inputs and sizes are differentiated, or refused in a line',
  () => {
    derived = 0
    let slowest = 0
    const before = process.memoryUsage().rss
    const networks = fc.sample(randomGraphs({ dtype: 'float32' }), { numRuns: Math.ceil(cases / 4), seed })
    networks.forEach(({ model }, i) => {
      for (let k = 0; k < 4; k++) {
        const other = distorted(model, generator(seed + 4 * i + k))
        const start = performance.now()
        try {
          visit(other.model)
        } catch (error) {
          throw new Error(`${other.what} (network ${i}, ${k})`, { cause: error })
        }
        const time = performance.now() - start
        if (time > slowest) slowest = time
        expect(time, other.what).toBeLessThan(20_000)
      }
    })
    expect(derived).toBeGreaterThan(cases / 4)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30)
  },
  60_000 + 500 * cases,
)
