import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { StoredOperation } from '../../queue/operations/operation-record.ts'
import type { OperationStore } from '../../queue/operations/operation-store.ts'
import { type ApiKeys, anonymousCaller, type Caller } from '../access/api-keys.ts'
import { Problem } from '../http/problem.ts'
import { scopeOf } from './operation-resource.ts'
import { OperationRun, type RunDeps } from './operation-run.ts'

/** A process looks so often for operations that others have left; sooner while there are open ones. */
const lookEveryMs = { idle: 10_000, open: 2000 }
const maxRuns = 3
/** … of which one tenant has at most so many. */
const maxRunsOfTenant = 2
/** An operation without room is tried again after this, then after twice as long each time, up to the second. */
const noRoomMs = { first: 500, last: 5000 }

type RunnerOptions = RunDeps & { store: OperationStore; apiKeys: ApiKeys | undefined; log: Logger }

/**
 * Carries out the operations of all API processes: those that were made here at once, and those that another process has left. An operation
 * is one process's at a time.
 */
export class OperationRunner {
  readonly #options: RunnerOptions
  readonly #holder = randomUUID()
  readonly #stopping = new AbortController()
  readonly #runs = new Map<string, Promise<void>>()
  readonly #waiting = new Set<string>()
  /** Tenants of the operations that run here. */
  readonly #tenants = new Map<string, string>()
  /** Operations without room: when they are tried again, by performance.now(). */
  readonly #noRoom = new Map<string, { until: number; waitMs: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** May be called twice. */
  start(): void {
    if (this.#timer !== undefined || this.#stopping.signal.aborted) return
    this.#lookIn(0)
  }

  /** Resolves when no operation runs here: others go on with them. May be called twice. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopping.abort()
    await Promise.all(this.#runs.values())
  }

  /** Begins with an operation, now or when others have ended. */
  begin(id: string): void {
    if (this.#stopping.signal.aborted || this.#runs.has(id) || this.#hasNoRoom(id)) return
    if (this.#runs.size >= maxRuns) {
      this.#waiting.add(id)
      return
    }
    this.#waiting.delete(id)
    const run = this.#run(id).finally(() => {
      this.#runs.delete(id)
      this.#tenants.delete(id)
      const [next] = this.#waiting
      if (next !== undefined) this.begin(next)
    })
    this.#runs.set(id, run)
  }

  #hasNoRoom(id: string): boolean {
    return (this.#noRoom.get(id)?.until ?? 0) > performance.now()
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      void this.#lookAndGoOn()
    }, ms)
  }

  async #lookAndGoOn(): Promise<void> {
    const isAnyOpen = await this.#look()
    if (!this.#stopping.signal.aborted) this.#lookIn(isAnyOpen ? lookEveryMs.open : lookEveryMs.idle)
  }

  /** @returns whether there are open operations. Never rejects */
  async #look(): Promise<boolean> {
    try {
      const open = await this.#options.store.open()
      for (const id of this.#noRoom.keys()) if (!open.includes(id)) this.#noRoom.delete(id)
      for (const id of open) this.begin(id)
      return open.length > 0
    } catch (error) {
      this.#options.log.debug({ err: error }, 'failed to look for operations')
      return false
    }
  }

  /** Never rejects: what is left is begun again later, here or elsewhere. */
  async #run(id: string): Promise<void> {
    const { store, log } = this.#options
    try {
      const operation = await store.take(id, this.#holder)
      if (!operation) return
      const { tenant } = operation
      if (
        this.#tenants
          .values()
          .filter((other) => other === tenant)
          .toArray().length >= maxRunsOfTenant
      ) {
        // The next look begins with it, here or elsewhere.
        await store.release(id, this.#holder)
        return
      }
      this.#tenants.set(id, tenant)
      const result = await new OperationRun(operation, {
        deps: this.#options,
        store,
        holder: this.#holder,
        callerOf: () => this.#callerOf(operation),
        stopping: this.#stopping.signal,
        log,
      }).run()
      if (result === 'over') this.#noRoom.delete(id)
      else {
        const waitMs = Math.min(noRoomMs.last, 2 * (this.#noRoom.get(id)?.waitMs ?? noRoomMs.first / 2))
        this.#noRoom.set(id, { until: performance.now() + waitMs, waitMs })
      }
    } catch (error) {
      log.warn({ operation: id, err: error }, 'an operation was interrupted; it goes on later')
    }
  }

  /** The client of an operation as its key is now. */
  #callerOf({ key, tenant, action }: StoredOperation): Caller | Problem {
    const { apiKeys } = this.#options
    if (!apiKeys && !key) return anonymousCaller
    const caller =
      key && apiKeys?.callerOf({ id: key.id, isSame: (hash) => hash.toString('hex') === key.hash }, tenant, Date.now())
    if (!caller) return new Problem('unauthenticated', 'The API key of this operation was revoked or has expired.')
    const scope = scopeOf(action)
    return caller.scopes.has(scope) ? caller : new Problem('forbidden', `Its key lost the scope "${scope}".`)
  }
}
