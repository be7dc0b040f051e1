import { describe, expect, it } from 'vitest'
import { layered, type Link } from '../../src/plot/layered.js'

/** A chain in which every third box is also read by the one three further on. */
function chain(count: number): Link[] {
  const links: Link[] = []
  for (let i = 1; i < count; i++) links.push({ from: i - 1, to: i, label: 20 })
  for (let i = 3; i < count; i += 3) links.push({ from: i - 3, to: i, label: 0 })
  return links
}

describe('the layout', () => {
  it.each([1, 2, 60, 1000])('of %i boxes: none overlap, and links lead from box to box', (count) => {
    const sizes = Array.from({ length: count }, (_, i) => ({ width: 60 + (i % 5) * 10, height: 30 }))
    const links = chain(count)
    const laid = layered(sizes, links)
    const overlapping: string[] = []
    laid.boxes.forEach((a, i) => {
      expect(a.x - sizes[i]!.width / 2).toBeGreaterThanOrEqual(-1e-6)
      expect(a.x + sizes[i]!.width / 2).toBeLessThanOrEqual(laid.width + 1e-6)
      expect(a.y + sizes[i]!.height / 2).toBeLessThanOrEqual(laid.height + 1e-6)
      for (let k = 0; k < i; k++) {
        const b = laid.boxes[k]!
        const beside = Math.abs(a.x - b.x) >= (sizes[i]!.width + sizes[k]!.width) / 2
        if (!beside && Math.abs(a.y - b.y) < 30) overlapping.push(`${i} and ${k}`)
      }
    })
    expect(overlapping).toEqual([])
    laid.links.forEach(({ points }, i) => {
      const [first, last] = [points[0]!, points.at(-1)!]
      const [from, to] = [laid.boxes[links[i]!.from]!, laid.boxes[links[i]!.to]!]
      expect(first.y).toBeCloseTo(from.y + 15, 0)
      expect(last.y).toBeCloseTo(to.y - 15, 0)
    })
  })

  it('comes near to the aspect that is asked for', () => {
    const sizes = new Array<{ width: number; height: number }>(200).fill({ width: 100, height: 30 })
    for (const aspect of [0.7, 1.4, 3]) {
      const { width, height } = layered(sizes, chain(200), aspect)
      expect(width / height).toBeGreaterThan(aspect / 2)
      expect(width / height).toBeLessThan(aspect * 2)
    }
  })

  it('refuses what is too large in one piece', () => {
    const links = Array.from({ length: 2500 }, (_, i) => ({ from: 0, to: i + 1, label: 0 }))
    const crossing = links.map(({ to }) => ({ from: to - 1, to: Math.min(to + 1, 2500), label: 0 }))
    const sizes = new Array<{ width: number; height: number }>(2501).fill({ width: 10, height: 10 })
    expect(() => layered(sizes, [...links, ...crossing])).toThrow(/too many to draw/)
  })
})
