import type { Condition, TrainedRun } from './runs.js'
import { NO_TELEPORTATION } from './settings.js'

const DATASETS: Readonly<Record<string, string>> = { cifar10: 'CIFAR-10', cifar100: 'CIFAR-100' }
const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: 'ReLU',
  leakyRelu: 'LeakyReLU',
  tanh: 'Tanh',
  elu: 'ELU',
  sigmoid: 'Sigmoid',
}

export function datasetName(dataset: string): string {
  return DATASETS[dataset] ?? dataset
}

export function activationName(activation: string): string {
  return ACTIVATIONS[activation] ?? activation
}

/** `lr 0.01, momentum 0.9`. */
export function optimizerText({ learningRate, momentum }: Pick<Condition, 'learningRate' | 'momentum'>): string {
  return `lr ${learningRate}, momentum ${momentum}`
}

/** `MLP 5×500, Tanh`: what was trained, but for the data and the optimizer. */
export function networkText({
  network,
  activation,
  initialization,
}: Pick<Condition, 'network' | 'activation' | 'initialization'>): string {
  return [
    network,
    ...(activation === 'relu' ? [] : [activationName(activation)]),
    ...(initialization === 'default' ? [] : [initialization]),
  ].join(', ')
}

/** `MLP 5×500/cifar10/lr 0.01 momentum 0.9`: in a claim's id. */
export function conditionId(condition: Omit<Condition, 'learningRate'> & Partial<Condition>): string {
  const { network, dataset, activation, initialization, learningRate, momentum } = condition
  const optimizer = `${learningRate === undefined ? 'tuned' : `lr ${learningRate}`} momentum ${momentum}`
  const special = [activation === 'relu' ? [] : activation, initialization === 'default' ? [] : initialization].flat()
  return [network, dataset, ...special, optimizer].join('/')
}

/** How a figure names an arm; by its CoB-range, where there are several. */
export function armLabel({ arm, range }: Pick<TrainedRun, 'arm' | 'range'>, byRange: boolean): string {
  return byRange && arm !== NO_TELEPORTATION && range !== null ? `σ = ${range}` : arm
}

/** Chance, in per cent. */
export function chanceOf(dataset: string): number {
  return dataset === 'cifar100' ? 1 : 10
}
