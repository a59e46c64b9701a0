import { Cluster, type Redis as Server } from 'ioredis'
import { batchWrites } from './batch-writes.ts'
import { incarnationOf } from './incarnation.ts'
import { type ConnectionRole, keepComparing, keepProving, openRedis, type Redis } from './open-redis.ts'
import { parseRedisUrl, type RedisAddress } from './redis-address.ts'
import { isTooOld, oldestRedis, versionOf } from './server-version.ts'
import { isConnectionFailure, isReply, isTransient, wasNotSent } from './transient-errors.ts'

export type { ConnectionRole, Redis } from './open-redis.ts'
/** A connection to a server, not to a cluster. */
export type { Server }

/** Where a connection logs. */
export interface ConnectionLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** A node of a cluster that stays away is logged at most this often. */
const logNodeEveryMs = 10_000

const connectTimeoutMs = 5000
/** A Redis that starts together with this process answers sooner. */
const announceAfterMs = 1000

/**
 * Opens a connection and waits until Redis answers, as long as that takes: a process that starts during an outage waits as one that runs.
 * Says so once, in the log and by `onWait`.
 *
 * @throws RedisUnreachableError when waiting would not help: it refuses the password or its certificate is not trusted, it is too old or
 * has no such database. The connection is closed then.
 */
export async function connectRedis(options: {
  url: string
  /** Certificates (PEM) of the authorities that are trusted in place of the system's. */
  ca?: string | undefined
  role: ConnectionRole
  name: string
  log: ConnectionLog
  onWait?: () => void
  /** How long a `client` or a `subscriber` waits for an answer. */
  commandTimeoutMs?: number
}): Promise<Redis> {
  const { url, ca, role, name, log, onWait, commandTimeoutMs = 900 } = options
  const parsed = parseRedisUrl(url)
  if (parsed.status === 'mistake') throw new RangeError(`the address of Redis ${parsed.mistake}`)
  const { address } = parsed
  const redis = openRedis(address, { role, name, connectWithinMs: connectTimeoutMs, ca, commandTimeoutMs })
  const when = role === 'worker' ? 'tick' : 'turn'
  if (redis instanceof Cluster) redis.on('+node', (node: Server) => batchWrites(node, when))
  else batchWrites(redis, when)
  const announceWait = logOutages(redis, name, log)
  const announce = setTimeout(() => {
    announceWait(address)
    onWait?.()
  }, announceAfterMs)
  try {
    await ready(redis)
  } catch (error) {
    redis.disconnect()
    throw new RedisUnreachableError(address, 'cannot be used', error)
  } finally {
    clearTimeout(announce)
  }
  await checkVersion(redis, address)
  await selectDatabase(redis, address)
  if (role !== 'worker' && !(redis instanceof Cluster)) keepProving(redis)
  if (role !== 'subscriber' && !(redis instanceof Cluster)) keepComparing(redis)
  return redis
}

/** Resolves when Redis answers. Rejects with an error that waiting does not mend. */
function ready(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const final = finalError(error)
      if (final !== undefined) reject(final)
    }
    redis.on('error', fail).on('node error', fail)
    redis.once('ready', () => {
      redis.off('error', fail).off('node error', fail)
      resolve()
    })
    // It rejects at the first refusal, while the client keeps trying.
    redis.connect().catch(fail)
  })
}

/** A refused password or certificate, also where all nodes of a cluster or all sentinels failed by it. */
function finalError(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined
  const reason = 'code' in error ? String(error.code) : ''
  if (/^(WRONGPASS|NOAUTH|ERR invalid password)/.test(error.message)) return error
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_/.test(reason)) return error
  return 'lastNodeError' in error ? finalError(error.lastNodeError) : finalError(error.cause)
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

/**
 * Logs one line when Redis is lost and one when it is back, not one per attempt to connect.
 *
 * @returns what logs that the first connection takes long
 */
function logOutages(redis: Redis, connection: string, log: ConnectionLog): (address: RedisAddress) => void {
  let lastError: Error | undefined
  let wasReady = false
  let isAnnounced = false
  let incarnation = 0
  redis.on('error', (error: Error) => {
    if (!lastError && wasReady) log.warn({ connection, connected: false, err: error }, 'redis connection lost')
    lastError = error
  })
  redis.on('sentinelError', (error: Error) => log.debug({ connection, err: error }, 'a sentinel did not answer'))
  const loggedAt = new Map<string, number>()
  redis.on('node error', (error: Error, node: string) => {
    if (performance.now() - (loggedAt.get(node) ?? -Infinity) < logNodeEveryMs) return
    loggedAt.set(node, performance.now())
    log.warn({ connection, node, err: error }, 'connection to a cluster node lost')
  })
  redis.on('ready', () => {
    wasReady = true
    const isOther = incarnation !== incarnationOf(redis)
    incarnation = incarnationOf(redis)
    if (lastError || isAnnounced)
      log.info({ connection, connected: true, may_have_lost_writes: isOther }, 'redis reconnected')
    lastError = undefined
    isAnnounced = false
    loggedAt.clear()
  })
  return ({ text }) => {
    // There is no error where Redis loads its data, or is slow.
    isAnnounced = true
    log.warn({ connection, connected: false, redis: text, err: lastError }, 'waiting for Redis')
  }
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

  /** Whether Redis has certainly not carried out the command: it was not sent, or was refused. */
  get wasNotCarriedOut(): boolean {
    return isReply(this.cause) || wasNotSent(this.cause)
  }
}

/** Whether an error says that Redis cannot be reached or accepts no commands now, not that something is wrong with what was sent. */
export function isOutage(error: unknown): boolean {
  return isOutageForSure(error) || (!isReply(error) && isConnectionFailure(error))
}

/** … and the connection that failed is certainly one to Redis, not one of a handler. */
export function isOutageForSure(error: unknown): boolean {
  if (error instanceof QueueUnavailableError || error instanceof RedisUnreachableError) return true
  return isReply(error) && isTransient(error)
}

/** Whether a connection is to a cluster, whose nodes have memory of their own. */
export const isCluster = (redis: Redis): redis is Cluster => redis instanceof Cluster

/** A section of INFO, of the server or of each master of a cluster that answers. */
export async function readInfo(redis: Redis, section: string): Promise<string[]> {
  if (!(redis instanceof Cluster)) return [await redis.info(section)]
  const answers = await Promise.allSettled(redis.nodes('master').map((node) => node.info(section)))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

/** Whether a channel has a listener, at any node of a cluster. @throws QueueUnavailableError */
export async function isAnyHeard(redis: Redis, channels: string[]): Promise<boolean> {
  const nodes = redis instanceof Cluster ? redis.nodes('all') : [redis]
  const answers = await whenAvailable(Promise.all(nodes.map((node) => node.pubsub('NUMSUB', ...channels))))
  return answers.some((answer) => Array.isArray(answer) && answer.some((value, n) => n % 2 === 1 && Number(value) > 0))
}

/** Returns the result of a Redis call. Throws transient errors (Redis is down, slow, or out of memory) as {@link QueueUnavailableError}. */
export async function whenAvailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw asUnavailable(error)
  }
}

/** The error of a Redis call; of a transient one {@link QueueUnavailableError}. */
export const asUnavailable = (error: unknown): unknown =>
  isTransient(error) ? new QueueUnavailableError(error) : error
