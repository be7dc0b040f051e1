import { spatialMajor } from './spatial-major.js'
import { spellOut } from './spell-out.js'

/**
 * How a training step is made fast on ONNX Runtime's CPU kernels: the forward pass is laid out spatially before it is differentiated
 * (`spatialMajor`), and the whole step is spelt out in the end (`spellOut`). For float32 and fixed sizes; the same function.
 */
export const cpuLowering = { forward: spatialMajor, step: spellOut }
