import { JobError } from '../../jobs/job-error.ts'
import type { EmitJobEvent, KeepRequest } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import { invalidKeep, invalidName, keepRefused, keptLimits, tooLarge } from '../../jobs/kept-limits.ts'
import type { Attempt } from './attempt.ts'
import { toJson } from './to-json.ts'

/** What a handler keeps for the next start of its job, and what earlier starts have kept. Behind `job.checkpoint` and `job.once`. */
export class KeptState {
  readonly #emit: EmitJobEvent
  readonly #steps: Map<string, string>
  /** Steps under way: a second call waits for the first. */
  readonly #running = new Map<string, Promise<string>>()
  readonly #restored: unknown
  #requests = 0

  /** @param emit returns undefined when the attempt is over */
  constructor({ restored, steps = {} }: Pick<Attempt, 'restored' | 'steps'>, emit: EmitJobEvent) {
    this.#emit = emit
    this.#steps = new Map(Object.entries(steps))
    this.#restored = restored === undefined ? undefined : JSON.parse(restored)
  }

  get restored(): unknown {
    return this.#restored
  }

  /** @throws JobError, see JobContext */
  checkpoint(state: unknown): Promise<void> {
    const kept = this.#keep((n) => ({ kind: 'checkpoint', n, json: jsonOf(state, '/checkpoint') }))
    // Who does not wait for it goes on without it: that must not end the process.
    kept.catch(() => undefined)
    return kept
  }

  /** @throws what `fn` throws; JobError, see JobContext */
  async once<T>(name: string, fn: () => T | Promise<T>): Promise<T> {
    const isName = typeof name === 'string' && name !== '' && name.length <= keptLimits.nameLength
    if (!isName || !name.isWellFormed()) throw asError(invalidKeep(invalidName))
    const json = this.#steps.get(name) ?? (await this.#runOnce(name, fn))
    // What the first call returns is what later ones get: a copy, as JSON keeps it.
    return JSON.parse(json) as T
  }

  #runOnce(name: string, fn: () => unknown): Promise<string> {
    const before = this.#running.get(name)
    if (before) return before
    const running = this.#runStep(name, fn).finally(() => this.#running.delete(name))
    this.#running.set(name, running)
    return running
  }

  async #runStep(name: string, fn: () => unknown): Promise<string> {
    const json = jsonOf(await fn(), `/once/${name}`)
    await this.#keep((n) => ({ kind: 'step', n, name, json }))
    this.#steps.set(name, json)
    return json
  }

  async #keep(request: (n: number) => KeepRequest): Promise<void> {
    const asked = request(++this.#requests)
    // Here, too: it may be too large to be sent.
    const bytes = Buffer.byteLength(asked.json)
    if (bytes > keptLimits.bytes) throw asError(tooLarge(asked.kind, bytes))
    const storing = this.#emit(asked)
    const refusal = storing ? await storing : keepRefused
    if (refusal) throw asError(refusal)
  }
}

function jsonOf(value: unknown, base: string): string {
  const json = toJson(value, base)
  if (json.ok) return JSON.stringify(json.value)
  throw asError(invalidKeep(`${json.problem}, which is not JSON`))
}

function asError({ code, message, retryable }: JobFailure): JobError {
  return new JobError(message, { code, retryable })
}
