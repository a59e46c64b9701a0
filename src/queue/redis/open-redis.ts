import { Cluster, type DNSLookupFunction, type RedisOptions, Redis as Server } from 'ioredis'
import type { RedisAddress } from './redis-address.ts'
import {
  countIncarnations,
  FailFastCluster,
  RetryingCluster,
  RetryingRedis,
  ScriptKeepingRedis,
} from './retrying-redis.ts'
import { isOfFormerMaster } from './transient-errors.ts'

/** A connection to a server (with sentinels: to the current master), or to a cluster. */
export type Redis = Server | Cluster

/** How a connection behaves when Redis is down: a `client` fails within a second, a `worker` waits, and the owner of a `subscriber` subscribes again on `ready`. */
export type ConnectionRole = 'client' | 'worker' | 'subscriber'

export interface OpenOptions {
  role: ConnectionRole
  name: string
  connectWithinMs: number
  /** Certificates (PEM) of the authorities that are trusted in place of the system's. */
  ca: string | undefined
  /** How long a `client` or a `subscriber` waits for an answer. */
  commandTimeoutMs: number
}

/**
 * A server that has not answered for so long is lost although its connection is open: its machine is off, the network is cut, or a
 * balancer has forgotten the connection. See {@link keepProving}; a `worker` also waits in blocking calls.
 */
const silentMs = { client: 1800, subscriber: 1500, worker: 15_000 }
/** Where nobody waits for an answer, a silent connection would never be noticed: one that waits for messages least of all. */
const proveEveryMs = 800
/** A server whose data is replaced under its connections is found within this time. */
const compareEveryMs = 5000
const reconnectDelayMs = { first: 50, max: 1000 }
/** A sentinel that is down must not delay the attempt at the next. */
const sentinelConnectMs = 2000
/** Failed commands reveal failovers; this finds nodes that were added or removed. */
const refreshSlotsMs = 5000

/** Without the options that change the shapes of replies. */
type ServerOptions = Omit<RedisOptions, 'replyMapping' | 'himportFieldsets'>

/** Creates a connection, which does nothing before `connect()`. It reconnects by itself until `disconnect()`. */
export function openRedis(address: RedisAddress, options: OpenOptions): Redis {
  const { role } = options
  const common = commonOptions(address, options)
  switch (address.kind) {
    case 'server':
      return openServer(role, { ...common, ...address.nodes[0] })
    case 'sentinel':
      return openServer(role, { ...common, ...sentinelOptions(address, common, options.commandTimeoutMs) })
    case 'cluster':
      return role === 'subscriber' ? openAnyNode(address, common) : openCluster(address, role, common)
    default:
      throw new TypeError(`there is no such kind of Redis: ${String(address.kind satisfies never)}`)
  }
}

function commonOptions(address: RedisAddress, options: OpenOptions): ServerOptions {
  const { role, name, connectWithinMs, ca, commandTimeoutMs } = options
  const { username, password, db, tls } = address
  return {
    lazyConnect: true,
    connectionName: `drover:${name}`,
    connectTimeout: connectWithinMs,
    retryStrategy: reconnectDelay,
    socketTimeout: Math.max(silentMs[role], 1.5 * commandTimeoutMs),
    // The command is sent again on the new connection, which finds the new master; a `client`, which queues nothing, fails now.
    reconnectOnError: (error) => (isOfFormerMaster(error) ? 2 : false),
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: ca === undefined ? {} : { ca } } : {}),
    ...(role === 'worker'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, commandTimeout: commandTimeoutMs }),
    ...(role === 'client' ? { enableOfflineQueue: false } : {}),
    // The owner subscribes again itself: ioredis would do it with a promise whose rejection nobody handles.
    ...(role === 'subscriber' ? { autoResubscribe: false } : {}),
  }
}

/** Sends PING until the connection is closed, so that one that has died in silence is replaced within three seconds. */
export function keepProving(redis: Server): void {
  const timer = setInterval(() => {
    if (redis.status !== 'ready') return
    // The connection itself finds that no answer comes, and reports it.
    redis.ping().catch(() => undefined)
  }, proveEveryMs)
  redis.once('end', () => clearInterval(timer))
}

/** Compares the server with what it was, until the connection is closed: see incarnation.ts. A new connection does so by itself. */
export function keepComparing(redis: Server): void {
  if (!(redis instanceof ScriptKeepingRedis)) return
  const timer = setInterval(() => {
    if (redis.status !== 'ready') return
    // The user may not call INFO, or the connection is lost, which reports that itself.
    redis.compareIncarnation().catch(() => undefined)
  }, compareEveryMs)
  redis.once('end', () => clearInterval(timer))
}

function reconnectDelay(times: number): number {
  return Math.min(times * reconnectDelayMs.first, reconnectDelayMs.max)
}

function openServer(role: ConnectionRole, options: ServerOptions): Server {
  return role === 'worker' ? new RetryingRedis(options) : new ScriptKeepingRedis(options)
}

function sentinelOptions(
  address: RedisAddress,
  { tls, connectTimeout }: ServerOptions,
  commandTimeoutMs: number,
): ServerOptions {
  const { nodes, master, sentinelUsername, sentinelPassword } = address
  return {
    sentinels: nodes,
    ...(master === undefined ? {} : { name: master }),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    sentinelRetryStrategy: reconnectDelay,
    // A sentinel that does not answer must not delay the attempt at the next.
    sentinelCommandTimeout: commandTimeoutMs,
    ...(connectTimeout === undefined ? {} : { connectTimeout: Math.min(connectTimeout, sentinelConnectMs) }),
    ...(tls ? { sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
  }
}

function openCluster({ nodes }: RedisAddress, role: 'client' | 'worker', redisOptions: ServerOptions): Cluster {
  const options = {
    lazyConnect: true,
    clusterRetryStrategy: reconnectDelay,
    slotsRefreshInterval: refreshSlotsMs,
    // Keeps host names, since certificates are for names.
    dnsLookup: keepName,
    redisOptions,
  }
  return countIncarnations(
    role === 'worker' ? new RetryingCluster(nodes, options) : new FailFastCluster(nodes, options),
  )
}

const keepName: DNSLookupFunction = (name, callback) => callback(null, name)

/**
 * A cluster forwards published messages to all nodes, so a subscriber needs a connection to one. When it is lost the next node is
 * tried, and `ready` signals that messages may have been missed. ioredis's own cluster subscriber changes nodes without a signal.
 */
function openAnyNode({ nodes }: RedisAddress, options: ServerOptions): Server {
  let next = Math.floor(Math.random() * nodes.length)
  const redis: Server = new Server({
    ...options,
    ...nodes[next],
    retryStrategy(times: number) {
      next = (next + 1) % nodes.length
      Object.assign(redis.options, nodes[next])
      return reconnectDelay(times)
    },
  })
  return redis
}
