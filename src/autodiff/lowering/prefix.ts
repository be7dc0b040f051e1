import type { Model } from '../../graph/model.js'

/** Begins the names of new values, so that none is the name of an input, an output or an initializer, which stay. */
export function prefixFor({ graph }: Model, stem: string): string {
  const names = [...graph.inputs, ...graph.outputs].map(({ name }) => name).concat(...graph.initializers.keys())
  let prefix = `${stem}/`
  while (names.some((name) => name.startsWith(prefix))) prefix = `${stem}${prefix}`
  return prefix
}
