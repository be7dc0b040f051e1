import type { SlurmQueue } from '../sweeps/slurm.js'

/** `Slurm: 3 tasks running, 20 waiting (Resources, Priority)`. */
export function queueText({ running, waiting, reasons }: SlurmQueue): string {
  const why = waiting > 0 && reasons.length > 0 ? ` (${reasons.join(', ')})` : ''
  return `Slurm: ${running} ${running === 1 ? 'task' : 'tasks'} running, ${waiting} waiting${why}`
}
