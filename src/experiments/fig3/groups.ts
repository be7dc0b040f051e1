import type { CosinesRow } from './rows.js'

const NAMES = { cifar10: 'CIFAR-10', cifar100: 'CIFAR-100', random: 'random data' } as const

/** `CIFAR-10, batch 8` */
export function cellLabel({ dataset, batchSize }: Pick<CosinesRow, 'dataset' | 'batchSize'>): string {
  return `${NAMES[dataset]}, batch ${batchSize}`
}

/** Rows by a text, in the order in which it was first seen. */
export function groupedBy<R>(rows: readonly R[], key: (row: R) => string): Map<string, R[]> {
  const groups = new Map<string, R[]>()
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row])
  return groups
}

export function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
}

/** The value below which a part of all lies; between two it is interpolated. NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = part * (sorted.length - 1)
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (at - Math.floor(at)) * (high - low)
}
