// Starts local-worker.ts where the project runs from its sources, as its tests do. It is no part of what is built.
import { register } from 'tsx/esm/api'

register()
await import('./local-worker.ts')
