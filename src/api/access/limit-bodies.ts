import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Caller } from './api-keys.ts'
import { BodyBudget } from './body-budget.ts'

/** In seconds. Bodies are answered all the time, so that there is room again soon. */
const retryBytesS = 1

/**
 * Bounds the bytes of request bodies in flight: from their arrival until the answer is sent, since what was parsed takes memory as long.
 * A body with a length reserves it before it is read, any other as it arrives.
 *
 * @param limits in bytes: `total` of the process, `share` of a tenant without `max_bytes`, `body` of one body
 */
export function limitBodies(app: FastifyInstance, limits: { total: number; share: number; body: number }): void {
  const budget = new BodyBudget(limits.total)
  app.addHook('preParsing', ({ headers, caller }, reply, payload, done) => {
    const length = Number(headers['content-length'] ?? 0)
    const isChunked = headers['transfer-encoding'] !== undefined
    // Too large a body is refused by its length, unread.
    if (!isChunked && (length === 0 || length > limits.body)) return done(null, payload)
    const reservation = new Reservation(budget, caller, limits.share)
    reply.raw.once('close', () => reservation.release())
    if (!isChunked) return done(reservation.grow(length, reply), payload)
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, next) => next(reservation.grow(chunk.length, reply), chunk),
    })
    payload.on('error', (error) => counted.destroy(error))
    // After a refusal the rest is read and dropped, so that the client sees the answer.
    counted.on('error', () => payload.resume())
    return done(null, payload.pipe(counted))
  })
}

/** What one request has of the budget. */
class Reservation {
  readonly #budget: BodyBudget
  readonly #tenant: string
  readonly #max: number
  #bytes = 0

  constructor(budget: BodyBudget, { tenant, limits }: Caller, share: number) {
    this.#budget = budget
    this.#tenant = tenant
    this.#max = limits.max_bytes ?? share
  }

  /** @returns the refusal when there is no room for so many more bytes */
  grow(bytes: number, reply: FastifyReply): Problem | null {
    const outcome = this.#budget.reserve(this.#tenant, bytes, this.#max)
    if (outcome === 'reserved') {
      this.#bytes += bytes
      return null
    }
    const max = this.#max
    if (outcome === 'exceeds_total') {
      const detail = 'This server receives as many bytes of request bodies as it may at the moment.'
      return new Problem('queue_unavailable', detail, { retryAfterS: retryBytesS })
    }
    if (this.#bytes + bytes > max) return new Problem('payload_too_large', `Your tenant may send ${max} bytes at once.`)
    reply.header('ratelimit-policy', `"bytes";q=${max}`).header('ratelimit', '"bytes";r=0')
    const detail = `Your tenant may have ${max} bytes of request bodies in flight.`
    return new Problem('quota_exceeded', detail, { retryAfterS: retryBytesS })
  }

  release(): void {
    this.#budget.release(this.#tenant, this.#bytes)
    this.#bytes = 0
  }
}
