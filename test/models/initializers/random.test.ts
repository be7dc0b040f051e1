import { describe, expect, it } from 'vitest'
import { generatorOf } from '../../../src/cob/stream.js'
import { fillNormal, fillUniform } from '../../../src/models/initializers/random.js'
import { expectMoments } from './moments.js'

const COUNT = 1_000_000

function uniform(seed: number, bound: number, count = COUNT) {
  const target = new Float32Array(count)
  fillUniform(generatorOf(seed, 'weight'), target, bound)
  return target
}

function normal(seed: number, std: number, count = COUNT) {
  const target = new Float32Array(count)
  fillNormal(generatorOf(seed, 'weight'), target, std)
  return target
}

/** How often |x| is below a number: five standard errors of a proportion. */
function expectShare(values: Float32Array, below: number, probability: number): void {
  let count = 0
  for (const value of values) if (Math.abs(value) < below) count++
  const error = Math.sqrt((probability * (1 - probability)) / values.length)
  expect(Math.abs(count / values.length - probability)).toBeLessThan(5 * error)
}

/** The mean product of neighbours, in standard errors. */
function correlation(values: Float32Array, distance: number, std: number): number {
  let sum = 0
  for (let i = distance; i < values.length; i++) sum += values[i]! * values[i - distance]!
  return sum / std ** 2 / Math.sqrt(values.length)
}

describe('uniform numbers', () => {
  it.each([1, 0.02, 30])('have the moments and bounds of U(±%d)', (bound) => {
    expectMoments(uniform(3, bound), bound / Math.sqrt(3), 'uniform')
  })

  it('are spread evenly', () => {
    const values = uniform(4, 1)
    for (const share of [0.01, 0.1, 0.5, 0.9, 0.99]) expectShare(values, share, share)
  })
})

describe('normal numbers', () => {
  it.each([1, 0.02, 30])('have the moments of N(0, %d²)', (std) => {
    expectMoments(normal(5, std), std, 'normal')
  })

  it('have the shares of the bell within the layers and in the tail', () => {
    const values = normal(6, 1)
    expectShare(values, 0.1, 0.0796556745541)
    expectShare(values, 0.5, 0.382924922548)
    expectShare(values, 1, 0.6826894921371)
    expectShare(values, 2, 0.9544997361036)
    expectShare(values, 3, 0.9973002039367)
    expectShare(values, 3.442619855899, 0.9994238484)
    expectShare(values, 4, 0.9999366575163)
  })

  it('are as often negative as positive in the tail too', () => {
    const tail = normal(7, 1, 4 * COUNT).filter((value) => Math.abs(value) > 3.4427)
    const negative = tail.filter((value) => value < 0).length
    expect(Math.abs(negative - tail.length / 2)).toBeLessThan(2.5 * Math.sqrt(tail.length))
  })
})

describe('streams', () => {
  it('give numbers that do not follow from their neighbours', () => {
    for (const distance of [1, 2, 3, 16]) {
      expect(Math.abs(correlation(uniform(8, 1), distance, 1 / Math.sqrt(3)))).toBeLessThan(5)
      expect(Math.abs(correlation(normal(8, 1), distance, 1))).toBeLessThan(5)
    }
  })

  it('give the same numbers in every version', () => {
    expect([...uniform(7, 1, 4)]).toEqual(UNIFORM)
    expect([...normal(7, 1, 4)]).toEqual(NORMAL)
  })
})

const UNIFORM = [-0.11288124322891235, -0.8893356919288635, -0.7505368590354919, 0.3095751404762268]
const NORMAL = [0.9059868454933167, -2.3055007457733154, 2.259669065475464, 0.7988675832748413]
