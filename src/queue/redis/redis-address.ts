/** The address and the credentials of Redis, as REDIS_URL has them. */
export interface RedisAddress {
  kind: 'server' | 'sentinel' | 'cluster'
  /** The server; or the sentinels, each of which knows the master; or nodes of the cluster, each of which knows the others. */
  nodes: RedisNode[]
  tls: boolean
  username: string | undefined
  password: string | undefined
  /** 0 by default, and always in a cluster. */
  db: number
  /** The name by which sentinels know the master. */
  master: string | undefined
  /** Credentials for the sentinels themselves, where they need them. */
  sentinelUsername: string | undefined
  sentinelPassword: string | undefined
  /** The address without users and passwords, for logs and messages. */
  text: string
}

interface RedisNode {
  host: string
  port: number
}

/** A mistake never quotes the text, which may hold a password. */
export type ParsedRedisUrl = { status: 'ok'; address: RedisAddress } | { status: 'mistake'; mistake: string }

const forms =
  'must be redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port (rediss… for TLS)'

const encoding = '(a user or password with / ? # or % must be percent-encoded)'

const defaultPort = { server: 6379, sentinel: 26_379, cluster: 6379 }
const sentinelParameters = new Set(['sentinel_username', 'sentinel_password'])

class Mistake extends Error {}

/**
 * Reads `redis[s][+sentinel|+cluster]://[user:password@]host[:port][,…][/master][/db][?sentinel_username=…&sentinel_password=…]`.
 * Users, passwords and the master's name may be percent-encoded. Not a WHATWG URL, which has one host only.
 */
export function parseRedisUrl(url: string): ParsedRedisUrl {
  try {
    return { status: 'ok', address: parse(url) }
  } catch (error) {
    if (error instanceof Mistake) return { status: 'mistake', mistake: error.message }
    throw error
  }
}

/** `url` with a password, unless it has one already. A mistake in `url` is left for `parseRedisUrl`. */
export function addPassword(url: string, password: string | undefined): string {
  const parsed = parseRedisUrl(url)
  if (password === undefined || parsed.status === 'mistake' || parsed.address.password !== undefined) return url
  return url.replace('://', () => `://:${encodeURIComponent(password)}@`)
}

function parse(url: string): RedisAddress {
  const [, s, scheme = 'server', authority = '', path = '', query = ''] =
    /^redis(s?)(?:\+(sentinel|cluster))?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/.exec(url) ?? []
  if (s === undefined || authority === '') throw new Mistake(forms)
  const kind = scheme === 'sentinel' || scheme === 'cluster' ? scheme : 'server'
  const at = authority.lastIndexOf('@')
  const nodes = authority.slice(at + 1).split(',')
  if (kind === 'server' && nodes.length > 1) throw new Mistake(`names several hosts: ${forms}`)
  const protocol = kind === 'server' ? `redis${s}` : `redis${s}+${kind}`
  return {
    kind,
    nodes: nodes.map((node) => parseNode(node, defaultPort[kind])),
    tls: s === 's',
    ...parseUser(at < 0 ? '' : authority.slice(0, at)),
    ...parsePath(kind, path),
    ...parseQuery(kind, query),
    text: `${protocol}://${authority.slice(at + 1)}${path}`,
  }
}

function parseNode(text: string, port: number): RedisNode {
  const [, v6, name, givenPort] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:@[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined || Number(givenPort ?? 1) < 1 || Number(givenPort ?? 1) > 65_535)
    throw new Mistake(`has a host or port that cannot be ${encoding}`)
  return { host, port: givenPort === undefined ? port : Number(givenPort) }
}

function parseUser(text: string): Pick<RedisAddress, 'username' | 'password'> {
  if (text === '') return { username: undefined, password: undefined }
  const colon = text.indexOf(':')
  if (colon < 0) throw new Mistake('names a user without a password; a password alone is :password@')
  const [username, password] = [decode(text.slice(0, colon)), decode(text.slice(colon + 1))]
  if (password === '') throw new Mistake('has an empty password')
  return { username: username === '' ? undefined : username, password }
}

function parsePath(kind: RedisAddress['kind'], path: string): Pick<RedisAddress, 'master' | 'db'> {
  const parts = path.split('/').slice(1)
  const master = kind === 'sentinel' ? decode(parts.shift() ?? '') : undefined
  if (master === '') throw new Mistake('does not name the master: redis+sentinel://host:port,host:port/master')
  const [db = '', ...rest] = parts
  if (!/^\d{0,5}$/.test(db) || rest.length > 0) throw new Mistake(`has a path that is no database number ${encoding}`)
  if (kind === 'cluster' && Number(db) !== 0) throw new Mistake('names a database: a cluster has only 0')
  return { master, db: Number(db) }
}

function parseQuery(
  kind: RedisAddress['kind'],
  query: string,
): Pick<RedisAddress, 'sentinelUsername' | 'sentinelPassword'> {
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (kind !== 'sentinel' || !sentinelParameters.has(name))
      throw new Mistake('has a query parameter that is not known')
  }
  return {
    sentinelUsername: parameters.get('sentinel_username') ?? undefined,
    sentinelPassword: parameters.get('sentinel_password') ?? undefined,
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new Mistake('is not percent-encoded correctly', { cause })
  }
}
