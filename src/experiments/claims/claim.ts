export type Verdict = 'holds' | 'does not hold' | 'undecided at this scale'

/** A statement of the paper, tested. */
export interface Claim {
  /** Unique, stable: `fig6/mlp/sgd 0.01`. */
  readonly id: string
  readonly figure: string
  /** The statement, in a sentence. */
  readonly claim: string
  /** Of the paper. */
  readonly section: string
  /** What was measured, with its unit: `validation accuracy with − without teleportation, mean over the epochs (percentage points)`. */
  readonly statistic: string
  /** The test by its name: `paired t, two-sided`; `maximum of all`. */
  readonly test: string
  /** The claim holds if the statistic lies on this side of the threshold. */
  readonly side: 'above' | 'below' | 'within'
  /** For `within`: the statistic lies within ± threshold of `expected`. */
  readonly threshold: number
  readonly expected?: number
  /** Mean over the samples; of what must hold for every one, the worst of them. Null without any. */
  readonly value: number | null
  /** 95 % confidence interval of the mean; null with fewer than two samples, and where no mean is tested. */
  readonly interval: readonly [number, number] | null
  /** The least and the greatest sample; null without any. */
  readonly range: readonly [number, number] | null
  /**
   * The least α for which the (1 − α) interval would still decide, for or against: below 0.05 where the verdict is not undecided. For a
   * threshold it is the two-sided p-value of the t test. Null where no mean is tested.
   */
  readonly p: number | null
  /** Samples: seeds, pairs of seeds, or draws, as `unit` says. */
  readonly n: number
  readonly unit: string
  readonly verdict: Verdict
  /** What a reader must know of this verdict. */
  readonly note?: string
}
