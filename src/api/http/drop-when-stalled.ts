import type { ServerResponse } from 'node:http'

const longestStallMs = 10_000

/**
 * Destroys a response whose client takes nothing for `stallMs`. Node looks that often whether some was taken, so that it may go
 * on for twice as long. A client that takes little is left alone.
 *
 * @returns stops watching
 */
export function dropWhenStalled(response: ServerResponse, stallMs = longestStallMs): () => void {
  const drop = () => response.destroy()
  response.setTimeout(stallMs, drop)
  return () => {
    response.off('timeout', drop)
    response.setTimeout(0)
  }
}
