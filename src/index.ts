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

/** Gradients. */
export { type Differentiated, type GradientOptions, gradients } from './autodiff/gradients.js'
export { type LossAndGradients, LossGradients, type LossGradientsOptions } from './autodiff/loss-gradients.js'
export { type HessianVector, hessianVector } from './autodiff/second-order.js'
export { Hessian, type HessianOptions, type SymmetricOperator } from './autodiff/hessian.js'
export { type Eigenvalue, type EigenvalueOptions, largestEigenvalue } from './autodiff/eigenvalue.js'
export { type Trace, trace, type TraceOptions } from './autodiff/trace.js'
export { type TrainingForm, trainingForm } from './autodiff/training-form.js'
export { movedGradients } from './teleport/gradients.js'
export { bindDims } from './shapes/bind.js'

/** Training. */
export { type Loss, type TrainingStep, type TrainingStepOptions } from './train/step.js'
export { type Lowering, NO_LOWERING, trainingStep } from './train/training-step.js'
export { openTrainer, type TrainerOptions } from './train/runner.js'
export type { EvaluationResult, StepResult, Trainer, TrainerState, TrainingBatch } from './train/trainer.js'
export type { Optimizer } from './train/optimizer.js'
export { sgd, type SgdOptions } from './train/optimizer-sgd.js'
export { adam, type AdamOptions, adamw } from './train/optimizer-adam.js'
export {
  constant,
  cosine,
  multiStep,
  type PlateauOptions,
  reduceOnPlateau,
  type Schedule,
  type ScheduleState,
  stepDecay,
} from './train/schedule.js'
export {
  type Checkpoint,
  DivergedError,
  type EpochMetrics,
  type EpochSource,
  fit,
  type FitOptions,
  type FitResult,
  type Metrics,
  type StepProgress,
  validate,
} from './train/fit.js'
export type { Validation } from './train/validate.js'
export type { Teleportation } from './train/teleportation.js'
export { pseudoTeleport, type PseudoOptions } from './teleport/pseudo.js'
export { trainingQuiver } from './teleport/training-quiver.js'
export { beginRun, resumeRun, type RunOptions, type RunResult } from './runs/run.js'
export { ImageSource } from './runs/sources.js'

/** Networks. */
export { MODEL_NAMES, type ModelName, modelOf, type ModelOptions } from './models/registry.js'
export { mlp, type MlpOptions } from './models/mlp.js'
export { vgg, type VggOptions } from './models/vgg.js'
export { resnet, resnet18, type ResnetOptions } from './models/resnet.js'
export { densenet, densenet121, type DensenetOptions } from './models/densenet.js'
export { type Activation, ACTIVATIONS, type NetworkOptions } from './models/options.js'
export { type Initializer, INITIALIZERS } from './models/initializers/initializer.js'

/** Data. */
export {
  CIFAR_NORMALIZATION,
  type CachedDataset,
  type CifarOptions,
  fetchDataset,
  type FetchOptions,
  loadCifar10,
  loadCifar100,
} from './data/cifar.js'
export { cacheFolder } from './data/cache.js'
export type { OnProgress, Progress } from './data/progress.js'
export { type Dataset, type Images, type ImageShape, imagesOf, sliceImages } from './data/dataset.js'
export { randomData, type RandomDataOptions } from './data/random-data.js'
export { type Batch, BatchLoader, type BatchOptions, batches, TRAINING } from './data/batches.js'
