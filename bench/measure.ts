import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** So that nobody's garbage is cleared away during somebody else's turn. */
export const collectGarbage = runInNewContext('gc') as () => void

export function milliseconds(act: () => unknown): number {
  const start = performance.now()
  act()
  return performance.now() - start
}

/**
 * The times of several acts in milliseconds, `rounds` for each: all of them take a turn in every round, so that a disturbance meets
 * them alike. A first round, in which everything is compiled, is not counted.
 */
export function inTurns(rounds: number, acts: readonly (() => number)[]): number[][] {
  const times = acts.map((): number[] => [])
  for (let round = -1; round < rounds; round++)
    acts.forEach((act, i) => {
      collectGarbage()
      const time = act()
      if (round >= 0) times[i]?.push(time)
    })
  return times
}
