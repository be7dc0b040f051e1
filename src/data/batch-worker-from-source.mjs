// Starts batch-worker.ts where the project runs from its sources, as its tests do: a worker has none of what its parent compiles
// TypeScript with. It is no part of what is built.
import { register } from 'tsx/esm/api'

register()
await import('./batch-worker.ts')
