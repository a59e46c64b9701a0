import { createHash } from 'node:crypto'

/** Longer messages differ behind this many bytes in what is variable. */
const maxBytes = 500

export const fingerprintPattern = /^[0-9a-f]{16}$/

/** Bytes of UTF-8, each as a character: what a script of Redis sees. */
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1')

/** A message without its variable parts: quoted text, addresses, and words that have a digit. */
const withoutVariables = (bytes: string): string =>
  bytes
    .slice(0, maxBytes)
    .replaceAll(/"[^"]*"/g, '*')
    .replaceAll(/https?:\/\/[^ \t\n\v\f\r]+/g, '*')
    .replaceAll(/[A-Za-z0-9_-]+/g, (word) => (/\d/.test(word) ? '*' : word))

/** A message of a failure as its group shows it. */
export function messagePattern(message: string): string {
  // The cut may have left a part of a character.
  return Buffer.from(withoutVariables(bytesOf(message)), 'latin1')
    .toString()
    .replace(/\uFFFD+$/, '')
}

/** What a failure has in common with others of its kind, as 16 hexadecimal digits. labels.lua computes the same. */
export function fingerprintOf(type: string, { code, message }: { code: string; message: string }): string {
  const text = [bytesOf(type), bytesOf(code), withoutVariables(bytesOf(message))].join('\0')
  return createHash('sha1').update(text, 'latin1').digest('hex').slice(0, 16)
}
