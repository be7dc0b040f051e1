import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { zipSync } from 'fflate'
import { saveModel } from '../../src/runtime/node/load.js'
import { Oracle } from '../support/oracle.js'
import { mlp } from '../train/networks.js'
import { residual } from '../train/batches.js'
import { fixture, json, refusal, teleport, temporaryFolder } from './run.js'

const work = temporaryFolder()
const at = (name: string) => path.join(work.path, name)

type Array = readonly [descr: string, shape: readonly number[], bytes: Uint8Array]

/** A file as numpy.savez writes it. */
function npz(name: string, arrays: Readonly<Record<string, Array>>): void {
  const entries = Object.entries(arrays).map(([key, [descr, shape, bytes]]) => {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
    const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n'
    const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8])
    return [`${key}.npy`, new Uint8Array(Buffer.concat([start, Buffer.from(padded), bytes]))] as const
  })
  writeFileSync(at(name), zipSync(Object.fromEntries(entries)))
}

const float = (shape: readonly number[], values: Iterable<number>): Array => [
  '<f4',
  shape,
  new Uint8Array(Float32Array.from(values).buffer),
]
const double = (shape: readonly number[], values: Iterable<number>): Array => [
  '<f8',
  shape,
  new Uint8Array(Float64Array.from(values).buffer),
]
const integer = (shape: readonly number[], values: Iterable<number>): Array => [
  '<i8',
  shape,
  new Uint8Array(BigInt64Array.from([...values].map(BigInt)).buffer),
]

const vgg = new Oracle('vgg')
beforeAll(async () => {
  const [x, target] = [vgg.numbers('x'), vgg.numbers('target')]
  npz('vgg.npz', { x: float(vgg.shape('x'), x), target: integer(vgg.shape('target'), target) })
  npz('double.npz', { x: double(vgg.shape('x'), x), target: ['|u1', vgg.shape('target'), Uint8Array.from(target)] })
  await saveModel(mlp(), at('mlp.onnx'))
  await saveModel(residual(), at('residual.onnx'))
})

interface Report {
  readonly loss: number
  readonly weights: readonly {
    readonly weight: string
    readonly gradientNorm: number
    readonly theorem2Error?: number
  }[]
  readonly check: { readonly pass: boolean; readonly worst: number; readonly lossTeleported: number } | null
}

const gradients = (...args: readonly string[]) => json(work.path, 'gradients', ...args) as unknown as Report

describe('teleport gradients', () => {
  it.each([
    ['eval', [] as const],
    ['train', ['--training'] as const],
  ])("gives PyTorch's loss and gradients: %s", (mode, flags) => {
    const report = gradients(fixture('vgg.onnx'), '--data', 'vgg.npz', ...flags)
    expect(report.loss).toBeCloseTo(vgg.numbers(`${mode}.loss`)[0]!, 5)
    expect(report.weights.length).toBe(20)
    for (const { weight, gradientNorm } of report.weights) {
      const expected = Math.hypot(...vgg.numbers(`${mode}.grad/${weight}`))
      expect(Math.abs(gradientNorm - expected)).toBeLessThan(1e-4 * expected + 1e-6)
    }
    expect(report.check).toBeNull()
    // What NumPy saves by default.
    expect(gradients(fixture('vgg.onnx'), '--data', 'double.npz', ...flags).loss).toBe(report.loss)
  })

  it.each([
    ['weights', [] as const],
    ['full', [] as const],
    ['weights', ['--training'] as const],
    ['full', ['--training'] as const],
  ])('checks Theorem 2 in scope %s %o, with --exact bit for bit', (scope, flags) => {
    const args = [
      fixture('vgg.onnx'),
      '--data',
      'vgg.npz',
      '--check',
      '--scope',
      scope,
      '--sampling',
      'inter',
      ...flags,
    ]
    const report = gradients(...args)
    expect(report.check).toMatchObject({ pass: true })
    expect(report.check!.worst).toBeGreaterThan(0)
    expect(report.check!.worst).toBeLessThan(5e-3)
    expect(report.check!.lossTeleported).toBeCloseTo(report.loss, 5)
    const exact = gradients(...args, '--exact')
    expect(exact.check).toMatchObject({ pass: true, worst: 0, lossTeleported: report.loss })
    expect(exact.weights.every(({ theorem2Error }) => theorem2Error === 0)).toBe(true)
  })

  it('ends with 1 where the tolerance is less than rounding', () => {
    const { status, stdout } = teleport(
      work.path,
      'gradients',
      fixture('vgg.onnx'),
      '--data',
      'vgg.npz',
      '--check',
      '--tolerance',
      '1e-12',
    )
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /Theorem 2 under a teleportation .*: does not hold, worst error \de-\d+|worst error [\d.]+e-\d/,
    )
  })

  it('draws random data for the model, and prints a table', () => {
    const { status, stdout, stderr } = teleport(work.path, 'gradients', 'mlp.onnx', '--data', 'random', '--batch', '16')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(
      /^mlp\.onnx on 16 examples of random, inference form\nloss [\d.]+, accuracy [\d.]+ %, ‖∇L‖ [\d.]+\n\n {2}weight +shape/,
    )
    expect(stdout.trim().split('\n')).toHaveLength(8)
    // Dropout keeps everything, and scales nothing: only the batch statistics differ.
    const [inference, training] = [
      gradients('residual.onnx', '--data', 'random'),
      gradients('residual.onnx', '--data', 'random', '--training'),
    ]
    expect(training.loss).not.toBe(inference.loss)
    expect(training.weights.map(({ weight }) => weight)).not.toContain('norm1.running_mean')
  })

  it('refuses what does not fit in one line', () => {
    const refused = (...args: readonly string[]) => refusal(work.path, 'gradients', ...args)
    const [x, target] = [vgg.numbers('x'), vgg.numbers('target')]
    npz('nameless.npz', { y: float([8], target) })
    npz('fraction.npz', { x: float(vgg.shape('x'), x), target: float([8], target) })
    npz('outside.npz', { x: float(vgg.shape('x'), x), target: integer([8], [0, 1, 2, 3, 4, 5, 6, 10]) })
    npz('fewer.npz', { x: float(vgg.shape('x'), x), target: integer([7], [0, 1, 2, 3, 4, 5, 6]) })
    const model = fixture('vgg.onnx')
    expect(refused(model)).toMatch(/--data/)
    expect(refused(model, '--data', 'nothing')).toMatch(
      /there is no data set 'nothing': expected cifar10, cifar100, random, or a \.npz file/,
    )
    expect(refused(model, '--data', 'none.npz')).toMatch(/cannot read 'none\.npz'/)
    expect(refused(model, '--data', 'nameless.npz')).toMatch(
      /expected arrays 'x' \(the model's input\) and 'target' \(class numbers\), got 'y'/,
    )
    expect(refused(model, '--data', 'fraction.npz')).toMatch(
      /array 'target': expected elements of type int64, got float32/,
    )
    expect(refused(model, '--data', 'outside.npz')).toMatch(/label 10 of example 7: expected a class from 0 to 9/)
    expect(refused(model, '--data', 'fewer.npz')).toMatch(/expected labels \[8\], one for each example, got \[7\]/)
    expect(refused('mlp.onnx', '--data', 'vgg.npz')).toMatch(
      /'vgg\.npz' gives \[8, 3, 16, 16\]; the model's input 'x' is \[N, 6\]/,
    )
  })
})
