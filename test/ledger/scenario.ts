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

/** With `waitS`, the answer with the end of the job is recorded too. */
export type SubmitOptions = { waitS?: number }

/** For each test of a fault: several processes start, crash and restart, beside other tests. */
export const patience = { timeout: 180_000 }

/** Number of concurrent reads. */
const readersAtOnce = 32

/** Starts real processes with short leases and with job types that write a ledger. All are killed after the test. */
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

/** The clients and faults of one test, and its ledger. */
export class Scenario {
  readonly stack: Stack
  /** All workers so far, ended ones included. */
  readonly workers: Worker[]
  readonly lockMs: number
  /** The API that clients use. Set it when another API takes over. */
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

  /** The entries of a kind in the order of the ledger, of all jobs or of one. */
  entries<K extends LedgerEntry['kind']>(kind: K, id?: string): EntryOf<K>[] {
    const isWanted = (entry: LedgerEntry): entry is EntryOf<K> =>
      entry.kind === kind && (id === undefined || ('id' in entry && entry.id === id))
    return this.#reader.entries().filter(isWanted)
  }

  /** Submits a job and records the answer. @returns its id, or undefined if it was not accepted */
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

  /** {@link submit}, but the API must accept. */
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
    if (!start) throw new Error('there are enough starts')
    return start
  }

  /** Waits until `count` more jobs have been accepted. */
  async moreAccepted(count: number): Promise<void> {
    const before = this.entries('accepted').length
    await waitFor(
      `${count} more jobs to be accepted`,
      () => this.entries('accepted').length - before,
      (more) => more >= count,
    )
  }

  /** Causes a fault and records it with its target, begin and end. */
  async fault<T>(what: Fault['what'], target: Pick<Fault, 'worker' | 'id'>, act: () => T | Promise<T>): Promise<T> {
    const from = Date.now()
    try {
      return await act()
    } finally {
      this.recordFault({ what, from, until: Date.now(), ...target })
    }
  }

  /** Records a fault that is known only afterwards. */
  recordFault(fault: Omit<Fault, 'kind'>): void {
    this.#append({ kind: 'fault', ...fault })
  }

  /** Kills a process. */
  async kill(what: 'worker_killed' | 'api_killed', role: Worker): Promise<void> {
    await this.fault(what, { worker: role.pid }, async () => {
      role.signal('SIGKILL')
      await role.ended
    })
  }

  /** Reads a job and records the answer, unless it is a 5xx. */
  async read(id: string, waitS?: number): Promise<Answer<JobResource>> {
    const answer = await read(this.apiUrl, id, waitS)
    if (answer.status < 500) this.#appendRead(id, answer)
    return answer
  }

  /** Waits for the end of every job, reads each once more, and checks the ledger. Prints the report, and all entries of each problem. */
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
    for (const { rule, id, detail } of report.problems) console.log(`  ${rule}: ${detail}\n${this.#describe(id)}`)
    return report
  }

  /** The entries and log lines of a job, and the faults. */
  #describe(id: string): string {
    const entries = this.#reader
      .entries()
      .filter((entry) => entry.kind === 'fault' || ('id' in entry && entry.id === id))
    const logs = this.workers.flatMap((worker) => worker.logs.filter((line) => JSON.stringify(line).includes(id)))
    return [...entries, ...logs].map((line) => `    ${JSON.stringify(line).slice(0, 300)}`).join('\n')
  }

  /** The ids of all jobs that were accepted or started. */
  #jobs(): string[] {
    const known = [...this.entries('accepted'), ...this.entries('start')]
    return [...new Set(known.map(({ id }) => id))]
  }

  #isDone(id: string): boolean {
    return this.entries('read', id).some(({ done }) => done)
  }

  async #readToEnd(id: string, until: number): Promise<void> {
    const waitS = Math.max(1, Math.min(30, Math.ceil((until - Date.now()) / 1000)))
    // Without an answer the next round reads it again.
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

/** Runs `act` for all ids, several at a time, until all are done or `isOver`. */
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
