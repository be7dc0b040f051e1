#!/usr/bin/env node
import { CommanderError } from 'commander'
import { ModelError } from '../graph/model.js'
import { oneLine } from '../graph/text.js'
import { programFor } from './program.js'
import { terminal } from './terminal.js'

const argv = process.argv.slice(2)
const debug = argv.includes('--debug')

function fail(error: unknown): void {
  terminal.clear()
  process.stderr.write(`teleport: ${messageOf(error)}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  process.exitCode = 2
}

function messageOf(error: unknown): string {
  if (error instanceof CommanderError) return usageMessage(error)
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (error instanceof ModelError) return message
  return `unexpected error: ${message}${debug ? '' : '; --debug shows where it came from'}`
}

function usageMessage(error: CommanderError): string {
  const message = error.code === 'commander.help' ? 'a command is needed' : oneLine(error.message)
  const command = programFor(argv).called
  return `${message.replace(/^error: /, '')}; see teleport ${command === undefined ? '' : `${command} `}--help`
}

/** Whoever reads the output may have seen enough, as `head` does. That is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    fail(new ModelError(`cannot write the result to standard output: ${error.code ?? error.message}`))
})
process.stderr.on('error', () => undefined)
process.on('uncaughtException', fail)

try {
  const { program, ready } = programFor(argv)
  await ready
  await program.parseAsync(argv, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError && error.exitCode === 0)) fail(error)
}
