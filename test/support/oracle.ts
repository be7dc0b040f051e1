import { readFileSync } from 'node:fs'
import type { Cob } from '../../src/cob/cob.js'
import type { Model } from '../../src/graph/model.js'
import type { Quiver } from '../../src/quiver/quiver.js'

/** The networks whose results by PyTorch and by the authors' code lie in test/fixtures (DESIGN 7). */
export const FIXTURES = [
  'mlp-relu',
  'mlp-leakyrelu',
  'mlp-elu',
  'mlp-tanh',
  'mlp-sigmoid',
  'vgg',
  'resnet',
  'densenet',
] as const

export function fixturePath(file: string): string {
  return new URL(`../fixtures/${file}`, import.meta.url).pathname
}

interface Entry {
  readonly dtype: string
  readonly shape: number[]
  readonly data_offsets: [number, number]
}

/** What PyTorch and the authors' implementation computed for a fixture, by name. */
export class Oracle {
  readonly #bytes: Buffer
  readonly #header: Record<string, Entry>
  readonly metadata: Record<string, string>

  constructor(name: string) {
    this.#bytes = readFileSync(fixturePath(`${name}.safetensors`))
    const length = Number(this.#bytes.readBigUInt64LE(0))
    const { __metadata__, ...header } = JSON.parse(this.#bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      Entry
    > & {
      __metadata__: Record<string, string>
    }
    this.#header = header
    this.metadata = __metadata__
    this.#bytes = this.#bytes.subarray(8 + length)
  }

  names(prefix: string): string[] {
    return Object.keys(this.#header)
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
  }

  shape(name: string): number[] {
    return this.#entry(name).shape
  }

  numbers(name: string): Float64Array {
    const { dtype, data_offsets } = this.#entry(name)
    const bytes = Uint8Array.from(this.#bytes.subarray(...data_offsets))
    if (dtype === 'F32') return Float64Array.from(new Float32Array(bytes.buffer))
    if (dtype === 'F64') return new Float64Array(bytes.buffer)
    if (dtype === 'I64') return Float64Array.from(new BigInt64Array(bytes.buffer), Number)
    throw new Error(`${name}: ${dtype}`)
  }

  #entry(name: string): Entry {
    const entry = this.#header[name]
    if (entry === undefined) throw new Error(`the oracle has no '${name}'`)
    return entry
  }

  /** The authors' CoB, under the names of the quiver's vertices: a module is known by the name of its weight. */
  cob(tag: string, model: Model, quiver: Quiver): Cob {
    const modules = new Map(
      model.graph.nodes.flatMap((node) => {
        const weight = node.inputs.find((name) => name.endsWith('.weight'))
        return weight === undefined ? [] : [[node.outputs[0], weight.slice(0, -'.weight'.length)] as const]
      }),
    )
    const given = new Set(this.names(`${tag}.cob/`))
    const factors = new Map<string, Float64Array>()
    for (const vertex of quiver.vertices) {
      const module = modules.get(vertex.name) ?? ''
      if (given.delete(module)) factors.set(vertex.name, this.numbers(`${tag}.cob/${module}`))
    }
    if (given.size > 0) throw new Error(`no vertex for ${[...given].join(', ')}`)
    return { factors, origin: { scope: 'full' } }
  }
}

/** max|a − b| ÷ max|b|. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  let difference = 0
  let scale = 0
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs((a[i] as number) - (b[i] as number)))
    scale = Math.max(scale, Math.abs(b[i] as number))
  }
  return difference === 0 ? 0 : difference / scale
}
