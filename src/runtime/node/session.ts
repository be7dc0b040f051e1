import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Model, ModelError, type Node } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import type { DType } from '../../graph/dtype.js'
import type {
  Device,
  HostData,
  HostTensor,
  HostTensors,
  Runtime,
  Session,
  SessionOptions,
  SessionSource,
} from '../session.js'

type Ort = typeof import('onnxruntime-node')

let loading: Promise<Ort> | undefined

// Loaded on first use: the native library costs tens of megabytes and a quarter of a second, which a command that runs no model should not pay.
async function loadOrt(): Promise<Ort> {
  loading ??= import('onnxruntime-node').then((loaded) => {
    const ort = (loaded as unknown as { default?: Ort }).default ?? loaded
    // Warnings and errors would go to stderr from native code; errors reach the user as exceptions anyway.
    ort.env.logLevel = 'fatal'
    return ort
  })
  try {
    return await loading
  } catch (error) {
    throw new ModelError(
      `ONNX Runtime cannot be loaded on this machine (${messageOf(error).replace(/\s+/g, ' ')}): reinstall the package onnxruntime-node`,
    )
  }
}

/**
 * ONNX Runtime in Node, on the CPU or, untried, through its WebGPU provider. Sessions on the CPU are deterministic: the same feeds give
 * the same bits, with the same number of threads.
 */
export const nodeRuntime: Runtime = {
  writingResults,

  async open(source, options = {}) {
    const ort = await loadOrt()
    const create = async (device: Device) => {
      const settings = sessionOptions(options, device)
      const session =
        'path' in source
          ? await ort.InferenceSession.create(source.path, settings)
          : await ort.InferenceSession.create(source.bytes, settings)
      return new OrtSession(ort, session, device)
    }
    const where = 'path' in source ? quoted(source.path) : 'the model'
    if (options.device === 'webgpu')
      try {
        return await create('webgpu')
      } catch (error) {
        options.warn?.(`WebGPU cannot be used here (${cleaned(error, source)}): the model runs on the CPU instead`)
      }
    try {
      return await create('cpu')
    } catch (error) {
      throw new ModelError(`ONNX Runtime cannot open ${where}: ${cleaned(error, source)}`)
    }
  },
}

function sessionOptions(options: SessionOptions, device: Device): InferenceSession.SessionOptions {
  const keepMemory = options.keepMemory === true
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimization === 'none' ? 'disabled' : (options.optimization ?? 'all'),
    // An arena keeps its largest size for good. A memory pattern would be taken from it on top of what the first run has left there.
    enableCpuMemArena: keepMemory,
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: { session: { use_deterministic_compute: '1' } },
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  }
}

class OrtSession implements Session {
  readonly device: Device
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #ort: Ort
  readonly #session: InferenceSession

  /** Weights and what they become are fed and fetched again and again from the same memory. */
  readonly #tensors = new WeakMap<HostTensor, Tensor>()
  readonly #signals: boolean

  constructor(ort: Ort, session: InferenceSession, device: Device) {
    this.device = device
    this.#signals = session.outputNames[0] === DONE
    this.#ort = ort
    this.#session = session
    this.inputNames = session.inputNames
    this.outputNames = session.outputMetadata.filter((output) => output.isTensor).map((output) => output.name)
  }

  async run(feeds: HostTensors, fetches: readonly string[] = this.outputNames): Promise<Map<string, HostTensor>> {
    try {
      const inputs = this.#tensorsOf(feeds)
      const outputs = await this.#session.run(inputs, fetches, { logSeverityLevel: 4 })
      return new Map(fetches.map((name) => [name, hostTensor(name, outputs[name])]))
    } catch (error) {
      if (error instanceof ModelError) throw error
      throw new ModelError(`ONNX Runtime cannot run the model: ${cleaned(error)}`)
    }
  }

  async runInto(feeds: HostTensors, results: HostTensors): Promise<void> {
    const fetches: Record<string, Tensor | null> = this.#signals ? { [DONE]: null } : {}
    try {
      await this.#session.run(this.#tensorsOf(feeds), Object.assign(fetches, this.#tensorsOf(results)), {
        logSeverityLevel: 4,
      })
    } catch (error) {
      if (this.#signals && messageOf(error).includes(NOT_CONVERTED)) return
      throw new ModelError(`ONNX Runtime cannot run the model: ${cleaned(error)}`)
    }
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  #tensorsOf(tensors: HostTensors): Record<string, Tensor> {
    return Object.fromEntries([...tensors].map(([name, tensor]) => [name, this.#tensor(tensor)]))
  }

  #tensor(tensor: HostTensor): Tensor {
    const { dtype, dims, data } = tensor
    const found = this.#tensors.get(tensor)
    if (found?.data === data) return found
    // The constructor is overloaded by type; here the type is data.
    const Constructor = this.#ort.Tensor as unknown as new (
      type: string,
      data: HostData,
      dims: readonly number[],
    ) => Tensor
    const created = new Constructor(dtype, data, dims)
    this.#tensors.set(tensor, created)
    return created
  }
}

/** The name of the first output of a model that writes its results. */
const DONE = 'results are written'
const NOT_CONVERTED = 'Non tensor type is temporarily not supported'

/**
 * The Node binding of ONNX Runtime 1.30 writes outputs into memory that it is given, and then copies each of them into a new array
 * nevertheless, 1.5 ms for a million floats where computing them took 0.3. It converts outputs in their order, and refuses a sequence: behind a
 * sequence as the first output nothing is converted. The refusal then says that the run is done.
 */
function writingResults(model: Model): Model {
  const { graph } = model
  const node: Node = {
    name: DONE,
    opType: 'SequenceEmpty',
    domain: '',
    inputs: [],
    outputs: [DONE],
    attributes: new Map(),
  }
  return {
    ...model,
    graph: { ...graph, nodes: [...graph.nodes, node], outputs: [{ name: DONE }, ...graph.outputs] },
  }
}

function hostTensor(name: string, tensor: Tensor | undefined): HostTensor {
  if (tensor === undefined) throw new ModelError(`output ${quoted(name)}: ONNX Runtime returned no tensor`)
  const { type, dims, data } = tensor
  // Where JavaScript has Float16Array (Node 24), float16 comes as one; its bits are what a HostTensor holds.
  const bits =
    type === 'float16' && !(data instanceof Uint16Array)
      ? new Uint16Array((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, (data as Uint8Array).length)
      : data
  return { dtype: type satisfies DType, dims, data: bits }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** "FILE.cc:LINE type name(parameters) const [with T = type]", with which ONNX Runtime begins what it throws. */
const ORIGIN = /\S*\/\S+\.(?:cc|h|hpp):\d+ [^()]*\((?:[^()]|\([^()]*\))*\)(?: const)?(?: \[with [^\]]*\])? ?/g

/** ONNX Runtime's message in one line, without the places in its own source code. */
function cleaned(error: unknown, source?: SessionSource): string {
  let line = messageOf(error).replace(/\s+/g, ' ')
  if (source !== undefined && 'path' in source) line = line.replace(`Load model from ${source.path} failed:`, '')
  return line
    .replace(ORIGIN, '')
    .replace(/^::<lambda[^>]*> /, '')
    .replace(/^Error: /, '')
    .trim()
    .slice(0, 400)
}
