import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, statSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { BINARY, fixture, refusal, teleport, temporaryFolder } from './run.js'

const folder = temporaryFolder()
const mlp = 'mlp.onnx'
beforeAll(() => copyFileSync(fixture('mlp-relu.onnx'), path.join(folder.path, mlp)))

describe('teleport', () => {
  it.each([[[]], [['inspect']], [['apply']], [['undo']], [['verify']]])('%j --help shows an example', (command) => {
    const { status, stdout, stderr } = teleport(folder.path, ...command, '--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/Usage: teleport/)
    expect(stdout).toMatch(/Examples?:\n {2}teleport /)
  })

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /command is needed; see teleport --help/],
    [['teleprot'], /unknown command 'teleprot'/],
    [['inspect'], /missing required argument 'model'; see teleport inspect --help/],
    [['inspect', 'a', 'b'], /too many arguments/],
    [['inspect', mlp, '--scop', 'full'], /unknown option '--scop' \(Did you mean --scope\?\)/],
    [['inspect', mlp, '--scope', 'all'], /'--scope <scope>' argument 'all' is invalid.*weights, full/],
    [['inspect', 'none.onnx'], /'none\.onnx': there is no such file/],
    [['inspect', '.'], /'\.': /],
    [['inspect', mlp, '--include', 'nothing*'], /no vertex is named 'nothing\*'/],
    [['apply', mlp], /required option '-o, --output <file>' not specified/],
    [['apply', mlp, '-o', 'x.onnx', '--range', 'wide'], /'--range <sigma>' argument 'wide' is invalid/],
    [['apply', mlp, '-o', 'x.onnx', '--range', '1.5'], /σ < 1/],
    [['apply', mlp, '-o', 'x.onnx', '--seed', '1.5'], /'--seed <n>' argument '1\.5' is invalid/],
    [['apply', mlp, '-o', 'x.onnx', '--cob', 'c', '--seed', '1'], /cannot be used with/],
    [['apply', mlp, '-o', 'no/such/folder/x.onnx'], /there is no folder 'no\/such\/folder'/],
    [['apply', mlp, '-o', '.'], /'\.': it is a folder/],
    [['undo', mlp, '-o', 'x.onnx'], /required option '--cob <file>'/],
    [['undo', mlp, '-o', 'x.onnx', '--cob', 'none'], /cannot read 'none': there is no such file/],
    [['undo', mlp, '-o', 'x.onnx', '--cob', mlp], /is not a CoB file/],
    [['verify', mlp], /missing required argument 'b'/],
    [['verify', mlp, mlp, '--inputs', mlp], /\.npz/],
    [['verify', mlp, mlp, '--dim', 'N'], /Expected NAME=SIZE/],
    [['verify', mlp, mlp, '--dim', 'M=2'], /'M'/],
    [['verify', mlp, fixture('resnet.onnx')], /cannot be compared/],
  ]
  it.each(wrong)('%j is refused in one line', (args, message) => {
    expect(refusal(folder.path, ...args)).toMatch(message)
  })

  it('shows where an error came from with --debug alone', () => {
    const { status, stderr } = teleport(folder.path, 'inspect', 'none.onnx', '--debug')
    expect(status).toBe(2)
    expect(stderr).toMatch(/\n {4}at /)
  })

  it.each([0, 0.0001, 0.01, 0.5, 0.999])('a file of which only %d is there is refused in one line', (part) => {
    const broken = path.join(folder.path, 'broken.onnx')
    copyFileSync(fixture('mlp-relu.onnx'), broken)
    truncateSync(broken, Math.floor(part * statSync(broken).size))
    for (const command of [['inspect'], ['apply', '-o', 'out.onnx']])
      expect(refusal(folder.path, ...command, 'broken.onnx')).toContain("'broken.onnx'")
  })

  it('does not mind a reader that has seen enough', async () => {
    const child = spawn(process.execPath, [BINARY, 'inspect', fixture('densenet.onnx'), '--vertices', '--json'])
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
    const [status] = (await once(child, 'close')) as [number | null]
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
