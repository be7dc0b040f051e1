import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Milliseconds of each repetition. */
export interface TorchTimes {
  readonly version: string
  readonly scale: readonly number[]
  readonly copy: readonly number[]
}

/** What bench/peer/scale_weights.py measures; undefined where PyTorch is not installed. `PYTHON` names the interpreter. */
export function torchTimes(): TorchTimes | undefined {
  const script = fileURLToPath(new URL('peer/scale_weights.py', import.meta.url))
  const { status, stdout } = spawnSync(process.env['PYTHON'] ?? 'python3', [script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 ? (JSON.parse(stdout) as TorchTimes) : undefined
}

/** Undefined where PyTorch with torchvision is not installed. `PYTHON` names the interpreter. */
export function torchVersion(): string | undefined {
  const { status, stdout } = spawnSync(
    process.env['PYTHON'] ?? 'python3',
    ['-c', 'import torch, torchvision; print(torch.__version__)'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return status === 0 ? stdout.trim() : undefined
}
