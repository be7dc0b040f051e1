import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { SKELETONS } from '../test/support/skeleton.js'
import { LARGE } from './networks.js'
import { type Benchmark, figureTable, median, type Section, type Table } from './report.js'

/** Processes for each network and scope: only the first call in a process is a first call. */
const PROCESSES = 2
const LARGE_NODES = 10_000

/** What bench/quiver-process.ts prints. */
export interface QuiverTimes {
  readonly nodes: number
  /** Milliseconds of the first call, and of later ones. */
  readonly first: number
  readonly later: readonly number[]
}

interface Measured {
  readonly nodes: number
  readonly first: readonly number[]
  readonly later: readonly number[]
}

/** Copies of other networks in another type, opset or layout have the same quiver. */
const VARIANT =
  /-(half|half-inside|half-stored|bfloat16-stored|double|constants|external|folded|opset\d+|qdq|dynamic-int8)$/

const SCRIPT = fileURLToPath(new URL('quiver-process.ts', import.meta.url))

function measure(network: string, scope: string): Measured {
  const runs = Array.from({ length: PROCESSES }, (): QuiverTimes => {
    const output = execFileSync(process.execPath, ['--import', 'tsx', SCRIPT, network, scope], { encoding: 'utf8' })
    return JSON.parse(output) as QuiverTimes
  })
  return {
    nodes: runs[0]?.nodes ?? 0,
    first: runs.map(({ first }) => first),
    later: runs.flatMap(({ later }) => later),
  }
}

function range(times: readonly number[]): string {
  return `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`
}

/** One row for each network, and the slowest of all. */
function tablesOf(networks: readonly (readonly [name: string, argument: string])[], limit: number): Table[] {
  const slowest = { first: 0, later: 0 }
  const rows = networks.map(([name, argument]) => {
    const scopes = ['weights', 'full'].map((scope) => measure(argument, scope))
    for (const { first, later } of scopes) {
      slowest.first = Math.max(slowest.first, median(first))
      slowest.later = Math.max(slowest.later, median(later))
    }
    return [name, String(scopes[0]?.nodes), ...scopes.flatMap(({ first, later }) => [range(first), range(later)])]
  })
  const demand = { limit, text: limit < 1000 ? `< ${limit} ms` : `< ${limit / 1000} s` }
  return [
    figureTable([
      { what: 'slowest of all, first call in a process', values: [slowest.first], unit: 'ms', digits: 0, demand },
      { what: 'slowest of all, later calls', values: [slowest.later], unit: 'ms', digits: 0, demand },
    ]),
    {
      columns: ['network', 'nodes', 'weights: first call', 'later', 'full: first call', 'later'],
      rows,
    },
  ]
}

/** Building the quivers of many architectures and of very large graphs. */
export const quiver: Benchmark = {
  name: 'quiver',
  run({ models }): Section {
    const skeletons = SKELETONS.filter(({ name }) => !VARIANT.test(name)).map(
      ({ name }) => [name, `skeleton:${name}`] as const,
    )
    const large = Object.keys(LARGE).map((name) => [name, `large:${name}:${LARGE_NODES}`] as const)
    const files =
      models === undefined
        ? []
        : readdirSync(models)
            .filter((file) => file.endsWith('.onnx'))
            .map((file) => [path.basename(file, '.onnx'), path.join(models, file)] as const)
    return {
      title: 'Building the quiver',
      how: `\`quiverOf\` of a model that has been read, in milliseconds: median (min–max) over ${PROCESSES} processes, each with one first call, when
nothing is compiled yet, and five later ones. First ${files.length === 0 ? '' : 'networks at full size as torchvision has them (exported by bench/peer), then '}the
networks of the test suite, which are narrower but have every node, then generated graphs of ${LARGE_NODES.toLocaleString('en')} nodes.`,
      tables: [
        ...(files.length === 0 ? [] : tablesOf(files, 100)),
        ...tablesOf(skeletons, 100),
        ...tablesOf(large, 2000),
      ],
    }
  },
}
