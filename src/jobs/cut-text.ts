/**
 * A text of at most `maxLength` UTF-16 units that is well-formed Unicode: cut between code points and ended with `…` if it is longer,
 * and with U+FFFD for each lone surrogate. For every text that is cut before it is stored, logged or sent.
 */
export function cutText(text: string, maxLength: number): string {
  return (text.length <= maxLength ? text : `${text.slice(0, cutIndex(text, maxLength - 1))}…`).toWellFormed()
}

/** The last index of a text up to `maxLength` that does not lie within a surrogate pair. */
export function cutIndex(text: string, maxLength: number): number {
  if (text.length <= maxLength) return text.length
  const isSplit = maxLength > 0 && (text.codePointAt(maxLength - 1) ?? 0) > 0xff_ff
  return isSplit ? maxLength - 1 : maxLength
}
