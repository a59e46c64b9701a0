import { setTimeout as sleep } from 'node:timers/promises'
import { pointerTo } from '../../../jobs/json-pointer.ts'
import { parseBoundedValue } from '../../../jobs/parse-value.ts'
import type { LoadedJob } from '../../../jobs/registry.ts'
import { version } from '../../../version.ts'
import { createJsonLineReader, toJsonLine } from '../json-lines.ts'
import { GroupMemory } from './group-memory.ts'
import { type Launched, launch } from './launch.ts'
import { type FromProgram, type JobMessage, maxLineLength, protocolVersion, readMessage } from './messages.ts'
import { variablesOf } from './once-program.ts'

/** One case of docs/handler-protocol.md: `warn` is allowed, and worth to know. */
export interface CaseResult {
  case: string
  result: 'ok' | 'warn' | 'fail'
  detail: string
}

const helloMs = 10_000
/** How long the program may take for what it should do at once. */
const soonMs = 2000

/** Speaks the cases of the protocol to the program of a job type, one process for each. `input` must satisfy the schema. */
export async function* checkProgram(loaded: LoadedJob, input: unknown): AsyncGenerator<CaseResult, void, undefined> {
  const cases = loaded.job.program?.mode === 'once' ? onceCases : warmCases
  for (const [name, run] of Object.entries(cases)) {
    const program = new Spoken(loaded)
    try {
      yield { case: name, ...(await run(program, { loaded, input })) }
    } catch (error) {
      yield { case: name, result: 'fail', detail: error instanceof Error ? error.message : 'it failed' }
    } finally {
      await program.end()
    }
  }
}

type Result = Omit<CaseResult, 'case'>
type Case = (program: Spoken, given: { loaded: LoadedJob; input: unknown }) => Promise<Result>

const ok = (detail: string): Result => ({ result: 'ok', detail })
const warn = (detail: string): Result => ({ result: 'warn', detail })
const fail = (detail: string): Result => ({ result: 'fail', detail })

const warmCases: Record<string, Case> = {
  async hello(program, { loaded }) {
    const { protocol, types } = await program.hello()
    if (protocol !== protocolVersion)
      return fail(`it speaks version ${protocol}, and Drover version ${protocolVersion}`)
    if (!types) return warn('it does not name its job types')
    return types.includes(loaded.job.type) ? ok(`after ${program.elapsedMs} ms`) : fail(`it has no ${loaded.job.type}`)
  },
  async 'a job'(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    const last = await program.lastWord('job-1', loaded.job.timeoutMs)
    if (last.kind === 'error') return fail(`it failed: ${last.message ?? ''}`)
    return checkOutput(loaded, last.output)
  },
  async 'one last word'(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    const more = await program.next(({ kind }) => kind !== 'pong', 300)
    return more ? fail(`it sent ${more.kind} after the last word`) : ok('nothing follows')
  },
  async 'a second job in the same process'(program, { loaded, input }) {
    await program.hello()
    for (const id of ['job-1', 'job-2']) {
      program.start(id, input)
      await program.lastWord(id, loaded.job.timeoutMs)
    }
    return ok('it stays for the next job')
  },
  async 'what it does not know'(program, { loaded, input }) {
    await program.hello()
    program.send({ wave: { id: 'job-1' } })
    program.send({ cancel: { id: 'nobody', reason: 'canceled', colour: 'red' } })
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    return ok('unknown messages, and a cancel of a job that does not run, are ignored')
  },
  async 'a long line'(program, { loaded, input }) {
    await program.hello()
    program.send({ wave: { text: 'x'.repeat(maxLineLength + 1) } })
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    return ok('it reads lines longer than 8 MiB')
  },
  async 'a job of another type'(program, { input }) {
    await program.hello()
    program.start('job-1', input, 'no-such-type')
    const last = await program.lastWord('job-1', soonMs).catch(() => undefined)
    if (last?.kind === 'error') return ok(`it answers an error: ${last.message ?? ''}`)
    return warn(last ? 'it runs jobs of any type' : 'it does not answer')
  },
  async ping(program) {
    await program.hello()
    program.send({ ping: { n: 1 } })
    const pong = await program.next(({ kind }) => kind === 'pong', soonMs)
    return pong
      ? ok('it answers')
      : warn('it does not answer: Drover cannot tell a busy program from one that is stuck')
  },
  async cancel(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    program.send({ cancel: { id: 'job-1', reason: 'canceled' } })
    const last = await program.lastWord('job-1', loaded.job.cancelGraceMs + soonMs).catch(() => undefined)
    if (last)
      return ok(
        `it ended the job with ${last.kind === 'error' ? `the error ${last.code ?? 'job_failed'}` : 'a result'}`,
      )
    return warn('it did not end the job within its grace: Drover ends the process, and every job in it')
  },
  async SIGTERM(program) {
    await program.hello()
    program.launched.end(60_000)
    return (await program.isGoneIn(soonMs)) ? ok('it ends') : warn('it goes on: Drover sends SIGKILL after 5 s')
  },
  async 'the end of the channel'(program) {
    await program.hello()
    program.launched.channel?.write.end()
    return (await program.isGoneIn(soonMs)) ? ok('it leaves') : warn('it stays: Drover sends SIGTERM')
  },
}

const onceCases: Record<string, Case> = {
  async 'a job'(program, { loaded, input }) {
    const { code, output } = await program.runOnce(input, loaded.job.timeoutMs)
    if (code !== 0) return fail(`exit code ${code}`)
    return checkOutput(loaded, output.trim() === '' ? null : JSON.parse(output))
  },
  async SIGTERM(program) {
    program.launched.end(60_000)
    return (await program.isGoneIn(soonMs)) ? ok('it ends') : warn('it goes on: Drover sends SIGKILL after 5 s')
  },
}

function checkOutput(loaded: LoadedJob, output: unknown): Result {
  const [issue] = parseBoundedValue(loaded.job.output, output ?? null).error?.issues ?? []
  return issue ? fail(`${pointerTo('/output', issue.path)}: ${issue.message}`) : ok('its output satisfies the schema')
}

/** A process of the program, and what it sends. */
class Spoken {
  readonly launched: Launched
  readonly #loaded: LoadedJob
  readonly #startedAt = performance.now()
  readonly #inbox: FromProgram[] = []
  #problem: string | undefined
  #wake: (() => void) | undefined
  #isGone = false
  #output = ''

  constructor(loaded: LoadedJob) {
    this.#loaded = loaded
    const speaksProtocol = loaded.job.program?.mode !== 'once'
    const settings = { environment: process.env, user: undefined, memoryLimitMb: loaded.job.memoryLimitMb }
    const { type, timeoutMs } = loaded.job
    const attempt = {
      id: 'job-1',
      type,
      tenant: '-',
      hops: 0,
      input: null,
      attempt: 1,
      maxAttempts: 1,
      fence: 1,
      timeoutMs,
    }
    const env = speaksProtocol ? {} : variablesOf(attempt)
    this.launched = launch({ loaded, settings, memory: new GroupMemory(), speaksProtocol, env })
    const { stdin, stdout, stderr, channel } = this.launched
    stdout.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    stderr.pipe(process.stderr, { end: false })
    if (channel) stdin.end()
    const onBroken = (why: string) => this.#break(why === 'too_long' ? 'a line is too long' : 'a line is no JSON')
    channel?.read.on(
      'data',
      createJsonLineReader((line) => this.#take(line), onBroken, maxLineLength),
    )
    void this.#follow()
    this.send({ hello: { protocol: protocolVersion, drover: version } })
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt)
  }

  send(message: object): void {
    const write = this.launched.channel?.write
    if (write?.writable) write.write(toJsonLine(message))
  }

  start(id: string, input: unknown, type = this.#loaded.job.type): void {
    const { timeoutMs } = this.#loaded.job
    const limits = { timeout_ms: timeoutMs, deadline_at: null, restored: null, fence: 1, traceparent: null }
    this.send({ start: { id, type, attempt: 1, max_attempts: 1, input, tenant: '-', ...limits, colour: 'red' } })
  }

  async hello(): Promise<FromProgram & { kind: 'hello' }> {
    const hello = await this.next(({ kind }) => kind === 'hello', helloMs)
    if (hello?.kind === 'hello') return hello
    throw new Error(this.#problem ?? `no hello within ${helloMs / 1000} s`)
  }

  async lastWord(id: string, withinMs: number): Promise<JobMessage & { kind: 'result' | 'error' }> {
    let acked = 0
    for (;;) {
      const message = await this.next((one) => 'id' in one, withinMs)
      if (!message || !('id' in message)) throw new Error(this.#problem ?? `no last word within ${withinMs} ms`)
      if (message.id !== id) throw new Error(`${message.kind} of a job that does not run`)
      if (message.kind === 'yield' || message.kind === 'checkpoint') this.send({ ack: { id, n: ++acked } })
      if (message.kind === 'result' || message.kind === 'error') return message
    }
  }

  /** The next message that fits; others before it are dropped. Undefined if none comes in time. */
  async next(fits: (message: FromProgram) => boolean, withinMs: number): Promise<FromProgram | undefined> {
    const late = AbortSignal.timeout(withinMs)
    for (;;) {
      for (let message = this.#inbox.shift(); message; message = this.#inbox.shift()) if (fits(message)) return message
      if (late.aborted || this.#isGone || this.#problem !== undefined) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        late.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  async runOnce(input: unknown, withinMs: number): Promise<{ code: number; output: string }> {
    this.launched.stdin.end(toJsonLine(input ?? null))
    if (!(await this.isGoneIn(withinMs))) throw new Error(`it did not end within ${withinMs} ms`)
    const end = await this.launched.gone
    if (end.kind !== 'exit') throw new Error(`it ended by ${end.kind === 'signal' ? end.signal : end.kind}`)
    return { code: end.code, output: this.#output }
  }

  async isGoneIn(ms: number): Promise<boolean> {
    const over = new AbortController()
    const late = sleep(ms, false, over).catch(() => false)
    try {
      return await Promise.race([this.launched.gone.then(() => true), late])
    } finally {
      over.abort()
    }
  }

  async end(): Promise<void> {
    this.launched.end(0)
    await this.launched.gone
  }

  #take(line: unknown): void {
    const read = readMessage(line)
    if (read.status === 'read') this.#inbox.push(read.message)
    if (read.status === 'invalid') this.#break(read.reason)
    this.#wake?.()
  }

  #break(problem: string): void {
    this.#problem ??= problem
    this.#wake?.()
  }

  async #follow(): Promise<void> {
    const end = await this.launched.gone
    this.#isGone = true
    if (end.kind === 'exit') this.#break(`it ended with exit code ${end.code}`)
    else this.#break(`it ended: ${end.kind === 'signal' ? end.signal : end.kind}`)
  }
}
