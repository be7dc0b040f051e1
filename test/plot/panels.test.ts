import { describe, expect, it } from 'vitest'
import { overSeeds } from '../../src/plot/bands.js'
import { annotation, curve, histogram, intervals, points, referenceCurve, referenceLine } from '../../src/plot/marks.js'
import { panels, type Panel } from '../../src/plot/panels.js'
import { pngOf } from '../../src/plot/png.js'
import { expectGolden } from '../support/golden.js'

const epoch = { label: 'epoch' }
const accuracy = { label: 'validation accuracy (%)' }
const rows = ['no teleportation', 'teleportation'].flatMap((arm, a) =>
  [1, 2, 3].flatMap((seed) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((at) => ({ arm, at, accuracy: 50 + 3 * a - 20 / at + ((seed * at) % 3) })),
  ),
)
const learning: Panel = {
  title: 'MLP 5×500',
  x: epoch,
  y: accuracy,
  marks: overSeeds(rows, { x: ({ at }) => at, y: (row) => row.accuracy, by: ({ arm }) => arm }).map((series) =>
    curve(series.points, series.label),
  ),
}
const sizes = [0.01, 0.03, 0.1, 0.3, 0.9]
const gradients: Panel = {
  title: 'Gradients',
  x: { label: 'CoB-range σ', type: 'log' },
  y: { label: '| ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ | ÷ ‖∇W‖/‖W‖', type: 'log' },
  marks: [
    ...['MLP 5×500', 'VGG-16', 'ResNet-18', 'DenseNet-121'].map((name, i) =>
      curve(
        sizes.map((x) => ({ x, y: (i + 1) * x * x })),
        name,
      ),
    ),
    referenceCurve(
      sizes.map((x) => ({ x, y: 1.5 * x * x })),
      'expectation',
    ),
    referenceLine({ x: 0.5, label: 'σ = 0.5' }),
  ],
}
const bins = (width: number) =>
  [-4, -3, -2, -1, 0, 1, 2, 3].map((low) => ({
    low,
    high: low + 1,
    count: Math.exp(-(((low + 0.5) / width) ** 2)) / width,
  }))
const weights: Panel = {
  title: 'Weights',
  x: { label: 'weight' },
  y: { label: 'density' },
  marks: [histogram(bins(1), 'no teleportation'), histogram(bins(2), 'teleportation')],
}
const forest: Panel = {
  title: 'Angles',
  x: { label: 'angle (°)' },
  y: { label: 'network and data', type: 'category' },
  marks: [
    ...['micro-teleportation · gradient', 'random · random'].map((label, i) =>
      intervals(
        ['MLP, CIFAR-10', 'ResNet-18, random data'].map((at) => ({ at, value: 90 + i * 0.1, low: 89.8, high: 90.3 })),
        label,
      ),
    ),
    referenceLine({ x: 90, label: '90°' }),
  ],
}
const scatter: Panel = {
  x: { label: 'mean |V − W|', type: 'linear' },
  y: { label: 'mean |ΔL|', domain: [0, 2e-7] },
  marks: [
    points(
      [1, 2, 3, 4].map((x) => ({ x, y: x * 6e-8 })),
      'teleportation',
    ),
    annotation('4 teleportations', { corner: 'top-left' }),
  ],
}
const gains: Panel = {
  title: 'Gain',
  x: { label: 'activation', type: 'category' },
  y: { label: 'gain (percentage points)' },
  marks: [
    intervals(
      ['ReLU', 'LeakyReLU', 'Tanh'].map((at, i) => ({ at, value: i - 1, low: i - 2, high: i })),
      'teleportation',
      { along: 'y' },
    ),
    referenceLine({ y: 0 }),
  ],
}

describe('panels', () => {
  it.each([
    ['learning', [learning, { ...learning, marks: [], title: 'VGG-16-bn' }], { title: 'Training', sharedY: true }],
    ['gradients', [gradients], { width: 800 }],
    ['weights-and-angles', [weights, forest], {}],
    ['six', [learning, gradients, weights, forest, scatter, gains], { columns: 2 }],
  ] as const)('%s are drawn as they were', (name, drawn, options) => {
    const svg = panels(drawn, options)
    expect(panels(drawn, options)).toBe(svg)
    expectGolden(name, svg)
  })

  it('stands by itself: no style sheets, no references but to its own clip paths, no numbers with many decimals', () => {
    const svg = panels([learning, scatter, gradients])
    expect(svg).not.toMatch(/<style|class=|href=|var\(|currentColor/)
    expect(svg).not.toMatch(/\d\.\d{3,}/)
    const used = [...svg.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id)
    const there = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(used.length).toBeGreaterThan(0)
    expect(there.toSorted()).toEqual([...new Set(there)].toSorted())
    for (const id of used) expect(there).toContain(id)
    expect(svg).toMatch(/^<svg [^>]*role="img"/)
    expect(svg).toContain('<title>')
  })

  it('two drawings on one page share no ids', () => {
    const ids = (marks: Panel['marks']) =>
      [...panels([{ ...scatter, marks }]).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    const other = ids([points([{ x: 1, y: 3e-7 }], 'teleportation')])
    expect(other.length).toBeGreaterThan(0)
    expect(ids(scatter.marks).filter((id) => other.includes(id))).toEqual([])
  })

  it('no rows say so; null, NaN and infinite values break lines', () => {
    expect(panels([{ x: epoch, y: accuracy, marks: [curve([], 'teleportation')] }])).toContain('no data yet')
    const line = (y: number | null) =>
      panels([
        {
          x: epoch,
          y: accuracy,
          marks: [
            curve(
              [1, 2, 3, 4, 5].map((x) => ({ x, y: x === 3 ? y : x })),
              'a',
            ),
          ],
        },
      ])
    expect(line(null)).toBe(line(NaN))
    expect(line(null)).toBe(line(Infinity))
    expect(line(null)).not.toBe(line(3))
    expect(line(null)).not.toContain('NaN')
    expect(panels([])).toContain('</svg>')
  })

  it('names may hold anything', () => {
    const svg = panels([{ title: 'a<b & "c"\u0007', x: epoch, y: accuracy, marks: [curve([{ x: 1, y: 1 }], '<&>')] }])
    expect(svg).toContain('a&lt;b &amp; ')
    expect(() => pngOf(svg)).not.toThrow()
  })

  it('PNGs are as large as asked for, and have text in them', () => {
    const svg = panels([learning], { width: 600 })
    const png = pngOf(svg, { zoom: 1 })
    expect([...png.slice(1, 4)].map((byte) => String.fromCharCode(byte)).join('')).toBe('PNG')
    expect(new DataView(png.buffer, png.byteOffset).getUint32(16)).toBe(600)
    const mute = pngOf(svg.replace(/<text.*?<\/text>/gs, ''), { zoom: 1 })
    expect(png.length).toBeGreaterThan(mute.length + 1000)
  })
})
