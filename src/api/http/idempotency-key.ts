import { Problem } from './problem.ts'

/** An `Idempotency-Key`: printable ASCII in quotes, or visible ASCII without them. */
export const idempotencyKeyPattern = /^(?:"([\x20-\x7e]{1,255})"|([\x21-\x7e]{1,255}))$/

/**
 * Reads an `Idempotency-Key`. `"abc"`, as in the draft of the header, and `abc` are the same key.
 *
 * @throws Problem when the header is not a key
 */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const [, quoted, bare] = (typeof header === 'string' && idempotencyKeyPattern.exec(header)) || []
  const key = quoted ?? bare
  if (key !== undefined) return key
  const detail = 'must be 1 to 255 printable ASCII characters'
  throw new Problem('invalid_request', `idempotency-key: ${detail}`, {
    mistakes: [{ pointer: 'idempotency-key', detail }],
  })
}
