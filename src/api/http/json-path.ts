import { escapePointer } from '../../jobs/json-pointer.ts'

/** Longer names are not decoded for a pointer: it is cut anyway. */
const maxNameBytes = 1000

/** Where a scan of JSON text is: the arrays and objects that are open, and the element or member of each. */
export class JsonPath {
  readonly #text: Buffer
  // One entry for each level; the first is the text itself. Small arrays of small integers cost less to make than typed ones.
  readonly #isArray = [false]
  /** Of an array, the index of the present element. Of an object, how many members have begun. */
  readonly #counts = [0]
  readonly #nameStarts = [0]
  readonly #nameEnds = [0]
  /** Whether it is an object that is the value of a member called "constructor". */
  readonly #isConstructor = [false]
  #expectsConstructor = false
  #depth = 0

  constructor(text: Buffer) {
    this.#text = text
  }

  /** Whether the present object is the value of a member called "constructor". */
  get isConstructor(): boolean {
    return this.#isConstructor[this.#depth] === true
  }

  /** The name of the member that has just begun is "constructor", or another. */
  expectConstructor(expects: boolean): void {
    this.#expectsConstructor = expects
  }

  /** An array or object opens. @returns how many are open */
  enter(isArray: boolean): number {
    const depth = ++this.#depth
    this.#isArray[depth] = isArray
    this.#counts[depth] = 0
    this.#nameStarts[depth] = 0
    this.#nameEnds[depth] = 0
    this.#isConstructor[depth] = this.#expectsConstructor && !isArray
    this.#expectsConstructor = false
    return depth
  }

  /** One closes. */
  leave(): void {
    this.#expectsConstructor = false
    if (this.#depth > 0) this.#depth -= 1
  }

  /** A comma: the next element of an array. */
  next(): void {
    const depth = this.#depth
    if (this.#isArray[depth]) this.#counts[depth] = (this.#counts[depth] ?? 0) + 1
  }

  /** A colon: a member begins, whose name stands between two indices. @returns how many members the object has so far */
  name(start: number, end: number): number {
    const depth = this.#depth
    this.#nameStarts[depth] = start
    this.#nameEnds[depth] = end
    const count = (this.#counts[depth] ?? 0) + 1
    this.#counts[depth] = count
    return count
  }

  /** The JSON Pointer of the present value. */
  pointer(): string {
    let pointer = ''
    for (let level = 1; level <= this.#depth; level++) {
      const step = this.#isArray[level]
        ? this.#counts[level]
        : this.decode(this.#nameStarts[level] ?? 0, this.#nameEnds[level] ?? 0)
      pointer += `/${escapePointer(step ?? '')}`
    }
    return pointer
  }

  /** The JSON Pointer of a member of the present object whose name stands between two indices. */
  pointerOf(start: number, end: number): string {
    this.#nameStarts[this.#depth] = start
    this.#nameEnds[this.#depth] = end
    return this.pointer()
  }

  /** The string between two quotes; a long one is cut, and what is no JSON string is taken as it is. */
  decode(start: number, end: number): string {
    const raw = this.#text.toString('utf8', start, Math.min(end, start + maxNameBytes))
    try {
      return String(JSON.parse(`"${raw}"`)).toWellFormed()
    } catch {
      return raw.toWellFormed()
    }
  }
}
