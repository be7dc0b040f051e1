/** jstat ships no types; these are of what is used. */
declare module 'jstat' {
  const jStat: {
    readonly studentt: {
      /** @returns t with P(T ≤ t) = p for T with `dof` degrees of freedom */
      inv(p: number, dof: number): number
    }
    /** The regularised incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number
  }
  export default jStat
}
