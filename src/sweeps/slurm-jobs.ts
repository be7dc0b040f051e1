import { ModelError } from '../graph/model.js'
import { refused, slurm } from './slurm-commands.js'
import type { SlurmRecord } from './slurm-record.js'

/** A task of a job, as Slurm sees it. */
export interface SlurmTask {
  /** PENDING, RUNNING, OUT_OF_MEMORY … */
  readonly state: string
  /** Why it is pending, or how it ended; '' or None where Slurm says nothing. */
  readonly reason: string
  /** Of the job, or of the array. */
  readonly job: string
}

/** A job in one of these states is over, and does not come back by itself. */
const OVER = new Set([
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'REVOKED',
  'TIMEOUT',
])

export function isOver({ state }: SlurmTask): boolean {
  return OVER.has(state)
}

/** What Slurm knows of the tasks of jobs: those that are waiting or running, and of the others those that it remembers. */
export class SlurmTasks {
  readonly #tasks: ReadonlyMap<string, SlurmTask>

  private constructor(tasks: ReadonlyMap<string, SlurmTask>) {
    this.#tasks = tasks
  }

  /**
   * Asks `squeue`, and `sacct` for what that has forgotten; many clusters have none.
   * @throws SlurmSilentError where it does not answer
   */
  static async of(records: readonly SlurmRecord[]): Promise<SlurmTasks> {
    const open = records.filter(({ tasks, over }) => over.length < tasks.length)
    if (open.length === 0) return new SlurmTasks(new Map())
    const tasks = await fromQueue(open)
    for (const record of open) {
      const missing = record.tasks.some((_, i) => !record.over.includes(i) && !tasks.has(`${record.name}/${i}`))
      if (missing && record.job !== undefined)
        for (const [key, task] of await fromAccounting(record.name, record.job))
          if (!tasks.has(key)) tasks.set(key, task)
    }
    return new SlurmTasks(tasks)
  }

  /** Undefined where Slurm knows nothing of it any more, or never did. */
  get({ name }: SlurmRecord, task: number): SlurmTask | undefined {
    return this.#tasks.get(`${name}/${task}`)
  }

  /** Tasks that are waiting, running, or about to begin again. */
  active(record: SlurmRecord): number[] {
    return [...record.tasks.keys()].filter((i) => {
      const task = record.over.includes(i) ? undefined : this.get(record, i)
      return task !== undefined && !isOver(task)
    })
  }

  /** The number of a job, if Slurm knows of it. */
  jobOf(record: SlurmRecord): string | undefined {
    return [...record.tasks.keys()].map((i) => this.get(record, i)?.job).find((job) => job !== undefined)
  }
}

/** Slurm does not answer. It may later. */
export class SlurmSilentError extends ModelError {
  override name = 'SlurmSilentError'
}

async function fromQueue(records: readonly SlurmRecord[]): Promise<Map<string, SlurmTask>> {
  const names = records.map(({ name }) => name).join(',')
  const answer = await slurm('squeue', [
    '--noheader',
    '--array',
    '--states=all',
    `--name=${names}`,
    '--format=%F|%K|%T|%j|%r',
  ])
  if (answer.status !== 0) throw new SlurmSilentError(refused('squeue', answer).message)
  const tasks = new Map<string, SlurmTask>()
  for (const line of answer.stdout.split('\n')) {
    const [job = '', index = '', state = '', name = '', reason = ''] = line.trim().split('|')
    if (name !== '') tasks.set(`${name}/${indexOf(index)}`, { state, reason, job })
  }
  return tasks
}

/** Empty where the cluster keeps no accounts. */
async function fromAccounting(name: string, job: string): Promise<Map<string, SlurmTask>> {
  const tasks = new Map<string, SlurmTask>()
  try {
    const format = '--format=JobID,State,JobName'
    const answer = await slurm('sacct', [
      '--noheader',
      '--parsable2',
      '--allocations',
      '--array',
      `--jobs=${job}`,
      format,
    ])
    for (const line of answer.status === 0 ? answer.stdout.split('\n') : []) {
      const [id = '', state = '', jobName = ''] = line.trim().split('|')
      const [, base = '', index = ''] = /^(\d+)(?:_(\d+))?$/.exec(id) ?? []
      // Numbers are given again when a cluster is set up anew. CANCELLED by 1000
      if (base === job && jobName === name)
        tasks.set(`${name}/${indexOf(index)}`, { state: state.split(' ')[0] as string, reason: '', job })
    }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
  }
  return tasks
}

/** A job that is no array is its own first task. */
function indexOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : 0
}
