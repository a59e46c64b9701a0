import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { RunsOn } from '../../src/jobs/define-job.ts'
import { type Answer, read, submit } from '../helpers/client.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { checkLedger, describeReport, type LedgerReport } from './check-ledger.ts'
import type { EntryOf, LedgerEntry } from './ledger-entry.ts'
import { appendEntry, LedgerReader } from './ledger-file.ts'
import type { LedgerJobInput } from './ledger-job.ts'
import { recordStoredEnds } from './stored-ends.ts'

export type Worker = Stack['workers'][number]
type Fault = EntryOf<'fault'>
type Work = Omit<LedgerJobInput, 'ledger'>

/** With `waitS`, what the API then says of the job's end is written down too. */
export type SubmitOptions = { waitS?: number }

/** For each test of a fault: several processes that start, die and start again, beside other tests. */
export const patience = { timeout: 60_000 }

/** So many reads at once. */
const readersAtOnce = 32

/** Starts real processes with short locks and with job types that keep a ledger. All end with the test. */
export async function startScenario(
  name: string,
  options: { workers?: number; lockMs?: number; env?: Record<string, string> } = {},
): Promise<Scenario> {
  const { workers = 2, lockMs = 1000 } = options
  const dir = await mkdtemp(join(tmpdir(), 'drover-ledger-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const ledger = join(dir, 'ledger.jsonl')
  closeSync(openSync(ledger, 'a'))
  const jobsDir = join(import.meta.dirname, 'fixtures')
  const env = { JOBS_DIR: jobsDir, LOCK_MS: String(lockMs), SHUTDOWN_GRACE_MS: '500', ...options.env }
  const stack = await startStack({ workers, env })
  const { REDIS_URL: url = '', KEY_PREFIX: prefix = '' } = stack.env
  onTestFinished(await recordStoredEnds({ url, prefix, queues: ['io', 'cpu'], ledger }))
  return new Scenario({ name, lockMs, stack, ledger })
}

/** What clients and faults do in one test, and the ledger of it. */
export class Scenario {
  readonly stack: Stack
  /** All that there were, also those that are gone. */
  readonly workers: Worker[]
  readonly lockMs: number
  /** Where clients go; to be changed when another API takes over. */
  apiUrl: string
  readonly #name: string
  readonly #ledger: string
  readonly #reader: LedgerReader

  constructor(parts: { name: string; lockMs: number; stack: Stack; ledger: string }) {
    this.stack = parts.stack
    this.workers = [...parts.stack.workers]
    this.lockMs = parts.lockMs
    this.apiUrl = parts.stack.api.url
    this.#name = parts.name
    this.#ledger = parts.ledger
    this.#reader = new LedgerReader(parts.ledger)
  }

  async addWorker(): Promise<Worker> {
    const worker = await this.stack.addWorker()
    this.workers.push(worker)
    return worker
  }

  /** All entries of a kind in the order of the ledger, or those of one job. */
  entries<K extends LedgerEntry['kind']>(kind: K, id?: string): EntryOf<K>[] {
    const isWanted = (entry: LedgerEntry): entry is EntryOf<K> =>
      entry.kind === kind && (id === undefined || ('id' in entry && entry.id === id))
    return this.#reader.entries().filter(isWanted)
  }

  /** Submits a job and writes down what was answered. @returns its id, or undefined where nobody promised anything */
  async submit(on: RunsOn, work: Work, options: SubmitOptions = {}): Promise<string | undefined> {
    const answer = await this.#ask(on, work, options)
    if (typeof answer === 'string' || answer.status >= 300) {
      const why = typeof answer === 'string' ? answer : String(answer.status)
      this.#append({ kind: 'unanswered', at: Date.now(), why })
      return undefined
    }
    const { id } = answer.body
    this.#append({ kind: 'accepted', id, at: Date.now(), status: answer.status })
    if (answer.body.done) this.#appendRead(id, answer)
    return id
  }

  /** {@link submit} where the API must accept. */
  async mustSubmit(on: RunsOn, work: Work, options?: SubmitOptions): Promise<string> {
    const id = await this.submit(on, work, options)
    if (id === undefined) throw new Error(`not accepted: ${this.entries('unanswered').at(-1)?.why}`)
    return id
  }

  /** Waits for the `count`-th start of a job. */
  async started(id: string, count = 1): Promise<EntryOf<'start'>> {
    const starts = await waitFor(
      `start ${count} of ${id}`,
      () => this.entries('start', id),
      (seen) => seen.length >= count,
    )
    const start = starts[count - 1]
    if (!start) throw new Error('waited for')
    return start
  }

  /** Waits until clients have been promised so many jobs more. */
  async moreAccepted(count: number): Promise<void> {
    const before = this.entries('accepted').length
    await waitFor(
      `${count} more jobs to be accepted`,
      () => this.entries('accepted').length - before,
      (more) => more >= count,
    )
  }

  /** Does something bad and writes down what, to whom, and from when until when. */
  async fault<T>(what: Fault['what'], whom: Pick<Fault, 'worker' | 'id'>, act: () => T | Promise<T>): Promise<T> {
    const from = Date.now()
    try {
      return await act()
    } finally {
      this.recordFault({ what, from, until: Date.now(), ...whom })
    }
  }

  /** Writes down what is known only afterwards. */
  recordFault(fault: Omit<Fault, 'kind'>): void {
    this.#append({ kind: 'fault', ...fault })
  }

  /** A process dies at once. */
  async kill(what: 'worker_killed' | 'api_killed', role: Worker): Promise<void> {
    await this.fault(what, { worker: role.pid }, async () => {
      role.signal('SIGKILL')
      await role.ended
    })
  }

  /** Reads a job and writes down what it says; nothing, where the API does not answer. */
  async read(id: string, waitS?: number): Promise<Answer<JobResource>> {
    const answer = await read(this.apiUrl, id, waitS)
    if (answer.status < 500) this.#appendRead(id, answer)
    return answer
  }

  /**
   * Waits for the end of every job, reads each once more, and compares. Prints the report in a line, and of each problem all
   * that was written down about the job.
   */
  async finish(options: { withinMs?: number } = {}): Promise<LedgerReport> {
    const until = Date.now() + (options.withinMs ?? 15_000)
    for (let left = this.#jobs(); left.length > 0; left = this.#jobs().filter((id) => !this.#isDone(id))) {
      if (Date.now() > until) break
      await eachOf(
        left,
        () => Date.now() > until,
        (id) => this.#readToEnd(id, until),
      )
    }
    await eachOf(
      this.#jobs(),
      () => false,
      (id) => this.read(id),
    )
    const report = checkLedger(this.#reader.entries(), { lockMs: this.lockMs })
    console.log(describeReport(this.#name, report))
    for (const { rule, id, detail } of report.problems) console.log(`  ${rule}: ${detail}\n${this.#tell(id)}`)
    return report
  }

  /** What clients, handlers and workers wrote down of a job, and the faults. */
  #tell(id: string): string {
    const entries = this.#reader
      .entries()
      .filter((entry) => entry.kind === 'fault' || ('id' in entry && entry.id === id))
    const logs = this.workers.flatMap((worker) => worker.logs.filter((line) => JSON.stringify(line).includes(id)))
    return [...entries, ...logs].map((line) => `    ${JSON.stringify(line).slice(0, 300)}`).join('\n')
  }

  /** Ids that somebody was promised, or that a handler knows. */
  #jobs(): string[] {
    const known = [...this.entries('accepted'), ...this.entries('start')]
    return [...new Set(known.map(({ id }) => id))]
  }

  #isDone(id: string): boolean {
    return this.entries('read', id).some(({ done }) => done)
  }

  async #readToEnd(id: string, until: number): Promise<void> {
    const waitS = Math.max(1, Math.min(30, Math.ceil((until - Date.now()) / 1000)))
    // Without an answer it is asked again.
    await this.read(id, waitS).catch(() => undefined)
  }

  async #ask(on: RunsOn, work: Work, options: SubmitOptions): Promise<Answer<JobResource> | string> {
    try {
      return await submit(this.apiUrl, `ledger-${on}`, { ...work, ledger: this.#ledger }, options)
    } catch (error) {
      return error instanceof Error ? error.message : 'unknown'
    }
  }

  #appendRead(id: string, { status, body }: Answer<JobResource>): void {
    const { state, done, attempt, finished_at: finished, output, error } = body
    const { run } = Object(output) as { run?: string }
    this.#append({
      ...{ kind: 'read', id, at: Date.now(), status },
      ...(status === 200 || status === 202 ? { state, done, attempt } : {}),
      ...(finished ? { finishedAt: Date.parse(finished) } : {}),
      ...(run === undefined ? {} : { run }),
      ...(error ? { error: error.code } : {}),
    })
  }

  #append(entry: LedgerEntry): void {
    appendEntry(this.#ledger, entry)
  }
}

/** Some at once, until all are done or `isOver`. */
async function eachOf(ids: string[], isOver: () => boolean, act: (id: string) => Promise<unknown>): Promise<void> {
  const rest = ids.values()
  const takeOn = async (): Promise<void> => {
    for (const id of rest) {
      if (isOver()) return
      await act(id)
    }
  }
  await Promise.all(Array.from({ length: readersAtOnce }, takeOn))
}
