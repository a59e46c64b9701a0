import type { Cluster, Command, Redis as Server } from 'ioredis'

type Redis = Server | Cluster

/**
 * What a server says of itself. Another incarnation of Redis, a server process in one role with one history, may lack what the one before
 * had acknowledged last: it has read an append-only file that a power failure has cut short, or it is a replica that was behind its master.
 */
export interface Incarnation {
  runId: string
  role: string
  replicationId: string
  /** Bytes of its history. */
  offset: number
}

/** Reads the answer to INFO; undefined where it says nothing about that. */
export function readIncarnation(info: string): Incarnation | undefined {
  const valueOf = (field: string) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]
  const runId = valueOf('run_id')
  if (runId === undefined) return undefined
  const [role = '', replicationId = ''] = [valueOf('role'), valueOf('master_replid')]
  return { runId, role, replicationId, offset: Number(valueOf('master_repl_offset') ?? 0) }
}

/** Whether a server that was `before` has everything still that it had. */
export function isContinued(before: Incarnation | undefined, now: Incarnation | undefined): boolean {
  if (!before || !now) return false
  const isSame = before.runId === now.runId && before.role === now.role && before.replicationId === now.replicationId
  return isSame && before.offset <= now.offset
}

/**
 * How often a connection has found another incarnation of Redis. It knows before it sends any command to it: a server describes itself
 * when a connection is made. Of a cluster: how often one of its nodes was connected again, or its masters have changed.
 */
export function incarnationOf(redis: Redis): number {
  return 'incarnation' in redis && typeof redis.incarnation === 'number' ? redis.incarnation : 0
}

/** A command was for an earlier incarnation of Redis. Whether that has carried it out is not known, nor whether it matters any more. */
export class OtherIncarnationError extends Error {
  constructor() {
    super('Redis was restarted or replaced since, and may have lost its last writes')
    this.name = 'OtherIncarnationError'
  }
}

/** Marks a command that is for one incarnation alone. */
const onlyFor = Symbol('only for')
/** Marks a fenced view of a connection. */
const fencedFor = Symbol('fenced for')

export type FencedCommand = Command & { [onlyFor]?: number }

/** Whether a command that is about to be sent, perhaps again, is for an earlier incarnation. */
export const isOutdated = (command: FencedCommand, incarnation: number): boolean =>
  command[onlyFor] !== undefined && command[onlyFor] !== incarnation

/**
 * A view of a connection for steps that build on each other: its commands fail with {@link OtherIncarnationError} once the connection has
 * found another incarnation of Redis, also those that it would send again after a reconnect. Else a step could be done of which an
 * earlier one is lost. Pipelines and transactions are not fenced.
 */
export function fence(redis: Redis): Redis {
  const incarnation = incarnationOf(redis)
  const sendCommand = (command: FencedCommand, ...more: unknown[]): unknown => {
    command[onlyFor] = incarnation
    if (!isOutdated(command, incarnationOf(redis))) return Reflect.apply(redis.sendCommand, redis, [command, ...more])
    command.reject(new OtherIncarnationError())
    return command.promise
  }
  return Object.create(redis, {
    sendCommand: { value: sendCommand },
    // Scripts belong to the connection: a view of it does not last.
    defineCommand: { value: redis.defineCommand.bind(redis) },
    [fencedFor]: { value: incarnation },
  })
}

/** Whether the commands of a fenced view fail: for what goes past it, such as the calls of BullMQ. */
export function isFencedOff(redis: Redis): boolean {
  const incarnation: unknown = Reflect.get(redis, fencedFor)
  return incarnation !== undefined && incarnation !== incarnationOf(redis)
}

/** A map of what a process remembers of Redis: it is empty again once the connection has found another incarnation. */
export class IncarnationMap<K, V> {
  readonly #redis: Redis
  readonly #entries = new Map<K, V>()
  #incarnation: number

  constructor(redis: Redis) {
    this.#redis = redis
    this.#incarnation = incarnationOf(redis)
  }

  get(key: K): V | undefined {
    return this.#current().get(key)
  }

  set(key: K, value: V): void {
    this.#current().set(key, value)
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  #current(): Map<K, V> {
    const incarnation = incarnationOf(this.#redis)
    if (incarnation !== this.#incarnation) this.#entries.clear()
    this.#incarnation = incarnation
    return this.#entries
  }
}
