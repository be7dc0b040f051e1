import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { shellWord } from './slurm-commands.js'
import type { SlurmOptions } from './slurm-options.js'
import { jobFolder, recordFile, type SlurmRecord } from './slurm-record.js'

/** The flags of sbatch for a job. @param after the job that must be over before */
export function sbatchFlags(
  record: SlurmRecord,
  options: SlurmOptions,
  folder: string,
  { array, after }: { readonly array: boolean; readonly after?: string },
): string[] {
  const { partition, account, qos, constraint, time, memory, gpus, cpusPerTask, arrayLimit, signalSeconds } = options
  const limit = arrayLimit === undefined ? '' : `%${arrayLimit}`
  return [
    '--parsable',
    `--job-name=${record.name}`,
    ...(array ? [`--array=0-${record.tasks.length - 1}${limit}`] : []),
    `--output=${isPattern(folder) ? '/dev/null' : array ? '%a.log' : '0.log'}`,
    `--chdir=${folder}`,
    '--open-mode=append',
    '--requeue',
    `--signal=TERM@${signalSeconds}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${cpusPerTask}`,
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(account === undefined ? [] : [`--account=${account}`]),
    ...(qos === undefined ? [] : [`--qos=${qos}`]),
    ...(constraint === undefined ? [] : [`--constraint=${constraint}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(memory === undefined ? [] : [`--mem=${memory}`]),
    ...(gpus === undefined ? [] : [`--gres=gpu:${gpus}`]),
    ...(after === undefined ? [] : [`--dependency=afterany:${after}`]),
    ...options.extraFlags,
  ]
}

/** Would Slurm read something else into a folder's name where it opens the log? Then the script opens it itself, without Slurm's own last words. */
function isPattern(folder: string): boolean {
  return /[%\\]/.test(folder)
}

/** What a task writes when it begins, every time: what its log says of this time stands after the last of these lines. */
export const BEGINS = '== teleport: task'

/**
 * The batch script. The worker runs as a step of the job, since that is what Slurm sends the signal to that it gives before it takes a job's
 * nodes away; the script itself would see it when it is too late. It holds no memory beside the worker.
 * @param beside the folder in which the set-up lines run
 */
export function batchScript(
  record: SlurmRecord,
  options: SlurmOptions,
  flags: readonly string[],
  beside: string,
): string {
  const task = [...programOf('slurm-task-main'), recordFile(record)].map(shellWord).join(' ')
  const folder = jobFolder(record)
  const log = isPattern(folder) ? `\nexec >>${shellWord(`${folder}/`)}"$task.log" 2>&1` : ''
  return `#!/bin/bash
# A task of a sweep: it does its runs one after the other. Written by teleport, and submitted by
#   ${['sbatch', ...flags].map(shellWord).join(' ').replaceAll('\n', '\n#   ')}
task=\${SLURM_ARRAY_TASK_ID:-0}${log}
echo "${BEGINS} $task of job \${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} on $(hostname), $(date), begun again \${SLURM_RESTART_COUNT:-0} times"
cd ${shellWord(beside)} || exit 1
${options.setup.join('\n')}
# Slurm signals the step. What it sends here as well is passed on.
trap 'kill -TERM "$worker" 2>/dev/null' TERM
srun --ntasks=1 --cpus-per-task=${options.cpusPerTask} ${task} "$task" &
worker=$!
wait "$worker"; status=$?
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; status=$?; done
[ "$status" -eq 0 ] && exit 0
# Begin again, or give up?
exec ${task} "$task" "$status"
`
}

/** How Node starts a file that stands beside this one, from the sources as well as built, by absolute names. */
function programOf(name: string): string[] {
  const fromSource = import.meta.url.endsWith('.ts')
  const file = fileURLToPath(new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url))
  const loader = fromSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href] : []
  return [process.execPath, ...loader, file]
}
