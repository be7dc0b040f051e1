import { Command } from 'commander'

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** Only the command that is called is loaded: a help page should not wait for protobuf. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  inspect: {
    summary: 'what of a model can move, and why the rest cannot',
    load: async () => (await import('./inspect.js')).inspectCommand(),
  },
  apply: {
    summary: 'teleport a model, check that its function is the same, and write it',
    load: async () => (await import('./apply.js')).applyCommand(),
  },
  undo: {
    summary: 'take a teleportation back',
    load: async () => (await import('./undo.js')).undoCommand(),
  },
  verify: {
    summary: 'are two models the same function?',
    load: async () => (await import('./verify.js')).verifyCommand(),
  },
  gradients: {
    summary: 'loss and gradients on a batch; do they scale as Theorem 2 says?',
    load: async () => (await import('./gradients.js')).gradientsCommand(),
  },
  train: {
    summary: 'train a network, as a configuration says',
    load: async () => (await import('./train.js')).trainCommand(),
  },
  reproduce: {
    summary: 'compute figures of the paper, and test its claims',
    load: async () => (await import('./reproduce.js')).reproduceCommand(),
  },
  report: {
    summary: 'a page on the results of a reproduction, with the verdict on every claim',
    load: async () => (await import('./report.js')).reportCommand(),
  },
  sweep: {
    summary: 'train all runs of a matrix of settings',
    load: async () => (await import('./sweep.js')).sweepCommand(),
  },
  data: {
    summary: 'fetch a data set, check it, and keep it in the cache',
    load: async () => (await import('./data.js')).dataCommand(),
  },
}

const EXAMPLES = `
Examples:
  teleport inspect model.onnx
  teleport apply model.onnx -o moved.onnx --seed 7 --save-cob move.safetensors
  teleport undo moved.onnx --cob move.safetensors -o back.onnx
  teleport verify model.onnx back.onnx
  teleport train config.yaml -o runs/first
  teleport gradients runs/first/model.onnx --data cifar10 --check
  teleport reproduce fig2 fig3

Exit status: 0 done, 1 a check failed or training diverged, 2 wrong usage or input.`

/** The command line for these arguments. It can be used once `ready` has come. */
export function programFor(argv: readonly string[]): {
  readonly program: Command
  /** The name of the command that is called, if there is such a command. */
  readonly called: string | undefined
  readonly ready: Promise<void>
} {
  const program = quiet(new Command('teleport'))
    .description('Move neural networks through weight space without changing their function.')
    .usage('COMMAND [options]')
    .addHelpText('after', EXAMPLES)
  const first = argv.find((arg) => !arg.startsWith('-') && arg !== 'help') ?? ''
  const called = Object.hasOwn(COMMANDS, first) ? first : undefined
  const ready = (async () => {
    for (const [name, { summary, load }] of Object.entries(COMMANDS))
      if (name === called) program.addCommand(quiet((await load()).summary(summary)))
      else program.command(name).summary(summary).usage('[options]')
  })()
  return { program, called, ready }
}

/** Errors become exceptions, which main.ts says in one line. */
function quiet(command: Command): Command {
  return command.exitOverride().configureOutput({ outputError: () => undefined, writeErr: () => undefined })
}
