import { describe, it } from 'vitest'
import { checkForward } from '../../support/forward-check.js'
import { checkGradients } from '../../support/gradient-check.js'
import { Network } from '../network.js'

const equations: readonly (readonly [string, ...(readonly number[])[]])[] = [
  ['ij,jk->ik', [2, 3], [3, 4]],
  ['ij,jk', [2, 3], [3, 4]],
  ['bij,bjk->bk', [2, 3, 4], [2, 4, 2]],
  ['i,j->ij', [2], [3]],
  ['ij->', [2, 3]],
  ['ij->i', [2, 3]],
  ['ij,kj->i', [2, 3], [4, 3]],
  ['a,ab,b->', [2], [2, 3], [3]],
  ['...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]],
  ['...ij,...jk', [2, 1, 2, 3], [2, 1, 3, 2]],
  ['i..., i... -> ...', [2, 3], [2, 3]],
  ['...ij,jk->...ik', [2, 2, 3], [3, 2]],
  ['...i,i->...', [2, 3, 4], [4]],
  ['i...->...i', [2, 3, 4]],
  ['bHqd,bHkd->bHqk', [1, 2, 3, 2], [1, 2, 4, 2]],
]

describe('Einsum', () => {
  for (const [equation, ...shapes] of equations)
    for (const dtype of ['float64', 'float32'] as const)
      it(`${equation} of ${dtype}`, async () => {
        const net = new Network(18)
        const inputs = shapes.map((shape) => net.input(shape, dtype))
        const model = net.output(net.op('Einsum', inputs, { equation })).model()
        if (dtype === 'float32') await checkForward(model)
        await checkGradients(model)
      })
})
