import { describe, expect, it } from 'vitest'
import { styleOf, stylesOf } from '../../src/plot/series.js'

const TOGETHER = [
  ['MLP 5×500', 'VGG-16-bn', 'ResNet-18', 'DenseNet-121'],
  ['no teleportation', 'teleportation', 'pseudo-teleportation'],
  ['σ = 0', 'σ = 0.3', 'σ = 0.6', 'σ = 0.9'],
  ['σ = 0.5', 'σ = 0.7', 'σ = 0.9'],
  [
    'micro-teleportation · gradient',
    'micro-teleportation · random vector',
    'gradient · random vector',
    'random · random',
  ],
]

type Colour = readonly [number, number, number]

/** sRGB to linear light. */
function linear(hex: string): Colour {
  return [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as unknown as Colour
}

function times(matrix: readonly Colour[], [r, g, b]: Colour): Colour {
  return matrix.map(([x, y, z]) => x * r + y * g + z * b) as unknown as Colour
}

/** CIE L*a*b*, D65. */
function lab(light: Colour): Colour {
  const [x, y, z] = times(
    [
      [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
      [0.2126, 0.7152, 0.0722],
      [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
    ],
    light,
  ).map((value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116)) as unknown as Colour
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/** What is seen with all cones, and without those for red or green (Machado et al. 2009, severity 1, in linear light). */
const SIGHTS: Readonly<Record<string, readonly Colour[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
}

const pairs = TOGETHER.flatMap((labels) => labels.flatMap((a, i) => labels.slice(i + 1).map((b) => [a, b] as const)))

describe('styles of series', () => {
  it.each(pairs)('%s and %s are told apart by colour, dash, symbol and grey', (a, b) => {
    const [first, second] = [styleOf(a), styleOf(b)]
    expect(first.dash).not.toBe(second.dash)
    expect(first.symbol).not.toBe(second.symbol)
    for (const sight of Object.values(SIGHTS)) {
      const [p, q] = [first, second].map(({ colour }) => lab(times(sight, linear(colour)))) as [Colour, Colour]
      expect(Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])).toBeGreaterThan(14)
    }
    const [light, dark] = [first, second].map(({ colour }) => lab(linear(colour))[0]) as [number, number]
    expect(Math.abs(light - dark)).toBeGreaterThan(6)
  })

  it('a larger σ is darker', () => {
    const lightness = [0.3, 0.5, 0.6, 0.7, 0.9].map((range) => lab(linear(styleOf(`σ = ${range}`).colour))[0])
    expect(lightness).toEqual(lightness.toSorted((a, b) => b - a))
  })

  it('every line is seen on white', () => {
    for (const label of TOGETHER.flat()) {
      const [r, g, b] = linear(styleOf(label).colour)
      expect(1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)).toBeGreaterThan(1.7)
    }
  })

  it('suffixes change nothing; unknown labels of a figure differ, and stay what they are', () => {
    expect(styleOf('ResNet-18, narrow')).toEqual(styleOf('ResNet'))
    expect(styleOf('something')).toEqual(styleOf('something'))
    const labels = ['one', 'two', 'three', 'four', 'five', 'six', 'seven']
    const styles = stylesOf(labels)
    expect(new Set([...styles.values()].map(({ colour }) => colour)).size).toBe(labels.length)
    expect(new Set([...styles.values()].map(({ symbol }) => symbol)).size).toBe(labels.length)
  })
})
