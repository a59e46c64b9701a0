import type { ServerResponse } from 'node:http'

const maxStallMs = 10_000

/**
 * Destroys a response whose client reads nothing for `stallMs`. Node checks once in that time whether something was read, so a stall
 * may last up to twice as long. A client that reads slowly is left alone.
 *
 * @returns a function that stops watching
 */
export function dropWhenStalled(response: ServerResponse, stallMs = maxStallMs): () => void {
  const drop = () => response.destroy()
  response.setTimeout(stallMs, drop)
  return () => {
    response.off('timeout', drop)
    response.setTimeout(0)
  }
}
