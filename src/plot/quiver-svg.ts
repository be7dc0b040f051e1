import type { Quiver } from '../quiver/quiver.js'

export interface QuiverSvgOptions {
  readonly title?: string
}

export function quiverSvg(quiver: Quiver, options: QuiverSvgOptions = {}): string {
  return `<svg xmlns="http://www.w3.org/2000/svg"><title>${options.title ?? ''}${quiver.vertices.length}</title></svg>`
}
