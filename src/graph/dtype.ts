/** Element types of ONNX tensors (TensorProto.DataType), under NumPy's names. */
export const DTYPES = [
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
] as const

/** The position in this list, plus one, is the value of TensorProto.DataType. */
export type DType = (typeof DTYPES)[number]

const BITS: Readonly<Record<DType, number>> = {
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
}

/** Bits that one element takes in a packed tensor; 0 for strings, which have no packed form. */
export function bitsOf(dtype: DType): number {
  return BITS[dtype]
}

/** Bytes that `count` packed elements take, the last byte filled up (ONNX packs 4-bit types two to a byte). */
export function byteLengthOf(dtype: DType, count: number): number {
  return Math.ceil((count * BITS[dtype]) / 8)
}

/** The types whose values teleportation may scale: a product with a real number, rounded once, stays of the type. */
export type FloatDType = 'float32' | 'float64' | 'float16' | 'bfloat16'

/** Sums of many of these round badly, and ONNX Runtime's CPU provider has few kernels for them. */
export function isHalf(dtype: DType | undefined): dtype is 'float16' | 'bfloat16' {
  return dtype === 'float16' || dtype === 'bfloat16'
}

export function isFloat(dtype: DType | undefined): dtype is FloatDType {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16'
}
