/** Round numbers (1, 2 or 5 times a power of ten apart) within a range, about `count` of them. */
export function linearTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low]
  const ticks = ticksOf(low, high, count)
  // One tick is no measure.
  return ticks.length >= 2 || count > 8 ? ticks : linearTicks(low, high, count + 1)
}

function ticksOf(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((step) => step * power >= rough * 0.999) as number
  const step = factor * power
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  // Divided rather than multiplied, 0.3 is 0.3.
  const inverse = Math.round(1 / step)
  return Array.from({ length: last - first + 1 }, (_, i) => (step < 1 ? (first + i) / inverse : (first + i) * step))
}

/** Powers of ten within a range, with 2 and 5 times them where there are few, about `count` of them. */
export function logTicks(low: number, high: number, count: number): number[] {
  const [from, to] = [Math.log10(low) - 1e-9, Math.log10(high) + 1e-9]
  const decades = Math.floor(to) - Math.ceil(from) + 1
  const every = Math.max(1, Math.ceil(decades / Math.max(1, count)))
  const within = (factors: readonly number[]): number[] =>
    Array.from({ length: Math.floor(to) - Math.floor(from) + 1 }, (_, i) => Math.floor(from) + i)
      .filter((power) => power % every === 0)
      .flatMap((power) => factors.map((factor) => (power < 0 ? factor / 10 ** -power : factor * 10 ** power)))
      .filter((value) => Math.log10(value) >= from && Math.log10(value) <= to)
  if (decades >= 3) return within([1])
  const few = [[1], [1, 3]].map(within).find((ticks) => ticks.length >= Math.min(3, count))
  const enough = few ?? within([1, 2, 5])
  return enough.length >= 2 ? enough : linearTicks(low, high, count)
}

/** Texts of an axis' ticks, alike in form: `0.25`, `10,000`, `2×10⁻⁶`. */
export function tickTexts(values: readonly number[], type: 'linear' | 'log'): string[] {
  const sizes = values.filter((value) => value !== 0).map((value) => Math.log10(Math.abs(value)))
  const [smallest, largest] = [Math.min(0, ...sizes), Math.max(0, ...sizes)]
  if (type === 'log') return values.map(smallest < -4 + 1e-9 || largest > 5 ? scientific : plain)
  if (values.length === 1) return values.map(smallest < -4 || largest >= 6 ? scientific : plain)
  const gaps = values.slice(1).map((value, i) => Math.abs(value - (values[i] as number)))
  const gap = Math.min(...gaps)
  if (gap > 0 && (gap < 1e-4 || largest >= 6)) return values.map(scientific)
  const decimals = gap > 0 ? Math.max(0, -Math.floor(Math.log10(gap) + 1e-9)) : 0
  return values.map((value) => grouped(value.toFixed(decimals)))
}

function plain(value: number): string {
  return grouped(String(Number(value.toPrecision(6))))
}

function scientific(value: number): string {
  if (value === 0) return '0'
  const [mantissa, power] = Number(value.toPrecision(4)).toExponential().split('e') as [string, string]
  const ten = `10${superscript(Number(power))}`
  if (power === '+0') return minus(mantissa)
  if (mantissa === '1') return ten
  return `${mantissa === '-1' ? '−' : `${minus(mantissa)}×`}${ten}`
}

function superscript(power: number): string {
  return [...String(power)].map((character) => (character === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(character)])).join('')
}

function grouped(text: string): string {
  const [whole = '', rest] = text.split('.')
  const marked = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole
  return minus(rest === undefined ? marked : `${marked}.${rest}`)
}

function minus(text: string): string {
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text.replace('-', '−')
}
