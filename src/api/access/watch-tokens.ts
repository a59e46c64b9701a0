import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ApiKeys, anonymousCaller, type Caller } from './api-keys.ts'
import type { Watch } from './watch.ts'

/** The longest life of a token. */
export const maxTokenMs = 3_600_000
/** No API key begins with it. */
const prefix = '_w.'
const maxLength = 2000

const claimsSchema = z.object({
  kind: z.enum(['job', 'flow']),
  id: z.string(),
  run: z.int(),
  input: z.boolean(),
  tenant: z.string(),
  /** The key that asked for it, with a mark that another key of the same id does not have; absent where there are none. */
  key: z.object({ id: z.string(), mark: z.string() }).optional(),
  /** Epoch ms. */
  expiresAt: z.number(),
})

type Claims = z.output<typeof claimsSchema>
/** What a token says, and the secret that signed it. */
type Verified = { claims: Claims; secret: string }

/**
 * Signed tokens by which somebody without a key, such as a browser, watches one job or flow. Nothing is stored: a token ends at its time,
 * with the key that asked for it, or when its secret is removed.
 */
export class WatchTokens {
  readonly #secrets: readonly string[]
  readonly #keys: ApiKeys | undefined

  /** @param secrets the newest first: it signs, and all verify */
  constructor(secrets: readonly string[], keys: ApiKeys | undefined) {
    this.#secrets = secrets
    this.#keys = keys
  }

  get isConfigured(): boolean {
    return this.#secrets.length > 0
  }

  /** A token for a client, valid until `expiresAt` (epoch ms). Call it only where tokens are configured. */
  sign({ tenant, key }: Caller, watch: Watch, expiresAt: number): string {
    const [secret] = this.#secrets
    if (secret === undefined) throw new Error('there is no secret to sign tokens with')
    const claims: Claims = {
      ...watch,
      tenant,
      ...(key && { key: { id: key.id, mark: markOf(key.hash, secret) } }),
      expiresAt,
    }
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    return `${prefix}${payload}.${macOf(`${prefix}${payload}`, secret).toString('base64url')}`
  }

  /** The client that a token makes of its owner at `now` (epoch ms); undefined where it is not valid (any more). */
  authenticate(token: string, now: number): Caller | undefined {
    const verified = this.#verify(token)
    if (!verified || now >= verified.claims.expiresAt) return undefined
    const { tenant, expiresAt, kind, id, run, input } = verified.claims
    const owner = this.#ownerOf(verified, now)
    if (!owner?.scopes.has('read')) return undefined
    const { limits, key } = owner
    return {
      tenant,
      scopes: new Set(['read']),
      limits,
      ...(key && { key }),
      watch: { kind, id, run, input },
      expiresAt,
    }
  }

  #ownerOf({ claims: { key, tenant }, secret }: Verified, now: number): Caller | undefined {
    if (!this.#keys) return key ? undefined : anonymousCaller
    return key && this.#keys.callerOf({ id: key.id, isSame: (hash) => markOf(hash, secret) === key.mark }, tenant, now)
  }

  #verify(token: string): Verified | undefined {
    if (!isWatchToken(token) || token.length > maxLength) return undefined
    const [payload = '', signature = ''] = token.slice(prefix.length).split('.')
    const given = Buffer.from(signature, 'base64url')
    const secret = this.#secrets.find((one) => {
      const right = macOf(`${prefix}${payload}`, one)
      return right.length === given.length && timingSafeEqual(right, given)
    })
    if (secret === undefined) return undefined
    // Signed by this service: it is what claimsSchema says, unless another version wrote it.
    const { data: claims } = claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
    return claims && { claims, secret }
  }
}

const macOf = (text: string, secret: string): Buffer => createHmac('sha256', secret).update(text).digest()

/** Says nothing about the hash of a key to those who see a token. */
const markOf = (hash: Buffer, secret: string): string =>
  macOf(`key ${hash.toString('hex')}`, secret)
    .subarray(0, 16)
    .toString('base64url')

const isWatchToken = (text: string): boolean => text.startsWith(prefix)

/** The token of a request to a route that takes one: its parameter `token`, or its bearer. */
export function takeToken(request: FastifyRequest): string | undefined {
  const { headers } = request
  const query: { token?: unknown } = Object(request.query)
  if (query.token !== undefined) {
    const { token } = query
    delete query.token
    return typeof token === 'string' ? token : ''
  }
  const [, bearer = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return isWatchToken(bearer) ? bearer : undefined
}

/** Takes the parameter `token` out of the URL of a request, on every route, so that no link and no log shows it. */
export function hideToken({ raw, query }: FastifyRequest): void {
  const { token }: { token?: unknown } = Object(query)
  if (token === undefined) return
  const [path = '', search = ''] = (raw.url ?? '').split('?', 2)
  const left = new URLSearchParams(search)
  left.delete('token')
  raw.url = left.size > 0 ? `${path}?${left.toString()}` : path
}

/** Documents the parameter of the routes that take a token. */
export const tokenParameter = z
  .string()
  .max(maxLength)
  .optional()
  .describe('A watch token in place of an API key; also as `authorization: Bearer`')
