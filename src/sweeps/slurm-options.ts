import { z } from 'zod'

const count = z.int().min(1)
/** What goes on a command line or into a file name of Slurm's: one line. */
const line = z.string().regex(/^[^\r\n\0]+$/, 'expected text on one line')

/** What Slurm takes for a time limit: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes (:seconds). */
const TIME = /^(\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2})$/
const MEMORY = /^\d+[KMGT]?$/i

/** Flags that are decided here: given twice, sbatch would take the last, and jobs be lost sight of. */
const OURS = [
  'array',
  'a',
  'job-name',
  'J',
  'output',
  'o',
  'error',
  'e',
  'open-mode',
  'parsable',
  'requeue',
  'no-requeue',
  'signal',
  'wait',
  'W',
  'wrap',
  'test-only',
  'ntasks',
  'n',
  'clusters',
  'M',
]

function isOurs(flag: string): boolean {
  const [, long, short] = /^(?:--([\w-]+)|-(\w))/.exec(flag) ?? []
  return OURS.includes(long ?? short ?? '')
}

/** The `slurm` section of a sweep's configuration: how its jobs are submitted. */
export const slurmSchema = z.strictObject({
  /** One, or several with commas between them; default: the cluster's. */
  partition: line.optional(),
  /** Whose account pays; default: the user's. */
  account: line.optional(),
  qos: line.optional(),
  /** Features that a node must have, such as `avx512`. */
  constraint: line.optional(),
  /** The limit of a task, as Slurm takes it (`8:00:00`, `1-12`), or a number of minutes; default: the partition's. */
  time: z
    .union([
      count,
      z
        .string()
        .regex(TIME, 'expected minutes, hours:minutes:seconds or days-hours:minutes:seconds, as Slurm takes it'),
    ])
    .optional(),
  /** Of a task, such as `8G`; a number is of megabytes; default: the cluster's. */
  memory: z
    .union([count, z.string().regex(MEMORY, 'expected a number with K, M, G or T after it, such as 8G')])
    .optional(),
  /** How many a task gets, or their kind and how many: `a100:1`; default: none. */
  gpus: z.union([count, line]).optional(),
  /** Default: 1. */
  cpusPerTask: count.default(1),
  /** How many tasks of an array run at once; default: as many as the cluster has room for. */
  arrayLimit: count.optional(),
  /** How many runs a task does one after the other. Several are for runs of minutes; default 1. */
  runsPerTask: count.default(1),
  /** How long before the time limit a task is told to write a checkpoint and to begin again. At least a step with its data must fit; default 120. */
  signalSeconds: count.max(65535).default(120),
  /** How often in a row a task may begin again without having come further, before its run has failed; default 3. */
  maxIdleRequeues: z.int().min(0).default(3),
  /** Lines of bash before the worker starts, such as `module load nodejs/20`. */
  setup: z.union([z.string().transform((text) => [text]), z.array(z.string())]).default([]),
  /** Further flags of sbatch, each as one text: `--exclude=node7`. */
  extraFlags: z
    .array(
      line
        .startsWith('-', 'expected a flag of sbatch, such as --exclude=node7')
        .refine((flag) => !isOurs(flag), { error: 'the sweep sets this flag itself' }),
    )
    .default([]),
})

/** How a sweep's jobs are submitted. */
export type SlurmOptions = z.infer<typeof slurmSchema>
