import { DatasetCache } from './dataset-cache.js'
import type { FromWorker, ToWorker } from './local-messages.js'
import { OutOfMemoryError, SweepStoppedError, trainRun } from './train-run.js'

/** A process that trains one run after the other, as the process that started it says. It ends with that process. */
const datasets = new DatasetCache()
const controller = new AbortController()
/** Between two messages on how far it is, in milliseconds. */
const INTERVAL = 300
let shown = -Infinity
let training = false

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

function stop(): void {
  controller.abort()
  if (!training) process.exit()
}

async function train({ run, runsFolder, threads, heartbeat }: ToWorker & { readonly type: 'run' }): Promise<void> {
  training = true
  try {
    const outcome = await trainRun(run, runsFolder, {
      threads,
      heartbeat,
      dataset: datasets.load,
      signal: controller.signal,
      warn: (line) => tell({ type: 'warning', line: `run ${run.id}: ${line}` }),
      onStep: ({ epoch, batch, batches }) => {
        if (performance.now() - shown < INTERVAL) return
        shown = performance.now()
        tell({ type: 'progress', epochs: epoch - 1 + batch / batches })
      },
    })
    tell({ type: 'outcome', outcome })
  } catch (error) {
    if (error instanceof OutOfMemoryError) tell({ type: 'memory', reason: error.message })
    else if (error instanceof SweepStoppedError) tell({ type: 'stopped', reason: error.message })
    else throw error
    controller.abort()
  }
  training = false
  // What was told must arrive before this process ends.
  if (controller.signal.aborted) process.disconnect?.()
  else tell({ type: 'ready' })
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'stop') stop()
  else void train(message)
})
// The process that started this one is gone: nobody would see what is done from here on, but what was done is not lost.
process.on('disconnect', stop)
// Ctrl-C reaches all processes of a terminal; the one that started this one says what is to be done.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', stop)
tell({ type: 'ready' })
