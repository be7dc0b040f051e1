// What a task of a job runs: `slurm-task-main RECORD TASK` does its runs; `slurm-task-main RECORD TASK STATUS`, once that has ended with a status, puts
// the task back into the queue where that makes sense. A program of its own, so that a job needs nothing of the command line.
import { oneLine } from '../graph/text.js'
import { afterTask, requeue, STOPPED } from './slurm-after.js'
import { readRecord } from './slurm-record.js'

const [file = '', index = '0', status] = process.argv.slice(2)
const task = Number(index)
const say = (line: string): void => void process.stdout.write(`${oneLine(line)}\n`)

try {
  const record = readRecord(file)
  if (record === undefined) throw new Error(`${file} is not what a sweep has written about a job`)
  if (status === undefined) {
    const controller = new AbortController()
    // Not once: Slurm signals more than once, and a second signal without a listener would end the process at once.
    process.on('SIGTERM', () => controller.abort())
    // What decides over the queue needs no runtime, and little memory.
    const { doTask } = await import('./slurm-task.js')
    process.exitCode = await doTask(record, task, controller.signal, say)
  } else {
    if ((await afterTask(record, task, Number(status), say)) === 'requeue') await requeue(say)
    process.exitCode = Number(status)
  }
} catch (error) {
  process.stderr.write(`teleport: ${oneLine(error instanceof Error ? error.message : String(error))}\n`)
  process.exitCode = STOPPED
}
