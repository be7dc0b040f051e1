import { describe, expect, it } from 'vitest'
import { modelBytes } from '../../src/onnx/write.js'
import { type Checkpoint, DivergedError, fit, type FitOptions, type StepProgress } from '../../src/train/fit.js'
import { adam } from '../../src/train/optimizer-adam.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { multiStep, reduceOnPlateau } from '../../src/train/schedule.js'
import { trainingStep } from '../../src/train/training-step.js'
import { fitOptions, open, reread, residual, RESIDUAL_SHAPE, sourceOf } from './batches.js'
import { mlp } from './networks.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** All but times. */
const untimed = <T extends { readonly seconds?: number }>({ seconds: _, ...rest }: T) => rest

describe('fit', () => {
  it('gives the means that one gets step by step, and learns', async () => {
    const options = fitOptions(mlp(), [6], { epochs: 4 })
    const steps: StepProgress[] = []
    const result = await fit({ ...options, onStep: (progress) => steps.push(progress) })
    const trainer = await open(trainingStep(mlp(), options.step))
    for (let epoch = 0; epoch < 4; epoch++) {
      let [loss, correct] = [0, 0]
      for await (const batch of options.training.epoch(epoch)) {
        const step = await trainer.run(batch)
        loss += step.loss
        correct += step.correct as number
      }
      let [validationLoss, validationCorrect] = [0, 0]
      for await (const batch of sourceOf([6], 8, 2, 'validation').epoch(0)) {
        const { lossSum, correct: right = 0 } = await trainer.evaluate(batch)
        validationLoss += lossSum
        validationCorrect += right
      }
      expect(untimed(result.epochs[epoch]!)).toEqual({
        epoch: epoch + 1,
        step: 6 * (epoch + 1),
        lr: 0.05,
        loss: loss / 6,
        accuracy: correct / 48,
        validationLoss: validationLoss / 16,
        validationAccuracy: validationCorrect / 16,
      })
    }
    expect(hex(modelBytes(result.model))).toBe(hex(modelBytes(trainer.model())))
    await trainer.release()
    expect(result.ended).toBe('finished')
    expect(result.epochs[3]!.loss).toBeLessThan(result.epochs[0]!.loss)
    expect(steps.map(({ epoch, batch }) => `${epoch}.${batch}`)).toEqual(
      [1, 2, 3, 4].flatMap((epoch) => [1, 2, 3, 4, 5, 6].map((batch) => `${epoch}.${batch}`)),
    )
    for (const { secondsLeft, stepSeconds } of steps) {
      expect(secondsLeft).toBeGreaterThanOrEqual(0)
      expect(stepSeconds).toBeGreaterThan(0)
    }
  })

  it('counts a last batch that is smaller in the validation by its examples', async () => {
    const whole = fitOptions(mlp(), [6], { epochs: 1 })
    const parts = {
      batchCount: 2,
      async *epoch() {
        for await (const { x, target } of sourceOf([6], 8, 1, 'validation').epoch(0)) {
          const [data, classes] = [(x as { data: Float32Array }).data, target.data as Int32Array]
          yield {
            x: { dtype: 'float32' as const, dims: [6, 6], data: data.slice(0, 36) },
            target: { ...target, dims: [6], data: classes.slice(0, 6) },
          }
          yield {
            x: { dtype: 'float32' as const, dims: [2, 6], data: data.slice(36) },
            target: { ...target, dims: [2], data: classes.slice(6) },
          }
        }
      },
    }
    const [a] = (await fit({ ...whole, validation: sourceOf([6], 8, 1, 'validation') })).epochs
    const [b] = (await fit({ ...whole, validation: parts })).epochs
    expect(b!.validationLoss).toBeCloseTo(a!.validationLoss!, 6)
    expect(b!.validationAccuracy).toBe(a!.validationAccuracy)
  })

  it('follows a schedule by epochs, and one by the validation loss', async () => {
    const stepped = await fit(
      fitOptions(mlp(), [6], { schedule: multiStep({ milestones: [1, 2], gamma: 0.5 }), epochs: 4 }),
    )
    expect(stepped.epochs.map(({ lr }) => lr)).toEqual([0.05, 0.025, 0.0125, 0.0125])

    // So large a threshold that no epoch is better than the first.
    const schedule = reduceOnPlateau({ patience: 1, factor: 0.5, threshold: 100, thresholdMode: 'abs' })
    const plateau = await fit(fitOptions(mlp(), [6], { schedule, epochs: 6 }))
    expect(plateau.epochs.map(({ lr }) => lr)).toEqual([0.05, 0.05, 0.05, 0.025, 0.025, 0.0125])
    // It watches the validation loss, where there is one, and not the training's.
    const seen: (number | undefined)[] = []
    const spy = {
      ...schedule,
      next: (...args: Parameters<typeof schedule.next>) => (seen.push(args[1]?.metric), schedule.next(...args)),
    }
    const { epochs } = await fit(fitOptions(mlp(), [6], { schedule: spy, epochs: 2 }))
    expect(seen).toEqual(epochs.map(({ validationLoss }) => validationLoss))
  })

  it("ends after an epoch if onEpoch says 'stop'", async () => {
    const checkpoints: Checkpoint[] = []
    const result = await fit(
      fitOptions(mlp(), [6], {
        onEpoch: ({ epoch }) => (epoch === 2 ? 'stop' : undefined),
        onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
      }),
    )
    expect(result).toMatchObject({ ended: 'stopped', epochs: [{ epoch: 1 }, { epoch: 2 }] })
    expect(checkpoints.map(({ epoch, batch }) => [epoch, batch])).toEqual([
      [1, 0],
      [2, 0],
    ])
  })

  it('stops with a clear message where the loss is not finite, and gives no checkpoint of it', async () => {
    const checkpoints: Checkpoint[] = []
    const wild = { loss: 'crossEntropy', optimizer: sgd({ lr: 1e39 }), batchSize: 8 } as const
    const error: unknown = await fit(
      fitOptions(mlp(), [6], { step: wild, onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint) }),
    ).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(DivergedError)
    expect((error as Error).message).toMatch(
      /^training diverged: the loss is (NaN|Infinity) \(epoch 1, step \d, learning rate 1e\+39\); use a smaller learning rate/,
    )
    expect(checkpoints).toEqual([])

    // The last step of an epoch may be the one too much: then it is the validation that tells.
    await expect(fit(fitOptions(mlp(), [6], { step: wild, training: sourceOf([6], 8, 1) }))).rejects.toThrow(
      /^training diverged: the validation loss is (NaN|Infinity) \(after epoch 1/,
    )
  })

  it.each([
    [{ epochs: 0 }, /^epochs is 0; expected a whole number of at least 1$/],
    [{ checkpointSteps: 0.5 }, /^checkpointSteps is 0.5/],
    [
      { teleportations: [{ epoch: 3, kind: 'random' }] },
      /^teleportation after epoch 3: training has 3 epochs; expected a whole number from 0 to 2$/,
    ],
    [{ training: sourceOf([6], 8, 0) }, /an epoch has no batch/],
    [{ validation: sourceOf([6], 8, 0) }, /^validation: the data set is empty$/],
  ] as const)('refuses %o', async (wrong, message) => {
    await expect(fit(fitOptions(mlp(), [6], wrong as Partial<FitOptions>))).rejects.toThrow(message)
  })
})

describe('a run that is interrupted', () => {
  const variants: Record<string, Partial<FitOptions>> = {
    'SGD with momentum': {},
    'Adam, clipped, with a schedule': {
      step: { loss: 'crossEntropy', optimizer: adam({ lr: 0.01 }), batchSize: 8, clipNorm: 1 },
      schedule: reduceOnPlateau({ patience: 0, factor: 0.5, threshold: 10 }),
    },
    'teleportations before and after': {
      step: { loss: 'crossEntropy', optimizer: adam({ lr: 0.01 }), batchSize: 8 },
      teleportations: [
        { epoch: 0, kind: 'random', sampling: 'inter', momentum: 'transport' },
        { epoch: 1, kind: 'random', momentum: 'transport', range: 0.5 },
        { epoch: 2, kind: 'random', scope: 'weights', momentum: 'transport' },
      ],
    },
  }
  // In the middle of an epoch, after its first step, after its last.
  const places = [3, 7, 12]

  it.each(Object.keys(variants))('goes on with the very same losses and weights: %s', async (name) => {
    const options = fitOptions(residual(), RESIDUAL_SHAPE, { ...variants[name], checkpointSteps: 4 })
    const undisturbed: number[] = []
    const whole = await fit({ ...options, onStep: ({ loss }) => undisturbed.push(loss) })
    expect(undisturbed).toHaveLength(18)

    for (const place of places) {
      const losses: number[] = []
      const epochs: unknown[] = []
      const checkpoints: Checkpoint[] = []
      const controller = new AbortController()
      const watched = {
        ...options,
        onEpoch: (metrics: { readonly seconds: number }) => void epochs.push(untimed(metrics)),
        onCheckpoint: (checkpoint: Checkpoint) => void checkpoints.push(reread(checkpoint)),
      }
      const first = await fit({
        ...watched,
        signal: controller.signal,
        onStep: ({ loss }) => {
          losses.push(loss)
          if (losses.length === place) controller.abort()
        },
      })
      expect(first.ended).toBe('interrupted')
      expect(losses).toHaveLength(place)
      const last = checkpoints.at(-1)!
      expect(last.trainer.steps).toBe(place)
      const second = await fit({ ...watched, resume: last, onStep: ({ loss }) => losses.push(loss) })
      expect(losses).toEqual(undisturbed)
      expect(epochs).toEqual(whole.epochs.map(untimed))
      expect(second.ended).toBe('finished')
      expect(hex(modelBytes(second.model))).toBe(hex(modelBytes(whole.model)))
    }
  })

  it('goes on from any checkpoint, also from those between epochs', async () => {
    const options = fitOptions(residual(), RESIDUAL_SHAPE, {
      ...variants['teleportations before and after'],
      checkpointSteps: 4,
    })
    const checkpoints: Checkpoint[] = []
    const losses: number[] = []
    const whole = await fit({
      ...options,
      onStep: ({ loss }) => losses.push(loss),
      onCheckpoint: (checkpoint) => void checkpoints.push(reread(checkpoint)),
    })
    expect(checkpoints.map(({ epoch, batch }) => `${epoch}.${batch}`)).toEqual([
      '0.4',
      '1.0',
      '1.2',
      '2.0',
      '2.4',
      '3.0',
    ])
    for (const resume of checkpoints) {
      const rest: number[] = []
      const again = await fit({ ...options, resume, onStep: ({ loss }) => rest.push(loss) })
      expect(rest).toEqual(losses.slice(resume.trainer.steps))
      expect(hex(modelBytes(again.model))).toBe(hex(modelBytes(whole.model)))
    }
  })

  it('in the validation is validated again when it goes on', async () => {
    const controller = new AbortController()
    const checkpoints: Checkpoint[] = []
    const validation = sourceOf([6], 8, 2, 'validation')
    const aborting = {
      batchCount: 2,
      async *epoch(epoch: number) {
        for await (const batch of validation.epoch(epoch)) {
          yield batch
          controller.abort()
        }
      },
    }
    const options = fitOptions(mlp(), [6], {
      epochs: 1,
      onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
    })
    expect(await fit({ ...options, validation: aborting, signal: controller.signal })).toMatchObject({
      ended: 'interrupted',
      epochs: [],
    })
    expect(checkpoints.map(({ epoch, batch }) => [epoch, batch])).toEqual([[0, 6]])
    const resumed = await fit({ ...options, resume: checkpoints[0]! })
    expect(resumed.epochs.map(untimed)).toEqual((await fit(options)).epochs.map(untimed))
  })

  it('before its first step does nothing', async () => {
    const checkpoints: Checkpoint[] = []
    const options = {
      signal: AbortSignal.abort(),
      onCheckpoint: (checkpoint: Checkpoint) => void checkpoints.push(checkpoint),
    }
    expect(await fit(fitOptions(mlp(), [6], options))).toMatchObject({ ended: 'interrupted', epochs: [] })
    expect(checkpoints).toEqual([])
  })
})
