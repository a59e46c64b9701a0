import { Redis } from 'ioredis'
import type { Logger } from 'pino'

/** How a connection behaves when Redis is away: a `client` fails within a second, a `worker` waits, a `subscriber` resubscribes. */
export type ConnectionRole = 'client' | 'worker' | 'subscriber'

const commandTimeoutMs = 900
const reconnectDelayMs = { first: 50, most: 1000 }

/**
 * Opens a connection and waits until Redis answers.
 *
 * @throws RedisUnreachableError after `withinMs` when it does not; the connection is closed then.
 */
export async function connectRedis(options: {
  url: string
  role: ConnectionRole
  name: string
  log: Logger
  withinMs?: number
}): Promise<Redis> {
  const { url, role, name, log, withinMs = 5000 } = options
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: `drover:${name}`,
    connectTimeout: withinMs,
    retryStrategy: (times) => Math.min(times * reconnectDelayMs.first, reconnectDelayMs.most),
    ...(role === 'worker'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, commandTimeout: commandTimeoutMs }),
    ...(role === 'client' ? { enableOfflineQueue: false } : {}),
    // Its owner subscribes again by itself: ioredis would do it in a promise that nobody holds.
    ...(role === 'subscriber' ? { autoResubscribe: false } : {}),
  })
  // One line when it goes and one when it is back, not one for each attempt between.
  let lastError: Error | undefined
  redis.on('error', (error: Error) => {
    if (!lastError) log.warn({ connection: name, err: error }, 'redis is away')
    lastError = error
  })
  redis.on('ready', () => {
    if (lastError) log.info({ connection: name }, 'redis is there')
    lastError = undefined
  })
  // connect() rejects at the first refusal, while the client goes on trying: a Redis that is just starting is no fault.
  redis.connect().catch((error: Error) => {
    lastError ??= error
  })
  const isReady = await new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), withinMs)
    redis.once('ready', () => {
      clearTimeout(late)
      resolve(true)
    })
  })
  if (isReady) return redis
  redis.disconnect()
  throw new RedisUnreachableError(url, withinMs, lastError)
}

/** Redis was not there when a process started. The message names its address without user and password. */
export class RedisUnreachableError extends Error {
  constructor(url: string, withinMs: number, cause: Error | undefined) {
    const { protocol, host, pathname } = new URL(url)
    const why = cause ? ` (${cause.message || cause.name})` : ''
    super(`REDIS_URL: Redis did not answer within ${withinMs} ms at ${protocol}//${host}${pathname}${why}`, { cause })
    this.name = 'RedisUnreachableError'
  }
}

/** Redis did not take or answer a command: the caller may try again. `cause` says why. */
export class QueueUnavailableError extends Error {
  constructor(cause: unknown) {
    super('the queue is not available', { cause })
    this.name = 'QueueUnavailableError'
  }
}

/** Replies that say "not now", as opposed to "never": a restart, a fail-over, a full memory. */
const passingReplies = /^(LOADING|READONLY|OOM|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|MISCONF)\b/

/** Passes a Redis call's result on, and turns a dead, slow or overfull Redis into {@link QueueUnavailableError}. */
export async function whenAvailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const isReply = error instanceof Error && error.name === 'ReplyError'
    if (isReply && !passingReplies.test(error.message)) throw error
    throw new QueueUnavailableError(error)
  }
}
