/** Names are compared from this many on, which count as different until then: most bodies have fewer. */
const uncounted = 20_000
/** Bits that stand for names by their hash: two names with the same one count as one. */
const bits = 1 << 20

/** Counts the different names of members in a JSON text, about: it may count fewer than there are beyond 20,000, never more. */
export class NameCounter {
  readonly #text: Buffer
  #count = 0
  #seen: Uint8Array | undefined

  constructor(text: Buffer) {
    this.#text = text
  }

  /** Adds the name between two indexes; it is that of the `nth` member. @returns how many there have been so far */
  add(start: number, end: number, nth: number): number {
    if (nth <= uncounted) {
      this.#count = nth
      return nth
    }
    this.#seen ??= new Uint8Array(bits / 8)
    let hash = 0x811c9dc5
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (this.#text[i] ?? 0), 0x01000193)
    const bit = (hash ^ (hash >>> 15)) & (bits - 1)
    const seen = this.#seen[bit >> 3] ?? 0
    if ((seen & (1 << (bit & 7))) !== 0) return this.#count
    this.#seen[bit >> 3] = seen | (1 << (bit & 7))
    this.#count += 1
    return this.#count
  }
}
