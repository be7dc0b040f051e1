import type { PointSymbol } from './series.js'

type Corner = readonly [number, number]

const CROSS: readonly Corner[] = [
  [-1, -3],
  [1, -3],
  [1, -1],
  [3, -1],
  [3, 1],
  [1, 1],
  [1, 3],
  [-1, 3],
  [-1, 1],
  [-3, 1],
  [-3, -1],
  [-1, -1],
]

/** Corners, at any size. */
const CORNERS: Readonly<Record<Exclude<PointSymbol, 'circle'>, readonly Corner[]>> = {
  square: around(4, [1], 45),
  diamond: around(4, [1], 0),
  triangle: around(3, [1], 0),
  wedge: around(3, [1], 180),
  star: around(10, [1, 0.45], 0),
  cross: CROSS,
  times: CROSS.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]),
}

/** Corners around a centre, the first at the top, at distances that repeat. */
function around(count: number, distances: readonly number[], turned: number): Corner[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = ((turned + (360 * i) / count) * Math.PI) / 180
    const distance = distances[i % distances.length] as number
    return [distance * Math.sin(angle), -distance * Math.cos(angle)]
  })
}

/** Corners of a symbol of the area of a circle of radius `radius`; null for the circle itself. */
function cornersOf(symbol: PointSymbol, radius: number): readonly Corner[] | null {
  if (symbol === 'circle') return null
  const corners = CORNERS[symbol]
  const twice = corners.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length] as Corner
    return sum + x * nextY - y * nextX
  }, 0)
  const factor = radius * Math.sqrt((2 * Math.PI) / Math.abs(twice))
  return corners.map(([x, y]) => [x * factor, y * factor])
}

/** The outline as an SVG path around (0, 0); all symbols of a radius have the same area. */
export function symbolPath(symbol: PointSymbol, radius: number): string {
  const corners = cornersOf(symbol, radius)
  const number = (value: number): string => String(Math.round(value * 100) / 100)
  if (corners === null)
    return `M${number(radius)},0A${radius},${radius},0,1,1,${number(-radius)},0A${radius},${radius},0,1,1,${number(radius)},0Z`
  return `${corners.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${number(x)},${number(y)}`).join('')}Z`
}

/** What a drawn path is written to. */
interface PathContext {
  moveTo(x: number, y: number): void
  lineTo(x: number, y: number): void
  arc(x: number, y: number, radius: number, start: number, end: number): void
  closePath(): void
}

/** The symbol in the form that Plot's marks take. */
export function plotSymbol(symbol: PointSymbol): { draw: (context: PathContext, area: number) => void } {
  return {
    draw(context, area) {
      const radius = Math.sqrt(area / Math.PI)
      const corners = cornersOf(symbol, radius)
      if (corners === null) {
        context.moveTo(radius, 0)
        context.arc(0, 0, radius, 0, 2 * Math.PI)
      } else {
        corners.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)))
        context.closePath()
      }
    },
  }
}
