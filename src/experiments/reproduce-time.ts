/** How long something still takes. */
export interface TimeLeft {
  readonly seconds: number
  /** Is there no cell among what is left of whose kind none was measured? */
  readonly measured: boolean
}

interface Measured {
  readonly key: string
  readonly seconds: number
}

/**
 * How long the cells of a figure still take. A cell takes as long as those that are most like it: whose keys, `network/data set/batch`,
 * agree with its own in most places. Its kind is the first place.
 */
export class CellTimes {
  readonly #measured: Measured[] = []

  add(key: string, seconds: number): void {
    this.#measured.push({ key, seconds })
  }

  /**
   * @param left keys of the cells that have not been begun
   * @param current the cell that is being computed: what it took so far, and how much of it is done, 0 to 1
   * @returns undefined while nothing was measured
   */
  left(
    left: readonly string[],
    current?: { readonly key: string; readonly seconds: number; readonly fraction: number },
  ): TimeLeft | undefined {
    // Of the first moments of a cell nothing can be said: it loads data and makes sessions ready.
    const telling = current !== undefined && current.fraction >= 0.01 && current.seconds > 0.5
    const known = telling
      ? [...this.#measured, { key: current.key, seconds: current.seconds / current.fraction }]
      : this.#measured
    if (known.length === 0)
      return left.length === 0 && current === undefined ? { seconds: 0, measured: true } : undefined
    let seconds = 0
    let measured = true
    for (const key of left) {
      const expected = expectedTime(key, known)
      seconds += expected.seconds
      measured &&= expected.measured
    }
    if (current !== undefined) {
      const expected = expectedTime(current.key, known)
      const whole = telling ? current.seconds / current.fraction : expected.seconds
      seconds += Math.max(0, whole - current.seconds)
      measured &&= expected.measured
    }
    return { seconds, measured }
  }
}

function expectedTime(key: string, known: readonly Measured[]): TimeLeft {
  const places = key.split('/')
  const likeness = known.map((cell) => cell.key.split('/').filter((place, i) => place === places[i]).length)
  const best = Math.max(...likeness)
  const alike = known.filter((_, i) => likeness[i] === best)
  const seconds = alike.reduce((sum, cell) => sum + cell.seconds, 0) / alike.length
  // Keys of one place are a series, whose members are alike.
  return { seconds, measured: places.length === 1 || alike.some((cell) => cell.key.split('/')[0] === places[0]) }
}
