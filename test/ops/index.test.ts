import { describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import { operatorsDocument } from '../../src/ops/document.js'
import { FAMILIES, operatorOf, OPERATORS } from '../../src/ops/index.js'

const node = { name: '', inputs: [], outputs: [], attributes: new Map() }

/** What the project has promised rules for. */
const PROMISED =
  `Conv ConvTranspose Gemm MatMul Einsum BatchNormalization LayerNormalization InstanceNormalization GroupNormalization
RMSNormalization LpNormalization LRN Relu LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Sigmoid HardSigmoid HardSwish Tanh Softplus
Softsign Gelu Mish Swish Erf Exp Log Sqrt Pow Reciprocal Abs Neg Sign Sin Cos Clip Add Sub Mul Div Sum Mean Max Min Where MaxPool
AveragePool LpPool GlobalMaxPool GlobalAveragePool ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum
ReduceLogSumExp ReduceSumSquare ArgMax TopK Softmax LogSoftmax Concat Split Slice Gather GatherElements GatherND Reshape Flatten
Transpose Squeeze Unsqueeze Expand Tile Pad Resize Upsample DepthToSpace SpaceToDepth Identity Dropout Cast LSTM GRU RNN If Loop Scan
QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger MatMulInteger QLinearConv QLinearMatMul`.split(/\s+/)

describe('the table of operators', () => {
  it('has no operator twice', () => {
    const names = Object.values(FAMILIES).flatMap((family) => Object.keys(family))
    expect(new Set(names).size).toBe(names.length)
    expect(OPERATORS.size).toBe(names.length)
  })

  it('has every operator that was promised', () => {
    expect(PROMISED.filter((name) => !OPERATORS.has(name))).toEqual([])
  })

  it('knows the operators of the standard alone', () => {
    expect(operatorOf({ ...node, opType: 'Conv', domain: '' })).toBe(OPERATORS.get('Conv'))
    expect(operatorOf({ ...node, opType: 'Conv', domain: 'com.example' })).toBeUndefined()
    expect(operatorOf({ ...node, opType: 'constructor', domain: '' })).toBeUndefined()
  })
})

describe('docs/operators.md', () => {
  it('is what the table says', () => {
    const file = new URL('../../docs/operators.md', import.meta.url)
    expect(readFileSync(file, 'utf8') === operatorsDocument(), 'run `npx tsx scripts/operators.ts`').toBe(true)
  })

  it('has a row for every operator', () => {
    const rows = operatorsDocument().split('\n')
    for (const name of OPERATORS.keys()) expect(rows.filter((row) => row.startsWith(`| ${name} `))).toHaveLength(1)
  })
})
