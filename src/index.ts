/** Reading and writing .onnx files. */
export { loadModel, saveModel } from './runtime/node/load.js'
export { readModelBytes } from './onnx/read.js'
export { modelBytes, type WriteOptions } from './onnx/write.js'
export {
  type Attribute,
  type DeclaredDim,
  type Graph,
  type Model,
  ModelError,
  type Node,
  type Storage,
  type Tensor,
  type TensorData,
  type ValueInfo,
} from './graph/model.js'
export type { DType } from './graph/dtype.js'
export { bytesOf, numbersOf, tensorOf } from './graph/tensor.js'

/** A network as a quiver. */
export type { Scope } from './ops/rule.js'
export { type Quiver, type QuiverOptions, quiverOf, type Vertex } from './quiver/quiver.js'
export { type QuiverReport, reportOf, type VertexReport, vertexReports } from './quiver/report.js'
export { quiverSvg, type QuiverSvgOptions } from './plot/quiver-svg.js'

/** Changes of basis. */
export { type Cob, type CobOrigin, compose, exact, identityCob, invert, toPowerOfTwo } from './cob/cob.js'
export { sampleCob, type SampleOptions, type SampleReport, SAMPLINGS, type Sampling } from './cob/sample.js'
export { decodeCob, encodeCob } from './cob/file.js'

/** Moving a network, and showing that it is the same function. */
export { type Changes, teleport, type TeleportedModel } from './teleport/teleport.js'
export { type Distance, distanceBetween, weightsOf } from './teleport/distance.js'
export { verify } from './runtime/node/verify.js'
export type { VerifyOptions, VerifyReport } from './teleport/verify.js'
export type { OutputComparison } from './teleport/verify-compare.js'
export { scaleFields } from './teleport/verify-fields.js'
export type { FieldOf, FirstDivergence } from './teleport/verify-locate.js'
export { type DrawnInputs, type DrawOptions, drawInputs } from './teleport/inputs.js'

/** Running models. */
export { nodeRuntime } from './runtime/node/session.js'
export type { HostTensor, HostTensors, Runtime, Session, SessionOptions } from './runtime/session.js'
export { readNpz } from './runtime/npz.js'
