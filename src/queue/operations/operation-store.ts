import { redisNow } from '../model/redis-time.ts'
import { hashOf } from '../model/stored-job.ts'
import { newUlid } from '../model/ulid.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import {
  decodeOperation,
  encodeDefinition,
  encodeProgress,
  isOperationDone,
  newProgress,
  type OperationDefinition,
  type OperationProgress,
  type StoredOperation,
} from './operation-record.ts'

const createOperation = loadScript('operations/create-operation')
const takeOperation = loadScript('operations/take-operation')
const saveOperation = loadScript('operations/save-operation')
const releaseOperation = loadScript('operations/release-operation')
const cancelOperation = loadScript('operations/cancel-operation')

/** A process that does not write for so long has lost its operation. */
const heldMs = 6000
/** How long an operation stays readable after its end. */
const keptMs = 86_400_000
/** Of a tenant. */
export const maxOpenOperations = 20
const maxListed = 200

/** A job that an operation is about. Its run tells whether it was retried since. */
export interface OperationItem {
  id: string
  run: number
}

/** The operations over many jobs, all in one slot. */
export class OperationStore {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Stores an operation; undefined: the tenant has {@link maxOpenOperations}. @throws QueueUnavailableError */
  async create(definition: OperationDefinition): Promise<StoredOperation | undefined> {
    const { tenant, createdAt } = definition
    const id = `op_${newUlid(createdAt)}`
    const fields = Object.entries({ definition: encodeDefinition(definition), ...encodeProgress(newProgress) }).flat()
    const keys = this.#keys
    const names = [keys.operation(id), keys.openOperations, keys.openOperationsOf(tenant), keys.operationsOf(tenant)]
    const args = [id, createdAt, maxOpenOperations, maxListed, ...fields]
    if ((await whenAvailable(createOperation(this.#redis, names, args))) !== 1) return undefined
    return { ...definition, ...newProgress, id, cancelRequestedAt: undefined, sequence: 1 }
  }

  /** @throws QueueUnavailableError */
  async read(id: string): Promise<StoredOperation | undefined> {
    return decodeOperation(id, await whenAvailable(this.#redis.hgetall(this.#keys.operation(id))))
  }

  /** Those of a tenant, newest first. @throws QueueUnavailableError */
  async list(tenant: string): Promise<StoredOperation[]> {
    const ids = await whenAvailable(this.#redis.zrange(this.#keys.operationsOf(tenant), 0, '-1', 'REV'))
    const found = await Promise.all(ids.map((id) => this.read(id)))
    return found.filter((operation) => operation !== undefined)
  }

  /** The ids of those that have not ended, oldest first. @throws QueueUnavailableError */
  open(): Promise<string[]> {
    return whenAvailable(this.#redis.zrange(this.#keys.openOperations, 0, '99'))
  }

  /** Takes an open operation; undefined: it has ended, or another process works on it. @throws QueueUnavailableError */
  async take(id: string, holder: string): Promise<StoredOperation | undefined> {
    const names = [this.#keys.operation(id), this.#keys.openOperations]
    const reply = await whenAvailable(takeOperation(this.#redis, names, [id, holder, heldMs]))
    return Array.isArray(reply) && reply.length > 0 ? decodeOperation(id, hashOf(reply.map(String))) : undefined
  }

  /**
   * Stores how far an operation is, and jobs that were found. Where it says that none is listed, its list is emptied first. An end is final.
   *
   * @returns `lost`: another process has it. @throws QueueUnavailableError
   */
  async save(
    { id, tenant }: { id: string; tenant: string },
    holder: string,
    progress: OperationProgress,
    found: readonly OperationItem[] = [],
  ): Promise<'saved' | 'lost' | 'canceled'> {
    const fields = Object.entries(encodeProgress(progress)).flat()
    const keep = isOperationDone(progress) ? keptMs : ''
    const keys = this.#keys
    const names = [keys.operation(id), keys.operationItems(id), keys.openOperations, keys.openOperationsOf(tenant)]
    const items = found.map((item) => `${item.id} ${item.run}`)
    const drop = progress.listed === found.length ? '1' : ''
    const args = [id, holder, heldMs, keep, drop, fields.length / 2, ...fields, ...items]
    const reply = await whenAvailable(saveOperation(this.#redis, names, args))
    return reply === 0 ? 'lost' : reply === 2 ? 'canceled' : 'saved'
  }

  /** Gives an operation back, so that another process can take it at once. @throws QueueUnavailableError */
  async release(id: string, holder: string): Promise<void> {
    await whenAvailable(releaseOperation(this.#redis, [this.#keys.operation(id)], [holder]))
  }

  /** A part of the jobs of an operation. @throws QueueUnavailableError */
  async items(id: string, from: number, count: number): Promise<OperationItem[]> {
    const texts = await whenAvailable(this.#redis.lrange(this.#keys.operationItems(id), from, from + count - 1))
    return texts.map((text) => {
      const [job = '', run = '1'] = text.split(' ')
      return { id: job, run: Number(run) }
    })
  }

  /** Ends an operation that no process works on, and asks the process that does. @throws QueueUnavailableError */
  async cancel({ id, tenant }: { id: string; tenant: string }): Promise<'missing' | 'requested' | 'done'> {
    const keys = this.#keys
    const names = [keys.operation(id), keys.operationItems(id), keys.openOperations, keys.openOperationsOf(tenant)]
    const reply = await whenAvailable(cancelOperation(this.#redis, names, [id, redisNow(), keptMs]))
    return reply === 0 ? 'missing' : reply === 2 ? 'done' : 'requested'
  }
}
