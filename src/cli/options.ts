import { type Command, InvalidArgumentError, Option } from 'commander'
import { SAMPLINGS } from '../cob/sample.js'
import { terminal } from './terminal.js'

export interface CommonOptions {
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Options of every command. Also tells the terminal of them before the command runs. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object')
    .option('--quiet', 'no progress, no warnings')
    .option('--debug', 'print the stack trace of an error')
    .hook('preAction', (_, called) => terminal.configure(called.opts<CommonOptions>()))
}

export function scopeOption(): Option {
  return new Option(
    '--scope <scope>',
    'weights: no node is added; full: every layer is free (default: weights)',
  ).choices(['weights', 'full'])
}

export function samplingOption(): Option {
  return new Option('--sampling <how>', 'distribution of τ (default: intra)').choices(SAMPLINGS)
}

function layoutOption(): Option {
  return new Option('--layout <layout>', 'weights in the .onnx file or beside it (default: as they were)').choices([
    'inline',
    'external',
  ])
}

export interface OutputOptions {
  readonly output: string
  readonly force?: boolean
  readonly layout?: 'inline' | 'external'
}

export function withOutputOptions(command: Command): Command {
  return command
    .requiredOption('-o, --output <file>', 'where the model goes')
    .option('--force', 'replace files that exist')
    .addOption(layoutOption())
}

export interface ChosenOptions {
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
}

export function withVertexOptions(command: Command): Command {
  return command
    .option('--include <name...>', 'move only these vertices (* stands for anything)')
    .option('--exclude <name...>', 'leave these vertices as they are')
}

export interface CheckOptions extends CommonOptions {
  readonly inputs?: readonly string[]
  readonly samples?: number
  readonly dim?: Readonly<Record<string, number>>
  readonly tolerance?: number
  readonly threads?: number
}

/** How two models are compared. */
export function withCheckOptions(command: Command): Command {
  return command
    .option('--inputs <file.npz>', 'run on these arrays, named as the inputs; may be repeated', collect)
    .option('--samples <n>', 'how many inputs are drawn (default: 4)', wholeNumber(1))
    .option('--dim <name=size>', 'size of an open dimension, by name or as input:axis; may be repeated', dimension)
    .option(
      '--tolerance <x>',
      "largest max|y−y'| ÷ max|y| that passes (default: by type, 1e-4 for float32)",
      atLeast(0),
    )
    .option('--threads <n>', 'threads of the runtime (default: all cores)', wholeNumber(1))
}

export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = number(text)
    if (value < least) throw new InvalidArgumentError(`Expected a number of at least ${least}.`)
    return value
  }
}

export function wholeNumber(least = -Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Expected a whole number${least > -Infinity ? ` of at least ${least}` : ''}.`)
    return value
  }
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function dimension(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=SIZE, such as batch=1.')
  // A name may be anything, __proto__ included.
  return Object.fromEntries([...Object.entries(before), [text.slice(0, at), wholeNumber(0)(text.slice(at + 1))]])
}
