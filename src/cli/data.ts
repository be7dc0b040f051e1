import { Argument, Command } from 'commander'
import { type CachedDataset, fetchDataset } from '../data/cifar.js'
import type { Progress } from '../data/progress.js'
import { type CommonOptions, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'
import { count, table } from './text.js'

const EXAMPLE = `
Examples:
  teleport data cifar10
  teleport data cifar100 --from ~/Downloads/cifar-100-binary.tar.gz
  teleport data cifar10 --force --json`

interface DataOptions extends CommonOptions {
  readonly cache?: string
  readonly from?: string
  readonly force?: boolean
}

export function dataCommand(): Command {
  const command = new Command('data')
    .description('Fetch a data set, check it, and keep it in the cache.')
    .addArgument(new Argument('<dataset>', 'which one').choices(['cifar10', 'cifar100']))
    .option('--cache <dir>', "where data sets are kept (default: $NEURAL_TELEPORTATION_CACHE, or the platform's cache)")
    .option('--from <dir|archive>', 'take it from a folder of .bin files or an archive instead of fetching it')
    .option('--force', 'fetch it again though it is whole')
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(data)
}

async function data(name: 'cifar10' | 'cifar100', options: DataOptions): Promise<void> {
  const { cache, from, force } = options
  const warnings: string[] = []
  // What was downloaded so far is taken away at the process's end, which a signal alone would skip.
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  terminal.progress(`checking ${name}`)
  const result = await fetchDataset(name, {
    ...(cache !== undefined && { cache }),
    ...(from !== undefined && { from }),
    ...(force !== undefined && { force }),
    onProgress: (progress) => terminal.progress(progressText(progress)),
    onWarning: (line) => {
      warnings.push(line)
      terminal.warn(line)
    },
  })
  terminal.result(
    { ...result, train: summary(result.train), validation: summary(result.validation), warnings },
    lines(result),
  )
}

function summary(perClass: readonly number[]): { readonly images: number; readonly perClass: readonly number[] } {
  return { images: total(perClass), perClass }
}

function total(perClass: readonly number[]): number {
  return perClass.reduce((sum, images) => sum + images, 0)
}

function lines({ dataset, folder, source, fetched, files, classes, train, validation }: CachedDataset): string[] {
  const balance = (perClass: readonly number[]) => {
    const [least, most] = [Math.min(...perClass), Math.max(...perClass)]
    return `${count(total(perClass))} images, ${least === most ? count(least) : `${count(least)} to ${count(most)}`} of each class`
  }
  const rows = files.map(({ name, bytes, sha256 }) => [`  ${name}`, count(bytes), sha256])
  return [
    `${dataset} ${fetched ? `is now in` : 'is in'} ${folder}`,
    `  source      ${source}`,
    `  classes     ${count(classes)}`,
    `  training    ${balance(train)}`,
    `  validation  ${balance(validation)}`,
    '',
    ...table([['  file', 'bytes', 'SHA-256'], ...rows]),
  ]
}

/** How far it is, in a line: "downloading x: 3 MB of 139 MB, 12 s left". */
export function progressText({ what, done, total: all, unit, secondsLeft }: Progress): string {
  const amount = unit === 'bytes' ? (value: number) => `${(value / 1e6).toFixed(0)} MB` : count
  const left = secondsLeft === null ? '' : `, ${timeText(secondsLeft)} left`
  return Number.isFinite(all) ? `${what}: ${amount(done)} of ${amount(all)}${left}` : `${what}: ${amount(done)}`
}

/** A time that is left. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
