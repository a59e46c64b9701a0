import { Problem } from './problem.ts'

/**
 * Reads an `Idempotency-Key`. `"abc"`, as in the draft of the header, and `abc` are the same key.
 *
 * @throws Problem when the header is not a key
 */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const [, quoted, bare] =
    (typeof header === 'string' && /^\s*(?:"([\x20-\x7e]{1,255})"|([\x21-\x7e]{1,255}))\s*$/.exec(header)) || []
  const key = quoted ?? bare
  if (key !== undefined) return key
  const detail = 'must be 1 to 255 printable ASCII characters'
  throw new Problem('invalid_request', `idempotency-key: ${detail}`, {
    mistakes: [{ pointer: 'idempotency-key', detail }],
  })
}
