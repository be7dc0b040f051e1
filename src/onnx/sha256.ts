import type { Hash } from './files.js'

/** SHA-256 (FIPS 180-4), for places where the platform's own can only be awaited. */
export class Sha256 implements Hash {
  readonly #state = Uint32Array.from(INITIAL)
  readonly #block = new Uint8Array(64)
  readonly #schedule = new Uint32Array(64)
  #filled = 0
  #length = 0

  update(bytes: Uint8Array): void {
    this.#length += bytes.length
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + 64 - this.#filled)
      this.#block.set(piece, this.#filled)
      this.#filled += piece.length
      at += piece.length
      if (this.#filled === 64) this.#compress()
    }
  }

  hex(): string {
    const bits = this.#length * 8
    this.update(Uint8Array.of(0x80))
    while (this.#filled !== 56) this.update(Uint8Array.of(0))
    const length = new DataView(new ArrayBuffer(8))
    length.setUint32(0, Math.floor(bits / 2 ** 32))
    length.setUint32(4, bits >>> 0)
    this.update(new Uint8Array(length.buffer))
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, '0')).join('')
  }

  #compress(): void {
    const w = this.#schedule
    const view = new DataView(this.#block.buffer)
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(4 * i)
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15] as number
      const y = w[i - 2] as number
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
      w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (CONSTANTS[i] as number) + (w[i] as number)) | 0
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0]
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) this.#state[i] = (this.#state[i] as number) + value
    this.#filled = 0
  }
}

function rotate(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by))
}

/** The first 32 bits of the fractional part of x ↦ x^(1/root) at the first `count` primes, which is how the standard defines them. */
function primeRoots(count: number, root: 2 | 3): number[] {
  const primes: bigint[] = []
  for (let n = 2n; primes.length < count; n++) if (primes.every((p) => n % p !== 0n)) primes.push(n)
  return primes.map((prime) => {
    const target = prime << BigInt(32 * root)
    let low = 0n
    let high = 1n << 40n
    while (high - low > 1n) {
      const middle = (low + high) / 2n
      if (middle ** BigInt(root) <= target) low = middle
      else high = middle
    }
    return Number(low & 0xffffffffn)
  })
}

const INITIAL = primeRoots(8, 2)
const CONSTANTS = primeRoots(64, 3)
