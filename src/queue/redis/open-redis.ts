import { Cluster, type DNSLookupFunction, type RedisOptions, Redis as Server } from 'ioredis'
import type { RedisAddress } from './redis-address.ts'
import { PatientCluster, PatientRedis, PromptCluster } from './retrying-redis.ts'
import { isOfFormerMaster } from './transient-errors.ts'

/** A connection to a server (where sentinels name it, to the master of the moment), or to a cluster. */
export type Redis = Server | Cluster

/** How a connection behaves when Redis is away: a `client` fails within a second, a `worker` waits, a `subscriber` is told by `ready` to subscribe again. */
export type ConnectionRole = 'client' | 'worker' | 'subscriber'

export interface OpenOptions {
  role: ConnectionRole
  name: string
  connectWithinMs: number
  /** Certificates (PEM) of the authorities that are trusted in place of the system's. */
  ca: string | undefined
}

const commandTimeoutMs = 900
/** A server that owes an answer for so long is gone, though its connection is not: its machine is off, or the network is cut. */
const silentMs = { client: 2000, subscriber: 2000, worker: 15_000 }
const reconnectDelayMs = { first: 50, most: 1000 }
/** A sentinel that is not there must not keep us from asking the next. */
const sentinelConnectMs = 2000
/** Fail-overs show when a command fails; this finds nodes that were added or taken away meanwhile. */
const refreshSlotsMs = 5000

/** Replies come in the shapes that ioredis has always given them. */
type ServerOptions = Omit<RedisOptions, 'replyMapping' | 'himportFieldsets'>

/** Makes a connection that does nothing before its `connect()`. It reconnects by itself until it is told to disconnect. */
export function openRedis(address: RedisAddress, options: OpenOptions): Redis {
  const { role } = options
  const common = commonOptions(address, options)
  switch (address.kind) {
    case 'server':
      return openServer(role, { ...common, ...address.nodes[0] })
    case 'sentinel':
      return openServer(role, { ...common, ...sentinelOptions(address, common) })
    case 'cluster':
      return role === 'subscriber' ? openAnyNode(address, common) : openCluster(address, role, common)
    default:
      throw new TypeError(`there is no such kind of Redis: ${String(address.kind satisfies never)}`)
  }
}

function commonOptions(address: RedisAddress, { role, name, connectWithinMs, ca }: OpenOptions): ServerOptions {
  const { username, password, db, tls } = address
  return {
    lazyConnect: true,
    connectionName: `drover:${name}`,
    connectTimeout: connectWithinMs,
    retryStrategy: reconnectDelay,
    socketTimeout: silentMs[role],
    // Sent again on the new connection, which finds the new master; a client, which queues nothing, fails now.
    reconnectOnError: (error) => (isOfFormerMaster(error) ? 2 : false),
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: ca === undefined ? {} : { ca } } : {}),
    ...(role === 'worker'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, commandTimeout: commandTimeoutMs }),
    ...(role === 'client' ? { enableOfflineQueue: false } : {}),
    // Its owner subscribes again by itself: ioredis would do it in a promise that nobody holds.
    ...(role === 'subscriber' ? { autoResubscribe: false } : {}),
  }
}

function reconnectDelay(times: number): number {
  return Math.min(times * reconnectDelayMs.first, reconnectDelayMs.most)
}

function openServer(role: ConnectionRole, options: ServerOptions): Server {
  return role === 'worker' ? new PatientRedis(options) : new Server(options)
}

function sentinelOptions(address: RedisAddress, { tls, connectTimeout }: ServerOptions): ServerOptions {
  const { nodes, master, sentinelUsername, sentinelPassword } = address
  return {
    sentinels: nodes,
    ...(master === undefined ? {} : { name: master }),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    sentinelRetryStrategy: reconnectDelay,
    // One that does not answer must not keep us from asking the next.
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
    // Names stay names, since a certificate is for a name.
    dnsLookup: keepName,
    redisOptions,
  }
  return role === 'worker' ? new PatientCluster(nodes, options) : new PromptCluster(nodes, options)
}

const keepName: DNSLookupFunction = (name, callback) => callback(null, name)

/**
 * A cluster hands what is published on any node to all of them, so that a subscriber needs one. When that is lost the next is
 * tried: a connection like any other, whose `ready` says that messages may have been missed. ioredis's own subscriber of a
 * cluster changes nodes without a word.
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
