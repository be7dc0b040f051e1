/**
 * Sizes of dimensions as far as they are known without running the model: a number, or a product of a number and of symbols
 * ('N', 'height', or an expression that is not a product, such as 'floor(height/2)'). That is enough to follow
 * Shape → Gather → Mul → Reshape chains for every size that a symbol may take.
 */
export interface SymbolicDim {
  readonly coefficient: number
  /** Sorted; a symbol may occur more than once. */
  readonly symbols: readonly string[]
}

export type Dim = number | SymbolicDim

export function isNumber(dim: Dim | undefined): dim is number {
  return typeof dim === 'number'
}

/** A dimension that is known by name only. The same name is the same size. */
export function symbol(name: string): Dim {
  return { coefficient: 1, symbols: [name] }
}

function normal(coefficient: number, symbols: readonly string[]): Dim {
  return symbols.length === 0 || coefficient === 0 ? coefficient : { coefficient, symbols }
}

function parts(dim: Dim): SymbolicDim {
  return typeof dim === 'number' ? { coefficient: dim, symbols: [] } : dim
}

export function multiply(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  const x = parts(a)
  const y = parts(b)
  const symbols = [...x.symbols, ...y.symbols].sort()
  // A product of very many symbols is of no use to anyone; keep it one opaque name.
  if (symbols.length > 16) return symbol(abbreviate(`mul(${show(a)},${show(b)})`))
  return normal(x.coefficient * y.coefficient, symbols)
}

/** a / b where that is again a number or a product; undefined where it is not (or b is 0). */
export function divide(a: Dim, b: Dim): Dim | undefined {
  const x = parts(a)
  const y = parts(b)
  if (y.coefficient === 0 || x.coefficient % y.coefficient !== 0) return undefined
  const rest = [...x.symbols]
  for (const name of y.symbols) {
    const at = rest.indexOf(name)
    if (at < 0) return undefined
    rest.splice(at, 1)
  }
  return normal(x.coefficient / y.coefficient, rest)
}

/** The value of an expression over numbers; over symbols, a new symbol named after the expression. */
function expression(name: string, operands: readonly Dim[], value: (...numbers: number[]) => number): Dim {
  if (operands.every(isNumber)) return value(...operands)
  return symbol(abbreviate(`${name}(${operands.map(show).join(',')})`))
}

/** Nested expressions would grow without bound in a deep graph; beyond a length their name is a 64-bit FNV-1a hash of itself. */
function abbreviate(name: string): string {
  if (name.length <= 160) return name
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < name.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(i))) * 0x100000001b3n)
  return `#${hash.toString(16)}`
}

export function add(a: Dim, b: Dim): Dim {
  if (a === 0) return b
  if (b === 0) return a
  return expression('add', [a, b], (x, y) => x + y)
}

export function subtract(a: Dim, b: Dim): Dim {
  if (b === 0) return a
  if (same(a, b)) return 0
  return expression('sub', [a, b], (x, y) => x - y)
}

export function floorDivide(a: Dim, b: Dim): Dim {
  return divide(a, b) ?? expression('floordiv', [a, b], (x, y) => Math.floor(x / y))
}

export function ceilDivide(a: Dim, b: Dim): Dim {
  return divide(a, b) ?? expression('ceildiv', [a, b], (x, y) => Math.ceil(x / y))
}

export function product(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>(multiply, 1)
}

/** True only if the two are the same size whatever the symbols' sizes. */
export function same(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b
  return (
    a.coefficient === b.coefficient &&
    a.symbols.length === b.symbols.length &&
    a.symbols.every((s, i) => s === b.symbols[i])
  )
}

/** True if two shapes are known to be the same. */
export function sameShape(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.length === b.length && a.every((dim, axis) => same(dim, b[axis] as Dim))
  )
}

export function show(dim: Dim): string {
  if (typeof dim === 'number') return String(dim)
  return dim.coefficient === 1 ? dim.symbols.join('*') : [dim.coefficient, ...dim.symbols].join('*')
}

/**
 * The shape of an elementwise result (ONNX's multidirectional broadcasting). Where a symbol meets a number above 1 the number
 * is taken, for the two must agree at run time; where two symbols meet, the first.
 */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  const dims = new Array<Dim>(rank)
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    dims[axis] = x === 1 ? y : y === 1 ? x : isNumber(y) ? y : x
  }
  return dims
}

/** Runs of axes of two shapes with equal products: how a Reshape splits and joins axes. Undefined where they cannot be paired. */
export function pairAxes(
  from: readonly Dim[],
  to: readonly Dim[],
): readonly { readonly from: readonly [number, number]; readonly to: readonly [number, number] }[] | undefined {
  const pairs: { from: readonly [number, number]; to: readonly [number, number] }[] = []
  let i = 0
  let j = 0
  while (i < from.length || j < to.length) {
    const startFrom = i
    const startTo = j
    let x: Dim = i < from.length ? (from[i++] as Dim) : 1
    let y: Dim = j < to.length ? (to[j++] as Dim) : 1
    while (!same(x, y)) {
      // Whoever lags behind takes its next axis: the one that divides the other.
      if (divide(y, x) !== undefined && i < from.length) x = multiply(x, from[i++] as Dim)
      else if (divide(x, y) !== undefined && j < to.length) y = multiply(y, to[j++] as Dim)
      else if (i < from.length && (j >= to.length || isSmaller(x, y))) x = multiply(x, from[i++] as Dim)
      else if (j < to.length) y = multiply(y, to[j++] as Dim)
      else return undefined
    }
    pairs.push({ from: [startFrom, i], to: [startTo, j] })
  }
  return pairs
}

function isSmaller(a: Dim, b: Dim): boolean {
  const x = parts(a)
  const y = parts(b)
  return x.symbols.length === y.symbols.length ? x.coefficient <= y.coefficient : x.symbols.length < y.symbols.length
}
