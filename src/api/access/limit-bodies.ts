import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Caller } from './api-keys.ts'
import { BodyBudget } from './body-budget.ts'

/** In seconds. Bodies are answered all the time, so that there is room again soon. */
const retryBytesS = 1
/** The largest bodies that fit into the budget. */
const bodiesAtOnce = 12
/** … and a container has so many times the budget. */
const containerShare = 10

declare module 'fastify' {
  interface FastifyRequest {
    /** What its body takes of the budget; undefined without a body. */
    bodyReservation: BodyReservation | undefined
  }
}

/**
 * How many bytes of bodies may be in flight. Where that is not configured it follows from the memory of the container, if there is one: a body
 * takes up to five times its size until its answer is sent (bytes, text, value, record, command to Redis).
 */
export function bodyBudgetOf(
  { BODY_LIMIT_BYTES: body, BODY_BUDGET_BYTES }: { BODY_LIMIT_BYTES: number; BODY_BUDGET_BYTES?: number | undefined },
  memory: number | undefined,
): number {
  if (BODY_BUDGET_BYTES !== undefined) return BODY_BUDGET_BYTES
  const total = bodiesAtOnce * body
  return memory === undefined ? total : Math.max(body, Math.min(total, Math.floor(memory / containerShare)))
}

/**
 * Bounds the bytes of request bodies in flight: from their arrival until the answer is sent, since what was parsed takes memory as long.
 * A body with a length reserves it before it is read, any other as it arrives; {@link reserveParsed} adds what parsing it takes.
 *
 * @param limits in bytes: `total` of the process, `share` of a tenant without `max_bytes`, `body` of one body
 */
export function limitBodies(app: FastifyInstance, limits: { total: number; share: number; body: number }): void {
  const budget = new BodyBudget(limits.total)
  app.decorateRequest('bodyReservation')
  app.addHook('preParsing', (request, reply, payload, done) => {
    const { headers, caller } = request
    const length = Number(headers['content-length'] ?? 0)
    const isChunked = headers['transfer-encoding'] !== undefined
    // Too large a body is refused by its length, unread.
    if (!isChunked && (length === 0 || length > limits.body)) return done(null, payload)
    const reservation = new BodyReservation(budget, caller, limits.share, reply)
    request.bodyReservation = reservation
    reply.raw.once('close', () => reservation.release())
    if (!isChunked) return done(reservation.grow(length), payload)
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, next) => next(reservation.grow(chunk.length), chunk),
    })
    payload.on('error', (error) => counted.destroy(error))
    // After a refusal the rest is read and dropped, so that the client sees the answer.
    counted.on('error', () => payload.resume())
    return done(null, payload.pipe(counted))
  })
}

/** Reserves the memory for the value of a body. @throws Problem when there is no room for it */
export function reserveParsed({ bodyReservation }: FastifyRequest, bytes: number): void {
  const refusal = bodyReservation?.grow(bytes)
  if (refusal) throw refusal
}

/** The bytes of a request's body; of one without a length, with what parsing it takes. */
export function bodyBytes({ headers, bodyReservation }: FastifyRequest): number {
  return Number(headers['content-length'] ?? bodyReservation?.bytes ?? 0)
}

/** What one request has of the budget. */
class BodyReservation {
  readonly #budget: BodyBudget
  readonly #tenant: string
  readonly #max: number
  readonly #reply: FastifyReply
  #bytes = 0

  constructor(budget: BodyBudget, { tenant, limits }: Caller, share: number, reply: FastifyReply) {
    this.#budget = budget
    this.#tenant = tenant
    this.#max = limits.max_bytes ?? share
    this.#reply = reply
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns the refusal when there is no room for so many more bytes */
  grow(bytes: number): Problem | null {
    const outcome = this.#budget.reserve(this.#tenant, bytes, this.#max)
    if (outcome === 'reserved') {
      this.#bytes += bytes
      return null
    }
    const max = this.#max
    if (this.#bytes + bytes > max) return new Problem('payload_too_large', `Your tenant may send ${max} bytes at once.`)
    if (outcome === 'exceeds_total') {
      const detail = 'This server receives as many bytes of request bodies as it may at the moment.'
      return new Problem('queue_unavailable', detail, { retryAfterS: retryBytesS })
    }
    this.#reply.header('ratelimit-policy', `"bytes";q=${max}`).header('ratelimit', '"bytes";r=0')
    const detail = `Your tenant may have ${max} bytes of request bodies in flight.`
    return new Problem('quota_exceeded', detail, { retryAfterS: retryBytesS })
  }

  release(): void {
    this.#budget.release(this.#tenant, this.#bytes)
    this.#bytes = 0
  }
}
