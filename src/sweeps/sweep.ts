import type { z } from 'zod'
import type { configSchema } from '../runs/config-schema.js'

/** A run's configuration, or a part of one, as a file says it: without defaults. */
export type ConfigPart = Readonly<Record<string, unknown>>

/** A matrix of runs: one for each combination of the axes' values and of the seeds. */
export interface Sweep {
  /** What all runs share. */
  readonly base: ConfigPart
  /** By axis, then by the value's label: what the value puts over the base, deeply merged; lists are replaced, and objects of another `name`. */
  readonly axes: Readonly<Record<string, Readonly<Record<string, ConfigPart>>>>
  /** Becomes `seed` of the run. */
  readonly seeds: readonly number[]
  /** Combinations that are left out: those that agree with all labels of an entry. */
  readonly exclude?: readonly Readonly<Record<string, string | number>>[]
}

/** A run of a sweep. */
export interface SweepRun {
  /**
   * The first 16 hexadecimal digits of the SHA-256 of its configuration, with defaults, keys sorted, without what does not change the results
   * (threads, checkpoints, where data are kept). The name of its folder.
   */
  readonly id: string
  /** By axis, and `seed`. */
  readonly labels: Readonly<Record<string, string | number>>
  readonly config: z.input<typeof configSchema>
}
