import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import type { DType } from '../../graph/dtype.js'
import type { HostData, HostTensor, HostTensors, Runtime, Session, SessionOptions, SessionSource } from '../session.js'

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

/** ONNX Runtime on the CPU, in Node. Sessions are deterministic: the same feeds give the same bits. */
export const nodeRuntime: Runtime = {
  async open(source, options = {}) {
    const ort = await loadOrt()
    const settings = sessionOptions(options)
    const where = 'path' in source ? quoted(source.path) : 'the model'
    try {
      const session =
        'path' in source
          ? await ort.InferenceSession.create(source.path, settings)
          : await ort.InferenceSession.create(source.bytes, settings)
      return new OrtSession(ort, session)
    } catch (error) {
      throw new ModelError(`ONNX Runtime cannot open ${where}: ${cleaned(error, source)}`)
    }
  },
}

function sessionOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimization === 'none' ? 'disabled' : (options.optimization ?? 'all'),
    // An arena keeps its largest size for good, and a session here runs a few times only.
    enableCpuMemArena: false,
    logSeverityLevel: 4,
    extra: { session: { use_deterministic_compute: '1' } },
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  }
}

class OrtSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #ort: Ort
  readonly #session: InferenceSession

  constructor(ort: Ort, session: InferenceSession) {
    this.#ort = ort
    this.#session = session
    this.inputNames = session.inputNames
    this.outputNames = session.outputMetadata.filter((output) => output.isTensor).map((output) => output.name)
  }

  async run(feeds: HostTensors, fetches: readonly string[] = this.outputNames): Promise<Map<string, HostTensor>> {
    try {
      const inputs = Object.fromEntries([...feeds].map(([name, tensor]) => [name, this.#tensor(tensor)]))
      const outputs = await this.#session.run(inputs, fetches, { logSeverityLevel: 4 })
      return new Map(fetches.map((name) => [name, hostTensor(name, outputs[name])]))
    } catch (error) {
      if (error instanceof ModelError) throw error
      throw new ModelError(`ONNX Runtime cannot run the model: ${cleaned(error)}`)
    }
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  #tensor({ dtype, dims, data }: HostTensor): Tensor {
    // The constructor is overloaded by type; here the type is data.
    const Constructor = this.#ort.Tensor as unknown as new (
      type: string,
      data: HostData,
      dims: readonly number[],
    ) => Tensor
    return new Constructor(dtype, data, dims)
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
    .replace(/^Error: /, '')
    .trim()
    .slice(0, 400)
}
