/**
 * Characters that a terminal obeys instead of showing them: control characters, and what changes the direction or the lines of a text. A
 * job, a tenant or a server may have chosen them.
 */
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** The same without what JSON has between its values. */
const unsafeInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu

const escapeOne = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

const short: Record<string, string> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` }

/** Text of a server as one line that is safe to print. */
export function escapeText(text: string): string {
  return text.replaceAll(unsafe, (character) => short[character] ?? escapeOne(character))
}

/** JSON that is safe to print and has the same value. */
export function toSafeJson(value: unknown, indent = 0): string {
  return (JSON.stringify(value, null, indent) ?? 'null').replaceAll(unsafeInJson, escapeOne)
}
