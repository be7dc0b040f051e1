import type { Value } from '../graph/value.js'
import type { Network } from './network.js'

/** How one axis is pooled to `size` averages: first elements are selected, then windows averaged, then one average repeated. */
interface AxisPlan {
  readonly select?: readonly number[]
  readonly kernel: number
  readonly stride: number
  readonly repeat: boolean
}

/** An axis that stays as it is. */
const WHOLE: AxisPlan = { kernel: 1, stride: 1, repeat: false }

/**
 * `torch.nn.AdaptiveAvgPool2d(size)` for images of known sizes: along an axis of n elements, average i runs from ⌊i·n/size⌋ to
 * ⌈(i+1)·n/size⌉. Where all windows are as long and as far from each other (size divides n, for one), that is an AveragePool. An axis
 * of one element is expanded. Else windows have at most two lengths, m and m+1, and the elements of each are repeated by a Gather until it has m·(m+1).
 */
export function adaptiveAveragePool(network: Network, path: string, x: Value, size: number): Value {
  const plans = [planOf(x.size(2), size), planOf(x.size(3), size)]
  const average = (name: string, y: Value, windows: readonly AxisPlan[]) =>
    windows.every(({ kernel, stride }) => kernel === 1 && stride === 1)
      ? y
      : network.op(`${path}.${name}`, 'AveragePool', [y], {
          kernel_shape: windows.map(({ kernel }) => kernel),
          strides: windows.map(({ stride }) => stride),
        })
  let y = x
  if (plans.every(({ select }) => select === undefined)) y = average('average', y, plans)
  else
    plans.forEach((plan, i) => {
      // One axis after the other, since what is selected of both would be large.
      const { select } = plan
      const selected =
        select === undefined
          ? y
          : network.op(`${path}.select${i}`, 'Gather', [y, network.ints(select)], { axis: 2 + i })
      y = average(`average${i}`, selected, i === 0 ? [plan, WHOLE] : [WHOLE, plan])
    })
  if (plans.some(({ repeat }) => repeat))
    y = network.op(`${path}.expand`, 'Expand', [
      y,
      network.ints([1, 1, ...plans.map((plan) => (plan.repeat ? size : 1))]),
    ])
  return y
}

function planOf(count: number, size: number): AxisPlan {
  if (count === 1) return { kernel: 1, stride: 1, repeat: size > 1 }
  const windows = Array.from({ length: size }, (_, i) => {
    const start = Math.floor((i * count) / size)
    return { start, length: Math.ceil(((i + 1) * count) / size) - start }
  })
  const [first, second] = windows as [(typeof windows)[0], (typeof windows)[0] | undefined]
  const stride = second === undefined ? 1 : second.start - first.start
  const kernel = first.length
  if (stride > 0 && windows.every(({ start, length }, i) => start === i * stride && length === kernel))
    return { kernel, stride, repeat: false }
  const lengths = [...new Set(windows.map(({ length }) => length))]
  const common = lengths.reduce((product, length) => product * length, 1)
  const select = windows.flatMap(({ start, length }) =>
    Array.from({ length: common }, (_, k) => start + Math.floor((k * length) / common)),
  )
  return { select, kernel: common, stride: common, repeat: false }
}
