import { parentPort, workerData } from 'node:worker_threads'
import { BatchMaker, type BatchPlan } from './batch-maker.js'
import type { Images } from './dataset.js'
import { type Prepared, prepare, type Request } from './prepare.js'

/** What a worker is started with. */
export interface WorkerTask {
  readonly images: Images
  readonly plan: BatchPlan
}

const { images, plan } = workerData as WorkerTask
const maker = new BatchMaker(images, plan)
parentPort?.on('message', (request: Request) => {
  const prepared: Prepared = prepare(maker, request)
  parentPort?.postMessage(prepared, [prepared.memory.pixels, prepared.memory.labels])
})
