/** What is used of jStat, which has no types of its own. */
declare module 'jstat' {
  export const jStat: {
    readonly studentt: {
      /** The quantile of Student's t distribution at probability `p`. */
      readonly inv: (p: number, degreesOfFreedom: number) => number
    }
    /** The regularised incomplete beta function I_x(a, b). */
    readonly ibeta: (x: number, a: number, b: number) => number
  }
}
