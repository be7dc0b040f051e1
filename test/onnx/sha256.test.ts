import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sha256 } from '../../src/onnx/sha256.js'

test("agrees with the platform's SHA-256, however the bytes come in", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
      const ours = new Sha256()
      const theirs = createHash('sha256')
      for (const piece of pieces) {
        ours.update(piece)
        theirs.update(piece)
      }
      expect(ours.hex()).toBe(theirs.digest('hex'))
    }),
  )
})
