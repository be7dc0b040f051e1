import { terminal } from './terminal.js'

/** Asked by Ctrl-C or SIGTERM to end. */
export interface Interrupt {
  readonly signal: AbortSignal
  /** The exit status of a command that was interrupted: 130 by Ctrl-C, 143 by SIGTERM. */
  status(): number
  /** From here on signals do what they do without it. */
  stop(): void
}

/**
 * The first Ctrl-C (or SIGTERM) asks for an end; the second ends at once.
 * @param message what is said of the first
 */
export function interruptible(message: string): Interrupt {
  const controller = new AbortController()
  let status = 0
  const end = (code: number) => (): void => {
    if (controller.signal.aborted) process.exit(code)
    status = code
    terminal.line(message, process.stderr)
    controller.abort()
  }
  const listeners = { SIGINT: end(130), SIGTERM: end(143) }
  for (const [name, listener] of Object.entries(listeners)) process.on(name, listener)
  return {
    signal: controller.signal,
    status: () => status,
    stop: () => {
      for (const [name, listener] of Object.entries(listeners)) process.off(name, listener)
    },
  }
}
