import { InputPlace } from './input-place.ts'
import { isHeld } from './json-number.ts'
import { JsonPath } from './json-path.ts'
import { Mistakes } from './mistakes.ts'
import { NameCounter } from './name-counter.ts'

/** What JSON text may hold. */
export interface JsonLimits {
  /** Arrays and objects within each other. */
  depth: number
  /** Members of one object. */
  objectMembers: number
  /** Members of all objects. */
  members: number
  /** Different names of members, about. V8 makes a shape of objects for each: 200,000 take it a third of a second. */
  names: number
  /** Strings, arrays and objects. Names of members are not counted. */
  values: number
}

const [other, quote, openObject, openArray, close, comma, colon, number] = [0, 1, 2, 3, 4, 5, 6, 7] as const
const kinds = new Uint8Array(256)
const [plain, fraction, exponent] = [1, 2, 4] as const
const numberParts = new Uint8Array(256)
const hexDigits = new Uint8Array(256).fill(255)
const tables = [
  [kinds, '"', quote],
  [kinds, '{', openObject],
  [kinds, '[', openArray],
  [kinds, ']}', close],
  [kinds, ',', comma],
  [kinds, ':', colon],
  [kinds, '-0123456789', number],
  [numberParts, '-0123456789', plain],
  [numberParts, '.', fraction],
  [numberParts, 'eE+', exponent],
] as const
for (const [table, characters, value] of tables) {
  for (const character of characters) table[character.charCodeAt(0)] = value
}
for (const [value, digit] of Array.from('0123456789abcdef').entries()) {
  hexDigits[digit.charCodeAt(0)] = value
  hexDigits[digit.toUpperCase().charCodeAt(0)] = value
}
const [quoteByte, backslash, letterU, nine, zero, minus, space] = [0x22, 0x5c, 0x75, 0x39, 0x30, 0x2d, 0x20] as const

/** Strings are read byte by byte this far; from there on a native search is faster. Each search costs what 200 bytes do, and text may have an escape in each line. */
const nearBytes = 512
/** A double holds every integer of fewer digits, and of this many digits those that do not begin with 9. */
const longInteger = 16
/** With an exponent of two digits no shorter number can overflow. */
const longMantissa = 200
/** In an array, and of a string, array, object or member. */
const [elementBytes, valueBytes] = [8, 32] as const
const longestPrototypeName = '"constructor"'.length * 6

/**
 * Reads JSON text once, before it is parsed: a parser needs half a second for 8 MB of distinct names, and passes over in silence what a
 * double cannot hold. Text that is no JSON may pass: the parser refuses it.
 */
export class JsonScanner {
  /** What a parser would pass over in silence: numbers that change, halves of surrogate pairs, names of prototypes. */
  readonly mistakes = new Mistakes()
  /** The member `input` of the text, once that is read. */
  readonly input = new InputPlace()
  readonly #text: Buffer
  readonly #limits: JsonLimits
  readonly #path: JsonPath
  readonly #names: NameCounter
  #depth = 0
  #at = 0
  #commas = 0
  #members = 0
  #values = 0
  /** The last string, and whether there is an escape or half of a surrogate pair in it. */
  #stringStart = 0
  #stringEnd = 0
  #hasEscape = false
  #isIllFormed = false
  /** Where the next quote and the next backslash are, as far as they were searched for. */
  #nextQuote = -1
  #nextBackslash = -1

  constructor(text: Buffer, limits: JsonLimits) {
    this.#text = text
    this.#limits = limits
    this.#path = new JsonPath(text)
    this.#names = new NameCounter(text)
  }

  get isDone(): boolean {
    return this.#at >= this.#text.length
  }

  /** About how many bytes of memory the parsed value takes beside its text: three million brackets are a hundred megabytes. */
  get parsedBytes(): number {
    return elementBytes * this.#commas + valueBytes * (this.#values + this.#members)
  }

  /** Reads on for about so many bytes. @returns the first bound that the text exceeds, if it does: then the scan is over */
  advance(bytes: number): keyof JsonLimits | undefined {
    const text = this.#text
    const path = this.#path
    const limits = this.#limits
    const end = Math.min(this.#at + bytes, text.length)
    let i = this.#at
    while (i < end) {
      const kind = kinds[text[i] ?? 0]
      if (kind === other) {
        if ((text[i] ?? 0) <= space) this.input.change()
        i += 1
      } else if (kind === comma) {
        if (this.#depth === 1) this.input.finish(i, this.#members)
        path.next()
        this.#commas += 1
        i += 1
      } else if (kind === number) i = this.#skipNumber(i)
      else if (kind === quote) {
        i = this.#skipString(i + 1)
        // The name of a member is counted here, and taken off at its colon: until then there may be one too many.
        if (++this.#values > limits.values + 1) return 'values'
      } else if (kind === colon) {
        this.#values -= 1
        if (++this.#members > limits.members) return 'members'
        if (this.#names.add(this.#stringStart, this.#stringEnd, this.#members) > limits.names) return 'names'
        if (path.name(this.#stringStart, this.#stringEnd) > limits.objectMembers) return 'objectMembers'
        this.#checkName()
        i += 1
        if (this.#depth === 1) this.input.begin(text, this.#stringStart, this.#stringEnd, i, this.#members)
      } else if (kind === close) {
        if (this.#depth === 1) this.input.finish(i, this.#members)
        this.#depth = Math.max(0, this.#depth - 1)
        path.leave()
        i += 1
      } else {
        this.#depth = path.enter(kind === openArray)
        if (this.#depth > limits.depth) return 'depth'
        if (++this.#values > limits.values) return 'values'
        i += 1
      }
    }
    this.#at = i
    return this.isDone && this.#values > limits.values ? 'values' : undefined
  }

  /** @returns the index behind the closing quote, given that of the first byte */
  #skipString(start: number): number {
    this.#hasEscape = false
    this.#isIllFormed = false
    this.#stringStart = start
    this.#stringEnd = this.#findQuote(start)
    if (this.#isIllFormed) this.#refuseString()
    return this.#stringEnd + 1
  }

  #findQuote(start: number): number {
    const text = this.#text
    const { length } = text
    let i = start
    while (i < length) {
      const near = Math.min(i + nearBytes, length)
      while (i < near) {
        const byte = text[i]
        if (byte === quoteByte) return i
        i = byte === backslash ? this.#skipEscape(i) : i + 1
      }
      // Each search goes on where the one before ended, so that all of them together read the text once.
      if (this.#nextQuote < i) this.#nextQuote = indexFrom(text, quoteByte, i)
      if (this.#nextBackslash < i) this.#nextBackslash = indexFrom(text, backslash, i)
      if (this.#nextQuote < this.#nextBackslash) return this.#nextQuote
      i = this.#nextBackslash < length ? this.#skipEscape(this.#nextBackslash) : length
    }
    return length
  }

  /** @returns the index behind an escape, or behind both of a surrogate pair */
  #skipEscape(at: number): number {
    this.#hasEscape = true
    const escaped = this.#text[at + 1] ?? 0
    this.input.escape(escaped)
    if (escaped !== letterU) return at + 2
    const unit = this.#unitAt(at)
    if (unit < 0xd800 || unit > 0xdfff) return at + 6
    const next = unit < 0xdc00 ? this.#unitAt(at + 6) : 0
    if (next >= 0xdc00 && next <= 0xdfff) return at + 12
    this.#isIllFormed = true
    return at + 6
  }

  /** The code unit of the escape `\uXXXX` at an index; 0 where there is none. */
  #unitAt(at: number): number {
    const text = this.#text
    if (text[at] !== backslash || text[at + 1] !== letterU) return 0
    let unit = 0
    for (let i = at + 2; i < at + 6; i++) {
      const digit = hexDigits[text[i] ?? 0] ?? 255
      if (digit === 255) return 0
      unit = unit * 16 + digit
    }
    return unit
  }

  #refuseString(): void {
    let i = this.#stringEnd + 1
    while (i < this.#text.length && (this.#text[i] ?? 0) <= 0x20) i += 1
    const isName = kinds[this.#text[i] ?? 0] === colon
    const pointer = isName ? this.#path.pointerOf(this.#stringStart, this.#stringEnd) : this.#path.pointer()
    this.mistakes.add(pointer, 'has half of a surrogate pair: it is no Unicode text')
  }

  #skipNumber(start: number): number {
    const text = this.#text
    let i = start
    let parts = 0
    for (let part: number = plain; part !== 0; part = numberParts[text[i] ?? 0] ?? 0) {
      parts |= part
      i += 1
    }
    const length = i - start
    // 1.50, 1e3 and -0 become others.
    if (parts !== plain || (text[start] === minus && text[start + 1] === zero)) this.input.change()
    const isSuspect =
      parts === plain
        ? length > longInteger || (length === longInteger && text[start] === nine)
        : length >= longMantissa || ((parts & exponent) !== 0 && hasLongExponent(text, i))
    if (isSuspect && !isHeld(text.toString('latin1', start, i))) {
      this.mistakes.add(this.#path.pointer(), 'is a number that a double cannot hold: send it as a string')
    }
    return i
  }

  /** Names that would change the prototype of an object into which code copies them. */
  #checkName(): void {
    const [start, end] = [this.#stringStart, this.#stringEnd]
    const isSuspect = this.#hasEscape ? end - start <= longestPrototypeName : end - start === 9 || end - start === 11
    const name = isSuspect ? this.#path.decode(start, end) : ''
    if (name === '__proto__' || (name === 'prototype' && this.#path.isConstructor)) {
      this.mistakes.add(
        this.#path.pointer(),
        'is a key that no object may have here: "__proto__", or "constructor" with a "prototype"',
      )
    }
    this.#path.expectConstructor(name === 'constructor')
  }
}

function indexFrom(text: Buffer, byte: number, from: number): number {
  const index = text.indexOf(byte, from)
  return index === -1 ? text.length : index
}

/** Whether a number that ends before an index has three digits or more in its exponent. */
function hasLongExponent(text: Buffer, end: number): boolean {
  for (let i = end - 3; i < end; i++) if (numberParts[text[i] ?? 0] !== plain || text[i] === 0x2d) return false
  return true
}
