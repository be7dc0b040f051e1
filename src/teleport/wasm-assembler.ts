/**
 * As much of WebAssembly's binary format as one small module of numeric functions needs
 * (https://webassembly.github.io/spec/core/binary). An instruction is a function from its operands' code to its own, so that
 * code is written as an expression: `f64x2.mul(get(x), get(y))`.
 */
export type Code = readonly number[]
type Instruction = (...operands: Code[]) => Code

export type ValueType = 'i32' | 'v128'
const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, v128: 0x7b }

/** LEB128, for unsigned numbers below 2^32. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80)
  return [...bytes, value]
}

/** LEB128, for signed numbers of 32 bits. */
function signed(value: number): number[] {
  const bytes: number[] = []
  for (; value < -64 || value > 63; value >>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value & 0x7f]
}

function vector(items: readonly Code[]): number[] {
  return [...unsigned(items.length), ...items.flat()]
}

function plain(opcode: number, ...immediates: number[]): Instruction {
  return (...operands) => [...operands.flat(), opcode, ...immediates]
}

function simd(opcode: number, ...immediates: number[]): Instruction {
  return (...operands) => [...operands.flat(), 0xfd, ...unsigned(opcode), ...immediates]
}

/** A memory access at `offset` bytes past its operand, with no promise of alignment. */
function access(opcode: number, ...immediates: number[]): (address: Code, value?: Code, offset?: number) => Code {
  return (address, value = [], offset = 0) => simd(opcode, 0, ...unsigned(offset), ...immediates)(address, value)
}

function lanes64(value: bigint): Code {
  const bytes = new Uint8Array(new BigUint64Array([value, value]).buffer)
  return [0xfd, 0x0c, ...bytes]
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
/** while (condition) body */
export function whileLoop(condition: Code, body: readonly Code[]): Code {
  const block = 0x02
  const loop = 0x03
  const branch = 0x0c
  const branchIf = 0x0d
  const end = 0x0b
  const noResult = 0x40
  const leave = [...i32.eqz(condition), branchIf, 1]
  return [block, noResult, loop, noResult, ...leave, ...body.flat(), branch, 0, end, end]
}

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  eqz: plain(0x45),
  lessUnsigned: plain(0x49),
  add: plain(0x6a),
  and: plain(0x71),
  shl: plain(0x74),
}

export const v128 = {
  load: access(0x00),
  load16Splat: access(0x08),
  load32Splat: access(0x09),
  load64Splat: access(0x0a),
  load64Zero: access(0x5d),
  store: access(0x0b),
  store16: access(0x59, 0),
  store32: access(0x5a, 0),
  store64: access(0x5b, 0),
  and: simd(0x4e),
  or: simd(0x50),
  /** Bits of the first where the third is 1, else of the second. */
  select: simd(0x52),
}

/** Four lanes of 4 bytes, chosen by number from the eight of two vectors. */
export function shuffle32(a: number, b: number, c: number, d: number): Instruction {
  return simd(0x0d, ...[a, b, c, d].flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]))
}

export const i16x8 = { narrowUnsigned: simd(0x86) }

export const i32x4 = {
  splat: (value: number): Code => lanes64((BigInt(value) << 32n) | BigInt(value)),
  extendLowUnsigned: simd(0xa9),
  greater: simd(0x3b),
  shl: simd(0xab),
  add: simd(0xae),
}

export const i64x2 = {
  splat: lanes64,
  shrUnsigned: simd(0xcd),
  add: simd(0xce),
  sub: simd(0xd1),
}

export const f32x4 = { sub: simd(0xe5), demote: simd(0x5e) }

export const f64x2 = {
  splat: (value: number): Code => lanes64(new BigUint64Array(new Float64Array([value]).buffer)[0] as bigint),
  notEqual: simd(0x48),
  abs: simd(0xec),
  add: simd(0xf0),
  mul: simd(0xf2),
  /** b < a ? b : a, so that a NaN in a stays. */
  min: simd(0xf6),
  /** a < b ? b : a, so that a NaN in a stays. */
  max: simd(0xf7),
  promoteLow: simd(0x5f),
}

/** Parameters are the first locals. */
export interface WasmFunction {
  readonly name: string
  readonly parameters: readonly ValueType[]
  readonly locals: readonly ValueType[]
  readonly body: readonly Code[]
}

/** A module of functions without results over one memory of `pages` × 64 KiB, all of them exported, the memory as `memory`. */
export function assemble(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = (list: readonly ValueType[]): Code[] => list.map((type) => [VALUE_TYPES[type]])
  const name = (text: string): number[] => vector([...text].map((character) => [character.charCodeAt(0)]))
  const section = (id: number, items: readonly Code[]): number[] => {
    const content = vector(items)
    return [id, ...unsigned(content.length), ...content]
  }
  const bodies = functions.map(({ locals, body }) => {
    const content = [...vector(types(locals).map((type) => [1, ...type])), ...body.flat(), 0x0b]
    return [...unsigned(content.length), ...content]
  })
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      functions.map(({ parameters }) => [0x60, ...vector(types(parameters)), 0]),
    ),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(5, [[1, ...unsigned(pages), ...unsigned(pages)]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      ...functions.map((f, index) => [...name(f.name), 0, ...unsigned(index)]),
    ]),
    ...section(10, bodies),
  ])
}
