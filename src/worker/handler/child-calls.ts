import { setImmediate } from 'node:timers/promises'
import { ChildFailedError } from '../../jobs/child-failed-error.ts'
import type {
  ChildCall,
  ChildJob,
  ChildOptions,
  ChildResult,
  ChildrenAsk,
  ChildrenPort,
  ChildType,
  StartedChild,
} from '../../jobs/child-job.ts'
import { JobError, PermanentError } from '../../jobs/job-error.ts'
import { mayBeForgotten } from './may-be-forgotten.ts'
import { toJson } from './to-json.ts'

/** What one call of the handler asks for. */
interface Asked extends ChildrenAsk {
  resolve: (results: ChildResult[]) => void
  reject: (error: unknown) => void
}

export interface ChildParts {
  children: ChildrenPort
  /** Resolves when the answer of that name is there; never, where the job is parked until then. */
  waitFor: (field: string) => Promise<void>
  /** Whether the job is parked by something else that the handler waits for: then nothing that it waits for is settled. */
  isParked: () => boolean
}

/**
 * The jobs that a handler submits: behind `job.run`, `job.start` and `job.gather`. A call is found again by its number, so that a handler that begins anew has
 * to call in the same order.
 */
export class Children {
  readonly #parts: ChildParts | undefined
  readonly #started = new WeakMap<StartedChild, ChildCall>()
  #calls = 0
  #asked: Asked[] = []

  /** @param parts undefined: this handler cannot submit jobs */
  constructor(parts: ChildParts | undefined) {
    this.#parts = parts
  }

  /** See `ChildCalls`. */
  async run(type: string | ChildType, input: unknown, options: ChildOptions = {}): Promise<unknown> {
    const call = this.#call(type, input, options)
    return this.#resultOf(call)
  }

  /** See `ChildCalls`. */
  async start(type: string | ChildType, input: unknown, options: ChildOptions = {}): Promise<StartedChild> {
    const call = this.#call(type, input, options)
    const [result] = await this.#ask([call], 'nothing')
    const child: StartedChild = {
      id: result?.id ?? '',
      type: call.type,
      result: () => mayBeForgotten(this.#resultOf(call)),
    }
    this.#started.set(child, call)
    return child
  }

  /** See `ChildCalls`. */
  async gather(
    children: readonly (ChildJob | StartedChild)[],
    { settled = false }: { settled?: boolean } = {},
  ): Promise<unknown[]> {
    if (!Array.isArray(children))
      throw new PermanentError('gather takes a list of children', { code: 'invalid_request' })
    const calls = children.map((child) => this.#callOf(child))
    if (calls.length === 0) return []
    const results = await this.#ask(calls, settled ? 'all' : 'first_failure')
    if (settled) return calls.map((call, n) => settledResult(call, results[n]))
    const failed = results.findIndex((result) => 'code' in result)
    // Others may be open still.
    if (failed !== -1) throw errorOf(calls[failed], results[failed])
    return calls.map((call, n) => outputOf(call, results[n]))
  }

  async #resultOf(call: ChildCall): Promise<unknown> {
    const [ended] = await this.#ask([call], 'all')
    return outputOf(call, ended)
  }

  #callOf(child: ChildJob | StartedChild): ChildCall {
    const started = this.#started.get(child as StartedChild)
    if (started) return started
    const { type, input, ...options } = child as ChildJob
    return this.#call(type, input, options)
  }

  #call(given: string | ChildType, input: unknown, options: ChildOptions): ChildCall {
    const type = typeof given === 'string' ? given : given.type
    const json = toJson(input, '/input')
    if (!json.ok) throw new PermanentError(`${type}: ${json.problem}, which is not JSON`, { code: 'invalid_request' })
    this.#calls += 1
    return { n: this.#calls, type, input: json.value, options }
  }

  #ask(calls: ChildCall[], waitFor: ChildrenAsk['waitFor']): Promise<ChildResult[]> {
    return new Promise((resolve, reject) => {
      // Calls of one turn are asked for together.
      if (this.#asked.length === 0) void setImmediate().then(() => this.#askAll())
      this.#asked.push({ calls, waitFor, resolve, reject })
    })
  }

  #askAll(): void {
    const asked = this.#asked
    this.#asked = []
    const { true: waiting = [], false: going = [] } = Object.groupBy(asked, ({ waitFor }) =>
      waitFor === 'nothing' ? 'false' : 'true',
    )
    for (const one of going) this.#settle([one]).catch(one.reject)
    if (waiting.length === 0) return
    this.#settle(waiting).catch((error: unknown) => waiting.forEach(({ reject }) => reject(error)))
  }

  /** Asks until all have ended that are waited for. */
  async #settle(asked: Asked[]): Promise<void> {
    if (!this.#parts) throw notHere()
    const { children, waitFor } = this.#parts
    const [only] = asked
    if (!only) return
    for (;;) {
      const ask: ChildrenAsk =
        asked.length === 1 ? only : { calls: asked.flatMap(({ calls }) => calls), waitFor: 'all' }
      const reply = await children({ calls: ask.calls, waitFor: ask.waitFor })
      if (reply.status === 'refused') {
        const { code, message, retryable } = reply
        // A parked job has no lease any more; who has parked it may hear of that after this.
        if (code === 'lease_lost') await setImmediate()
        if (this.#parts.isParked()) return
        const error = new JobError(message, { code, retryable })
        if (asked.length > 1) return this.#settleEach(asked)
        return only.reject(error)
      }
      if (reply.status === 'ready') return distribute(asked, reply.results)
      await waitFor(reply.field)
    }
  }

  /** One is refused, and must not take the others with it. */
  async #settleEach(asked: Asked[]): Promise<void> {
    const accepted: Asked[] = []
    for (const one of asked) {
      const { status, ...why } = (await this.#parts?.children({ calls: one.calls, waitFor: 'nothing' })) ?? {}
      if (status === 'refused' && 'code' in why) one.reject(new JobError(why.message, why))
      else accepted.push(one)
    }
    await this.#settle(accepted)
  }
}

function distribute(asked: Asked[], results: ChildResult[]): void {
  let from = 0
  for (const { calls, resolve } of asked) {
    resolve(results.slice(from, from + calls.length))
    from += calls.length
  }
}

/** @throws ChildFailedError */
function outputOf(call: ChildCall | undefined, result: ChildResult | undefined): unknown {
  if (result?.status === 'succeeded') return result.output
  throw errorOf(call, result)
}

function errorOf(call: ChildCall | undefined, result: ChildResult | undefined): Error {
  if (call && result && 'code' in result) return new ChildFailedError(call.type, result)
  return new TypeError('a job that was waited for has no result')
}

function settledResult(call: ChildCall, result: ChildResult | undefined): PromiseSettledResult<unknown> {
  try {
    return { status: 'fulfilled', value: outputOf(call, result) }
  } catch (reason) {
    return { status: 'rejected', reason }
  }
}

const notHere = (): JobError =>
  new PermanentError(
    'this handler cannot submit jobs: its job was added by a plain BullMQ producer, or it is tested without children',
    {
      code: 'no_children',
    },
  )
