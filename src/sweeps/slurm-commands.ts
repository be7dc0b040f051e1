import { execFile } from 'node:child_process'
import { ModelError } from '../graph/model.js'
import { oneLine, quoted } from '../graph/text.js'
import { codeOf } from '../runtime/node/system-errors.js'

/** What a command of Slurm said. */
export interface SlurmAnswer {
  /** 0 where it did as it was told. */
  readonly status: number
  readonly stdout: string
  /** Its error messages in one line, without its name before them. */
  readonly message: string
}

/**
 * Asks Slurm.
 * @throws ModelError where there is no such command
 */
export function slurm(command: string, args: readonly string[]): Promise<SlurmAnswer> {
  return new Promise((resolve, reject) => {
    const options = { env: environment(), maxBuffer: 2 ** 28 }
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = codeOf(error)
      if (code === 'ENOENT') reject(noSlurm(command))
      else if (error !== null && typeof error.code !== 'number' && typeof error.signal !== 'string')
        reject(new ModelError(`${command} cannot be started: ${error.message}`))
      else
        resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, message: messageOf(command, stderr) })
    })
  })
}

function noSlurm(command: string): ModelError {
  return new ModelError(
    `there is no ${command} on the PATH: start the sweep on a node from which jobs are submitted to Slurm, or train on this machine with --executor local`,
  )
}

/**
 * Without what a job around this process says of itself (its tasks, its memory), which its own jobs would take for theirs, and without
 * what the user has set for the look of tables.
 */
function environment(): NodeJS.ProcessEnv {
  const kept = /^SLURM_(CONF|JWT|CLUSTERS)$/
  const dropped =
    /^(SLURM_|SQUEUE_|SACCT_|SCONTROL_|SBATCH_(ARRAY|JOB_NAME|OPEN_MODE|OUTPUT|ERROR|REQUEUE|NO_REQUEUE|SIGNAL|WAIT))/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name) || !dropped.test(name)))
}

function messageOf(command: string, stderr: string): string {
  return oneLine(
    stderr
      .replaceAll(new RegExp(`^${command}: (error: |fatal: )?`, 'gm'), '')
      .trim()
      .replaceAll(/\n+/g, '; '),
  )
}

/** What to do about what Slurm refuses. The first that fits. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /contact|socket timed out|timed out|connection refused/i,
    'its controller does not answer: try again later (`scontrol ping` says whether it does)',
  ],
  [
    /configuration source|SLURM_CONF|slurm\.conf/i,
    'this machine belongs to no cluster: start the sweep where jobs are submitted from, or use --executor local',
  ],
  [
    /submit limit|MaxSubmit|job count|violates accounting/i,
    'wait until some of your jobs have ended and start the sweep again, or let a task do more runs by slurm.runsPerTask',
  ],
  [/partition/i, "set slurm.partition to one of the cluster's, which `sinfo` lists"],
  [/account/i, 'set slurm.account to one of yours, which `sacctmgr show associations user=$USER` lists'],
  [/qos/i, 'set slurm.qos to one of yours'],
  [/time/i, 'set slurm.time to what the partition allows, which `sinfo` tells'],
  [/memory/i, "set slurm.memory to what a node has, which `sinfo -o '%P %m'` tells in megabytes"],
  [/gres|generic resource|gpu/i, "set slurm.gpus to what a node has, which `sinfo -o '%P %G'` tells"],
  [/feature|constraint/i, "set slurm.constraint to features that nodes have, which `sinfo -o '%P %f'` tells"],
  [
    /node configuration|cpu count|processors/i,
    "ask for less in the sweep's slurm section: `sinfo -o '%P %c %m %G'` tells what nodes have",
  ],
  [/unrecognized option|invalid option|unknown option/i, 'correct slurm.extraFlags: `sbatch --help` lists the flags'],
]

/** An error for what Slurm refused, with what to do about it. */
export function refused(command: string, { message, status }: SlurmAnswer): ModelError {
  const hint =
    HINTS.find(([pattern]) => pattern.test(message))?.[1] ?? "see docs/slurm.md for the sweep's slurm section"
  return new ModelError(`${command}: ${message === '' ? `exit status ${status}` : message}; ${hint}`)
}

/** How many tasks an array may have; 0 where there are no arrays. @throws ModelError where Slurm does not answer */
export async function maxArraySize(): Promise<number> {
  const answer = await slurm('scontrol', ['show', 'config'])
  if (answer.status !== 0) throw refused('scontrol show config', answer)
  const [, size] = /^MaxArraySize\s*=\s*(\d+)/m.exec(answer.stdout) ?? []
  // What Slurm sets itself where its administrator does not.
  return size === undefined ? 1001 : Number(size)
}

/** A word for a shell, whatever it holds. */
export function shellWord(text: string): string {
  if (text.includes('\0')) throw new ModelError(`${quoted(text)} cannot be passed to a shell: it holds a zero byte`)
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
