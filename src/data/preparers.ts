import { Worker } from 'node:worker_threads'
import { ModelError } from '../graph/model.js'
import { BatchMaker } from './batch-maker.js'
import type { WorkerTask } from './batch-worker.js'
import { type Prepared, prepare, type Request } from './prepare.js'

/** Prepares batches, in the order in which they are requested. */
export interface Preparer {
  request(request: Request): void
  next(): Promise<Prepared>
  close(): Promise<void>
}

/** Prepares each batch when it is asked for. */
export class InThread implements Preparer {
  readonly #maker: BatchMaker
  readonly #requests: Request[] = []

  constructor({ images, plan }: WorkerTask) {
    this.#maker = new BatchMaker(images, plan)
  }

  request(request: Request): void {
    // As if it went to another thread: whoever keeps a batch too long finds nothing in it, rather than another batch.
    this.#requests.push(structuredClone(request, { transfer: [request.memory.pixels, request.memory.labels] }))
  }

  async next(): Promise<Prepared> {
    return Promise.resolve(prepare(this.#maker, this.#requests.shift() as Request))
  }

  async close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Prepares batches on a thread of its own, while this one computes. */
export class OnWorker implements Preparer {
  readonly #worker: Worker
  readonly #ready: Prepared[] = []
  #waiting: { readonly resolve: (prepared: Prepared) => void; readonly reject: (error: Error) => void } | undefined
  #failure: ModelError | undefined

  constructor(task: WorkerTask) {
    this.#worker = startWorker(task)
    // It keeps the process alive only while a batch is awaited.
    this.#worker.unref()
    this.#worker.on('message', (prepared: Prepared) => {
      this.#ready.push(prepared)
      this.#settle()
    })
    this.#worker.on('error', (error: unknown) => this.#fail(error instanceof Error ? error.message : String(error)))
    this.#worker.on('exit', (code) => this.#fail(`it ended with exit code ${code}`))
  }

  request(request: Request): void {
    this.#worker.postMessage(request, [request.memory.pixels, request.memory.labels])
  }

  async next(): Promise<Prepared> {
    this.#worker.ref()
    try {
      return await new Promise<Prepared>((resolve, reject) => {
        this.#waiting = { resolve, reject }
        this.#settle()
      })
    } finally {
      this.#worker.unref()
    }
  }

  async close(): Promise<void> {
    this.#failure ??= new ModelError('the batches have been closed')
    await this.#worker.terminate()
    this.#settle()
  }

  #fail(reason: string): void {
    this.#failure ??= new ModelError(`the thread that prepares batches failed: ${reason}`)
    this.#settle()
  }

  #settle(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const prepared = this.#failure === undefined ? this.#ready.shift() : undefined
    if (prepared === undefined && this.#failure === undefined) return
    this.#waiting = undefined
    if (prepared !== undefined) waiting.resolve(prepared)
    else waiting.reject(this.#failure as ModelError)
  }
}

function startWorker(workerData: WorkerTask): Worker {
  const file = import.meta.url.endsWith('.ts')
    ? new URL('./batch-worker-from-source.mjs', import.meta.url)
    : new URL('./batch-worker.js', import.meta.url)
  // Flags of this process are not passed on: some of them, such as --input-type, a worker refuses.
  return new Worker(file, { workerData, execArgv: [] })
}
