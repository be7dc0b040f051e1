import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/**
 * Before a turn that makes much garbage, so that nobody's is cleared away during somebody else's. The engine drops compiled functions
 * with it: what follows is about as slow as a first call.
 */
export const collectGarbage = runInNewContext('gc') as () => void

export function milliseconds(act: () => unknown): number {
  const start = performance.now()
  act()
  return performance.now() - start
}

/**
 * The times of several acts in milliseconds, `rounds` for each: all of them take a turn in every round, so that a disturbance meets
 * them alike. A first round, in which everything is compiled, is not counted. `prepare` comes before each turn.
 */
export function inTurns(
  rounds: number,
  acts: readonly (() => number)[],
  prepare: () => void = () => undefined,
): number[][] {
  const times = acts.map((): number[] => [])
  for (let round = -1; round < rounds; round++)
    acts.forEach((act, i) => {
      prepare()
      const time = act()
      if (round >= 0) times[i]?.push(time)
    })
  return times
}
