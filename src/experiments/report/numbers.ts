import type { Claim } from '../claims/claim.js'

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A number with so many significant digits: `0.0123`, `−4.5`, `3.4 × 10⁻⁷`; `not known` for null. */
export function numberText(value: number | null, digits = 3): string {
  if (value === null || Number.isNaN(value)) return 'not known'
  if (value === Infinity) return '∞'
  if (value === -Infinity) return '−∞'
  if (value === 0) return '0'
  const [mantissa = '', exponent = '0'] = value.toExponential(digits - 1).split('e')
  const power = Number(exponent)
  return power < -3 || power > 5
    ? withMinus(`${mantissa} × 10${superscript(power)}`)
    : withMinus(value.toFixed(Math.max(0, digits - 1 - power)))
}

/** A mean and its interval, both with the digits that the interval lets one trust: `1.24` and `[1.02, 1.46]`. */
export function estimateText(
  value: number | null,
  interval: readonly [number, number] | null,
): { readonly value: string; readonly interval: string } {
  if (interval === null || value === null) return { value: numberText(value), interval: '' }
  const [low, high] = interval
  const half = (high - low) / 2
  const largest = Math.max(Math.abs(low), Math.abs(high), Math.abs(value))
  if (half === 0) return { value: numberText(value, 4), interval: `[${numberText(low, 4)}, ${numberText(high, 4)}]` }
  // Two significant digits of the half-width; a common power of ten where numbers are very small or large.
  const last = Math.floor(Math.log10(half)) - 1
  const power = Math.floor(Math.log10(largest))
  const shown = (number: number, scale: number): string => {
    const decimals = Math.min(12, Math.max(0, scale - last))
    const text = (number / 10 ** scale).toFixed(decimals)
    return withMinus(/^-0\.?0*$/.test(text) ? text.slice(1) : text)
  }
  if (power >= -3 && power <= 5) return { value: shown(value, 0), interval: `[${shown(low, 0)}, ${shown(high, 0)}]` }
  const times = ` × 10${superscript(power)}`
  return { value: `${shown(value, power)}${times}`, interval: `[${shown(low, power)}, ${shown(high, power)}]${times}` }
}

/** What a claim asks of its statistic: `> 0`, `≤ 10⁻⁵`, `1.23 ± 0.1`. */
export function criterionText({ side, threshold, expected = 0, test }: Claim): string {
  const number = plainNumber(threshold)
  if (side === 'within') return expected === 0 ? `within ±${number}` : `${plainNumber(expected)} ± ${number}`
  // A worst case may lie on the threshold; a mean's interval must not.
  const strict = !test.endsWith('of all')
  return `${side === 'above' ? (strict ? '>' : '≥') : strict ? '<' : '≤'} ${number}`
}

/** A p-value: `0.012`, `< 0.0001`. */
export function pText(p: number | null): string {
  if (p === null) return '–'
  return p < 1e-4 ? '< 0.0001' : p.toFixed(p < 0.01 ? 4 : p < 0.1 ? 3 : 2)
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`
  const all = Math.round(whole / 60)
  return all % 60 === 0 ? `${Math.floor(all / 60)} h` : `${Math.floor(all / 60)} h ${all % 60} min`
}

/** `12 KB`, `3.4 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** `1 claim`, `2 claims`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

/** `2026-11-23 19:16 UTC`; what is no time stays as it is. */
export function timeText(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** As a person would write it: no zeros at its end. */
function plainNumber(value: number): string {
  const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)))
  if (power >= -3 && power <= 5) return withMinus(String(Number(value.toPrecision(6))))
  const [mantissa = '', exponent = '0'] = Number(value.toPrecision(6)).toExponential().split('e')
  return withMinus(`${mantissa === '1' ? '' : `${mantissa} × `}10${superscript(Number(exponent))}`)
}

function superscript(power: number): string {
  return (
    (power < 0 ? '⁻' : '') + [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)] ?? '').join('')
  )
}

function withMinus(text: string): string {
  return text.replace(/^-/, '−')
}
