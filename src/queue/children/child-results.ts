import type { ChildResult } from '../../jobs/child-job.ts'
import { decodeFailure } from '../model/failure.ts'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import { endState } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { JobQueue } from '../store/job-queue.ts'

/** What became of a child, without its output. */
export type ChildEnd =
  | { state: 'open' | 'succeeded' }
  | { state: Exclude<JobEnd, 'succeeded'>; code: string; message: string }

/** Outputs that are read at once, and bytes of JSON of all that one call gets. */
const maxAtOnce = 50
export const maxResultBytes = 64 * 1024 * 1024

/** Reads what became of children. Its methods throw QueueUnavailableError. */
export class ChildResults {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #jobs: JobQueue

  constructor(deps: { redis: Redis; keys: Keys; jobs: JobQueue }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#jobs = deps.jobs
  }

  /** By ids; none of a job that is not there. */
  async ends(refs: readonly JobRef[]): Promise<Map<string, ChildEnd>> {
    const found = await whenAvailable(Promise.all(refs.map((ref) => this.#end(ref))))
    return new Map(refs.flatMap(({ id }, n): [string, ChildEnd][] => (found[n] ? [[id, found[n]]] : [])))
  }

  async #end(ref: JobRef): Promise<ChildEnd | undefined> {
    const key = this.#keys.job(ref)
    const [[name, finished, reason], hasOutput] = await Promise.all([
      this.#redis.hmget(key, 'name', 'finishedOn', 'failedReason'),
      this.#redis.hexists(key, 'returnvalue'),
    ])
    if (typeof name !== 'string') return undefined
    if (typeof finished !== 'string') return { state: 'open' }
    if (hasOutput === 1) return { state: 'succeeded' }
    const failure = decodeFailure(reason ?? '', 1)
    const state = endState(false, failure)
    return state === 'succeeded' ? { state } : { state, code: failure.code, message: failure.message }
  }

  /** Results in the order given, with outputs; undefined where those are too large together. */
  async read(children: readonly { id: string; end: ChildEnd | undefined }[]): Promise<ChildResult[] | undefined> {
    const results: ChildResult[] = []
    let bytes = 0
    for (let from = 0; from < children.length; from += maxAtOnce) {
      const some = children.slice(from, from + maxAtOnce)
      const outputs = await Promise.all(some.map(({ id, end }) => this.#succeeded(id, end)))
      for (const [n, { id, end }] of some.entries()) {
        bytes += outputs[n]?.outputBytes ?? 0
        if (bytes > maxResultBytes) return undefined
        results.push(await this.#result(id, end, outputs[n]))
      }
    }
    return results
  }

  async #succeeded(id: string, end: ChildEnd | undefined): ReturnType<JobQueue['read']> {
    const ref = end?.state === 'succeeded' ? parseJobId(id) : undefined
    return ref && this.#jobs.read(ref, undefined, 'small')
  }

  async #result(
    id: string,
    end: ChildEnd | undefined,
    job: Awaited<ReturnType<JobQueue['read']>>,
  ): Promise<ChildResult> {
    if (!end || end.state === 'open') return { id, status: 'open' }
    if ('code' in end) return { id, status: end.state, code: end.code, message: end.message }
    if (!job?.storedOutput) return { id, status: 'succeeded', output: job?.output ?? null }
    return { id, status: 'succeeded', output: (await this.#jobs.readOutput(job))?.value ?? null }
  }
}
