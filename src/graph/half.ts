/** float16 and bfloat16 bit patterns ⇄ doubles, rounded once, to nearest, ties to even (IEEE 754-2019, 4.3.1). */

const scratch = new DataView(new ArrayBuffer(8))

/** Round a non-negative double, in units of the last place, ties to even. Exact below 2^52. */
function roundEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1
  return floor
}

/** The exponent e of a finite non-zero |x| = m·2^e with 1 ≤ m < 2; at least −1022. */
function exponentOf(x: number): number {
  scratch.setFloat64(0, x)
  return Math.max(((scratch.getUint16(0) >> 4) & 0x7ff) - 1023, -1022)
}

function encode(x: number, mantissaBits: number, minExponent: number, maxExponent: number): number {
  const infinity = (maxExponent - minExponent + 2) << mantissaBits
  const sign = x < 0 || Object.is(x, -0) ? infinity + (1 << mantissaBits) : 0
  if (Number.isNaN(x)) return infinity | (1 << (mantissaBits - 1))
  const magnitude = Math.abs(x)
  if (magnitude === 0) return sign
  if (magnitude === Infinity) return sign | infinity
  const exponent = Math.max(exponentOf(magnitude), minExponent)
  if (exponent > maxExponent) return sign | infinity
  // A carry out of the mantissa runs into the exponent's field, which is what the format wants: 1.11…1 rounds up to 10.0.
  const significand = roundEven(magnitude * 2 ** (mantissaBits - exponent))
  const bits = (exponent - minExponent) * 2 ** mantissaBits + significand
  return sign | Math.min(bits, infinity)
}

function decode(bits: number, mantissaBits: number, minExponent: number, maxExponent: number): number {
  const mantissa = bits & ((1 << mantissaBits) - 1)
  const field = (bits >> mantissaBits) & (maxExponent - minExponent + 2)
  const sign = bits & 0x8000 ? -1 : 1
  if (field === maxExponent - minExponent + 2) return mantissa === 0 ? sign * Infinity : NaN
  if (field === 0) return sign * mantissa * 2 ** (minExponent - mantissaBits)
  return sign * (mantissa + 2 ** mantissaBits) * 2 ** (field - 1 + minExponent - mantissaBits)
}

export function doubleToHalf(x: number): number {
  return encode(x, 10, -14, 15)
}

export function halfToDouble(bits: number): number {
  return decode(bits, 10, -14, 15)
}

export function doubleToBfloat16(x: number): number {
  return encode(x, 7, -126, 127)
}

export function bfloat16ToDouble(bits: number): number {
  return decode(bits, 7, -126, 127)
}
