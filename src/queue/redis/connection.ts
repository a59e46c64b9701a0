import { Cluster, type Redis as Server } from 'ioredis'
import { batchWrites } from './batch-writes.ts'
import { type ConnectionRole, openRedis, type Redis } from './open-redis.ts'
import { parseRedisUrl, type RedisAddress } from './redis-address.ts'
import { isTooOld, oldestRedis, versionOf } from './server-version.ts'
import { isTransient } from './transient-errors.ts'

export type { ConnectionRole, Redis } from './open-redis.ts'

/** Where a connection logs. */
export interface ConnectionLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** A node of a cluster that stays away is logged at most this often. */
const logNodeEveryMs = 10_000

/**
 * Opens a connection and waits until Redis answers.
 *
 * @throws RedisUnreachableError after `withinMs` when it does not, and where it is too old or has no such database. The
 * connection is closed then.
 */
export async function connectRedis(options: {
  url: string
  /** Certificates (PEM) of the authorities that are trusted in place of the system's. */
  ca?: string | undefined
  role: ConnectionRole
  name: string
  log: ConnectionLog
  withinMs?: number
}): Promise<Redis> {
  const { url, ca, role, name, log, withinMs = 5000 } = options
  const parsed = parseRedisUrl(url)
  if (parsed.status === 'mistake') throw new RangeError(`the address of Redis ${parsed.mistake}`)
  const redis = openRedis(parsed.address, { role, name, connectWithinMs: withinMs, ca })
  const when = role === 'worker' ? 'tick' : 'turn'
  if (redis instanceof Cluster) redis.on('+node', (node: Server) => batchWrites(node, when))
  else batchWrites(redis, when)
  const lastError = logOutages(redis, name, log)
  // connect() rejects at the first refusal while the client keeps trying; a Redis that is just starting is not an error.
  const connected = redis.connect().then(
    () => undefined,
    (error: unknown) => error,
  )
  const isReady = await new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), withinMs)
    redis.once('ready', () => {
      clearTimeout(late)
      resolve(true)
    })
  })
  if (!isReady) {
    redis.disconnect()
    const what = `did not answer within ${withinMs} ms`
    throw new RedisUnreachableError(parsed.address, what, lastError() ?? (await connected))
  }
  await checkVersion(redis, parsed.address)
  await selectDatabase(redis, parsed.address)
  return redis
}

async function checkVersion(redis: Redis, address: RedisAddress): Promise<void> {
  // Without permission for INFO the version is not checked.
  const infos = await readInfo(redis, 'server').catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return []
    redis.disconnect()
    throw new RedisUnreachableError(address, 'did not report its version', error)
  })
  const tooOld = infos.map(versionOf).find((version) => version !== undefined && isTooOld(version))
  if (tooOld === undefined) return
  redis.disconnect()
  const cause = new Error(`version ${tooOld}; version ${oldestRedis.text} or later is required`)
  throw new RedisUnreachableError(address, 'is too old', cause)
}

/** ioredis selects the database itself, but continues in database 0 where that is refused. */
async function selectDatabase(redis: Redis, address: RedisAddress): Promise<void> {
  if (redis instanceof Cluster || address.db === 0) return
  try {
    await redis.select(address.db)
  } catch (error) {
    redis.disconnect()
    throw new RedisUnreachableError(address, 'refused the database', error)
  }
}

/** Logs one line when Redis is lost and one when it is back, not one per attempt to connect. @returns the current error */
function logOutages(redis: Redis, connection: string, log: ConnectionLog): () => unknown {
  let lastError: Error | undefined
  redis.on('error', (error: Error) => {
    if (!lastError) log.warn({ connection, err: error }, 'redis connection lost')
    lastError = error
  })
  redis.on('sentinelError', (error: Error) => log.debug({ connection, err: error }, 'a sentinel did not answer'))
  const loggedAt = new Map<string, number>()
  redis.on('node error', (error: Error, node: string) => {
    if (Date.now() - (loggedAt.get(node) ?? 0) < logNodeEveryMs) return
    loggedAt.set(node, Date.now())
    log.warn({ connection, node, err: error }, 'connection to a cluster node lost')
  })
  redis.on('ready', () => {
    if (lastError) log.info({ connection }, 'redis reconnected')
    lastError = undefined
    loggedAt.clear()
  })
  return () => lastError
}

/** Redis was unreachable or unusable when the process started. The message has its address without user and password. */
export class RedisUnreachableError extends Error {
  constructor(address: RedisAddress, what: string, cause: unknown) {
    const why = cause instanceof Error ? ` (${cause.message || cause.name})` : ''
    super(`REDIS_URL: Redis ${what} at ${address.text}${why}`, { cause })
    this.name = 'RedisUnreachableError'
  }
}

/** Redis did not accept or answer a command; the caller may retry. `cause` is the reason. */
export class QueueUnavailableError extends Error {
  constructor(cause: unknown) {
    super('the queue is not available', { cause })
    this.name = 'QueueUnavailableError'
  }
}

/** A section of INFO, of the server or of each master of a cluster that answers. */
export async function readInfo(redis: Redis, section: string): Promise<string[]> {
  if (!(redis instanceof Cluster)) return [await redis.info(section)]
  const answers = await Promise.allSettled(redis.nodes('master').map((node) => node.info(section)))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

/** Returns the result of a Redis call. Throws transient errors (Redis is down, slow, or out of memory) as {@link QueueUnavailableError}. */
export async function whenAvailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (isTransient(error)) throw new QueueUnavailableError(error)
    throw error
  }
}
