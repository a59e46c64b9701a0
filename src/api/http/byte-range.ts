/** What a Range header asks for; `to` is exclusive. `whole`: no range, or one of a kind that is not supported. */
export type AskedRange = { kind: 'whole' } | { kind: 'part'; from: number; to: number } | { kind: 'unsatisfiable' }

/**
 * Reads a Range header (https://www.rfc-editor.org/rfc/rfc9110#name-range). Only single byte ranges are supported: a server may ignore
 * others and answer with the whole.
 *
 * @param size of the whole in bytes
 */
export function readRange(header: string | undefined, size: number): AskedRange {
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? []
  if (first === '' && last === '') return { kind: 'whole' }
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', from: size - length, to: size }
  }
  const from = Number(first)
  const to = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < from) return { kind: 'whole' }
  return from >= size ? { kind: 'unsatisfiable' } : { kind: 'part', from, to }
}
