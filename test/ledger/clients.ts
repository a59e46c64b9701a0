import { setTimeout as sleep } from 'node:timers/promises'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { RunsOn } from '../../src/jobs/define-job.ts'
import { type Answer, send } from '../helpers/client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { appendEntry, LedgerReader } from './ledger-file.ts'
import type { LedgerJobInput } from './ledger-job.ts'
import type { World } from './world.ts'

type Work = Omit<LedgerJobInput, 'ledger'>

/** Delay of a client between two submissions, and before it repeats one. */
const paceMs = 50
const requestWithinMs = 15_000
const readersAtOnce = 32

/** A submission that did not wait for its job: `ms` until the answer or the error. */
interface Sample {
  at: number
  ms: number
}

/**
 * Clients of a row. Each submits a job under an idempotency key, repeats that until it is accepted, and goes on with the next. All answers
 * are recorded.
 */
export class Clients {
  readonly #world: World
  readonly #reader: LedgerReader
  readonly #accepted = new Map<string, number>()
  readonly #finished = new Map<string, number>()
  readonly #samples: Sample[] = []
  readonly #over = new AbortController()
  readonly #webhook: string | undefined
  readonly #withWebhook = new Set<string>()
  #running: Promise<void>[] = []
  #asked = 0

  /** @param webhook the address that each job names */
  constructor(world: World, webhook?: string) {
    this.#world = world
    this.#webhook = webhook
    this.#reader = new LedgerReader(world.ledger)
  }

  /** The ids of the accepted jobs, with the epoch ms of their first answer. */
  get accepted(): ReadonlyMap<string, number> {
    return this.#accepted
  }

  /** The accepted jobs that name the webhook of all clients. */
  get withWebhook(): ReadonlySet<string> {
    return this.#withWebhook
  }

  entries() {
    return this.#reader.entries()
  }

  /** Starts `count` clients. */
  start(count: number): void {
    this.#running = Array.from({ length: count }, () => this.#client())
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#running)
  }

  /** Waits until `count` more jobs are accepted. */
  async moreAccepted(count: number, withinMs = 20_000): Promise<void> {
    const before = this.#accepted.size
    await waitFor(
      `${count} more accepted jobs`,
      () => this.#accepted.size - before,
      (more) => more >= count,
      { withinMs },
    )
  }

  /** Submits one job until it is accepted. @returns its id */
  async submit(on: RunsOn, work: Work, fields: Record<string, unknown> = {}, waitS?: number): Promise<string> {
    const key = `${this.#world.env['KEY_PREFIX']}-${this.#asked++}`
    for (;;) {
      const id = await this.#ask(key, on, work, fields, waitS)
      if (id !== undefined) return id
      await sleep(paceMs)
    }
  }

  /** Waits for the end of a job. */
  async ended(id: string, withinMs = 30_000): Promise<void> {
    await waitFor(
      `the end of ${id}`,
      () => this.#read(id, 2),
      ({ body }) => body.done,
      { withinMs },
    )
  }

  /** Reads every job until it has ended, at most for `withinMs`, and once more. `mayBeGone`: a 404 is not waited for. */
  async readAll(withinMs: number, mayBeGone: boolean): Promise<void> {
    const until = Date.now() + withinMs
    const started = this.entries().flatMap((entry) => (entry.kind === 'start' ? [entry.id] : []))
    const ids = [...new Set([...this.#accepted.keys(), ...started])]
    await eachOf(ids, async (id) => {
      while (Date.now() < until) {
        const answer = await this.#read(id, 5).catch(() => undefined)
        if (answer?.body.done || (mayBeGone && answer?.status === 404)) return
        await sleep(paceMs)
      }
    })
    await eachOf(ids, async (id) => void (await this.#read(id).catch(() => undefined)))
  }

  /** How long after the end of a fault the last job ended that had been accepted before that, in ms; the longest of all faults. */
  recoveryMs(): number {
    const times = this.#world.faults.flatMap(({ until }) =>
      [...this.#accepted].map(([id, at]) => (at <= until ? (this.#finished.get(id) ?? 0) - until : 0)),
    )
    return Math.max(0, ...times)
  }

  /** The 99th percentile of submissions from the first fault until `recoveryMs` after the last, in ms. */
  p99(recoveryMs: number): number {
    const from = Math.min(...this.#world.faults.map((fault) => fault.from))
    const until = Math.max(...this.#world.faults.map((fault) => fault.until)) + recoveryMs
    const times = this.#samples.filter(({ at, ms }) => at + ms >= from && at <= until).map(({ ms }) => ms)
    return times.toSorted((a, b) => a - b)[Math.floor(0.99 * times.length)] ?? Number.NaN
  }

  async #client(): Promise<void> {
    const { random } = this.#world
    while (!this.#over.signal.aborted) {
      const kind = random()
      const on = kind < 0.8 ? 'event-loop' : kind < 0.95 ? 'thread' : 'process'
      const ms = Math.floor(random() * (on === 'event-loop' ? 400 : 40))
      const fields = random() < 0.1 ? { delay_ms: 300 } : random() < 0.1 ? { deadline_ms: 120_000 } : {}
      const waitS = random() < 0.3 ? 5 : undefined
      const key = `${this.#world.env['KEY_PREFIX']}-${this.#asked++}`
      let id: string | undefined
      while (id === undefined && !this.#over.signal.aborted) {
        id = await this.#ask(key, on, { ms, how: on === 'event-loop' ? 'wait' : 'compute' }, fields, waitS)
        await sleep(paceMs)
      }
    }
  }

  /** @returns the id if the job was accepted */
  async #ask(
    key: string,
    on: RunsOn,
    work: Work,
    fields: Record<string, unknown>,
    waitS: number | undefined,
  ): Promise<string | undefined> {
    const [at, begun] = [Date.now(), performance.now()]
    const prefer: Record<string, string> = waitS === undefined ? {} : { prefer: `wait=${waitS}` }
    const webhook = this.#webhook === undefined ? {} : { webhook: { url: this.#webhook } }
    try {
      const answer = await send<JobResource>('POST', `${this.#world.apiUrl}/v1/jobs`, {
        headers: { 'idempotency-key': key, ...prefer },
        body: { type: `ledger-${on}`, input: { ...work, ledger: this.#world.ledger }, ...webhook, ...fields },
        signal: AbortSignal.timeout(requestWithinMs),
      })
      if (answer.status === 200 || answer.status === 202) {
        if (!('webhook' in fields)) this.#withWebhook.add(answer.body.id)
        return this.#accept(answer)
      }
      if (answer.status < 500 && ![404, 409, 429].includes(answer.status)) {
        throw new TypeError(`the submission is wrong: ${answer.status} ${JSON.stringify(answer.body)}`)
      }
      this.#append({ kind: 'unanswered', at: Date.now(), why: String(answer.status) })
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith('the submission is wrong')) throw error
      this.#append({ kind: 'unanswered', at: Date.now(), why: error instanceof Error ? error.message : 'unknown' })
    } finally {
      if (waitS === undefined) this.#samples.push({ at, ms: performance.now() - begun })
    }
    return undefined
  }

  #accept(answer: Answer<JobResource>): string {
    const { id } = answer.body
    if (!this.#accepted.has(id)) {
      this.#accepted.set(id, Date.now())
      this.#append({ kind: 'accepted', id, at: Date.now(), status: answer.status })
    }
    if (answer.body.done) this.#noteRead(id, answer)
    return id
  }

  async #read(id: string, waitS?: number): Promise<Answer<JobResource>> {
    const prefer: Record<string, string> = waitS === undefined ? {} : { prefer: `wait=${waitS}` }
    const signal = AbortSignal.timeout(requestWithinMs)
    const answer = await send<JobResource>('GET', `${this.#world.apiUrl}/v1/jobs/${id}`, { headers: prefer, signal })
    if (answer.status < 500) this.#noteRead(id, answer)
    return answer
  }

  #noteRead(id: string, { status, body }: Answer<JobResource>): void {
    const { state, done, attempt, finished_at: finished, output, error } = body
    const { run } = Object(output) as { run?: string }
    if (finished) this.#finished.set(id, Date.parse(finished))
    // The replay of a submission says 202 of a job that has ended.
    const readStatus = done ? 200 : status
    this.#append({
      ...{ kind: 'read', id, at: Date.now(), status: readStatus },
      ...(status === 200 || status === 202 ? { state, done, attempt } : {}),
      ...(finished ? { finishedAt: Date.parse(finished) } : {}),
      ...(run === undefined ? {} : { run }),
      ...(error ? { error: error.code } : {}),
    })
  }

  #append(entry: Parameters<typeof appendEntry>[1]): void {
    appendEntry(this.#world.ledger, entry)
  }
}

/** Runs `act` for all ids, several at a time. */
async function eachOf(ids: string[], act: (id: string) => Promise<void>): Promise<void> {
  const rest = ids.values()
  const takeOn = async (): Promise<void> => {
    for (const id of rest) await act(id)
  }
  await Promise.all(Array.from({ length: readersAtOnce }, takeOn))
}
