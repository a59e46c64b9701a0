import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadedJob } from '../../../jobs/registry.ts'
import { version } from '../../../version.ts'
import { type BrokenLine, createJsonLineReader, toJsonLine } from '../json-lines.ts'
import { GroupMemory } from './group-memory.ts'
import { type Launched, launch } from './launch.ts'
import {
  brokenLines,
  type FromProgram,
  type JobMessage,
  maxLineLength,
  protocolVersion,
  readMessage,
} from './messages.ts'
import { variablesOf } from './once-program.ts'
import { silenceLimits } from './silence-limits.ts'

/** A process of the program, and what it sends. */
export class SpokenProgram {
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
    const onBroken = (why: BrokenLine) => this.#break(brokenLines[why])
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
    const hello = await this.next(({ kind }) => kind === 'hello', silenceLimits.helloMs)
    if (hello?.kind === 'hello') return hello
    throw new Error(this.#problem ?? `no hello within ${silenceLimits.helloMs / 1000} s`)
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
