import { adam, adamw } from '../train/optimizer-adam.js'
import { sgd } from '../train/optimizer-sgd.js'
import type { Optimizer } from '../train/optimizer.js'
import { constant, cosine, multiStep, reduceOnPlateau, type Schedule, stepDecay } from '../train/schedule.js'
import type { TrainingStepOptions } from '../train/step.js'
import type { RunConfig } from './config-schema.js'

/** The training step that a configuration describes. */
export function stepOptions({ training }: RunConfig): TrainingStepOptions {
  const { loss, optimizer, batchSize, clipNorm, frozen, l2Penalty } = training
  return {
    loss: typeof loss === 'string' ? loss : { crossEntropy: loss },
    optimizer: optimizerOf(optimizer),
    batchSize,
    frozen,
    l2Penalty,
    ...(clipNorm !== undefined && { clipNorm }),
  }
}

function optimizerOf(settings: RunConfig['training']['optimizer']): Optimizer {
  switch (settings.name) {
    case 'sgd':
      return sgd(settings)
    case 'adam':
      return adam(settings)
    case 'adamw':
      return adamw(settings)
  }
}

/** The schedule of the learning rate that a configuration describes. */
export function scheduleOf({ training: { schedule, epochs } }: RunConfig): Schedule {
  switch (schedule.name) {
    case 'constant':
      return constant()
    case 'step':
      return stepDecay(schedule)
    case 'multiStep':
      return multiStep(schedule)
    case 'cosine':
      return cosine({ epochs: schedule.epochs ?? epochs, minimum: schedule.minimum })
    case 'reduceOnPlateau':
      return reduceOnPlateau(schedule)
  }
}
