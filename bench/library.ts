/** The library as it is installed: compiled, without what a loader of TypeScript adds to it. */
type Library = typeof import('../src/index.js')

export const library = (await import(new URL('../dist/index.js', import.meta.url).href)) as Library
