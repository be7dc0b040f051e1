/** How far a longer piece of work has come. */
export interface Progress {
  /** What is being done: 'downloading cifar-10-binary.tar.gz'. */
  readonly what: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'images'
  /** At the mean speed so far; null while nothing can be said. */
  readonly secondsLeft: number | null
}

export type OnProgress = (progress: Progress) => void

/** Tells `onProgress` at most ten times a second how much of `total` is done. */
export function meter(
  what: string,
  unit: Progress['unit'],
  total: number,
  onProgress: OnProgress | undefined,
): (done: number) => void {
  const started = performance.now()
  let told = -Infinity
  return (done) => {
    const now = performance.now()
    if (onProgress === undefined || now - told < 100) return
    told = now
    const secondsLeft = done > 0 ? (((now - started) / 1000) * Math.max(0, total - done)) / done : null
    onProgress({ what, done, total, unit, secondsLeft })
  }
}
