const name = Buffer.from('input')
/** What may follow the backslash where JSON.stringify writes an escape, but for those of other control characters. */
const plainEscapes = new Set(Array.from('"\\bfnrt', (character) => character.charCodeAt(0)))
const notPlain = -2

/** Where the value of the member `input` of a scanned text is, and whether JSON.stringify would write it as it is there. */
export class InputPlace {
  #start = -1
  #end = -1
  #isPlain = true
  #members = 0

  /** Undefined: there is none, or JSON.stringify might write more than the order of its members, or one that occurs twice, in another way. */
  get found(): { start: number; end: number; members: number } | undefined {
    const [start, end] = [this.#start, this.#end]
    return start > 0 && end > start ? { start, end, members: this.#members } : undefined
  }

  /** The value of a member of the text itself begins at an index. Where a name occurs twice, the last one counts. `members`: of all so far. */
  begin(text: Buffer, nameStart: number, nameEnd: number, at: number, members: number): void {
    if (nameEnd - nameStart !== name.length || name.compare(text, nameStart, nameEnd) !== 0) return
    this.#start = at
    this.#end = -1
    this.#isPlain = true
    this.#members = -members
  }

  /** It ends, if it has begun. */
  finish(at: number, members: number): void {
    if (this.#start < 0 || this.#end !== -1) return
    this.#end = this.#isPlain ? at : notPlain
    this.#members += members
  }

  /** JSON.stringify would not write what is here. */
  change(): void {
    this.#isPlain = false
  }

  escape(escaped: number): void {
    if (!plainEscapes.has(escaped)) this.#isPlain = false
  }
}
