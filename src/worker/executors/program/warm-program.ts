import { cutText } from '../../../jobs/cut-text.ts'
import type { JobContext, LogLevel } from '../../../jobs/job-context.ts'
import { termGraceMs } from '../../../jobs/program/program.ts'
import type { StopRequest } from '../../../jobs/stop-request.ts'
import { version } from '../../../version.ts'
import type { Attempt } from '../../handler/attempt.ts'
import { forwardLines } from '../forward-lines.ts'
import { type HostEnd, type HostSettings, hostLines } from '../host.ts'
import { type BrokenLine, createJsonLineReader, toJsonLine } from '../json-lines.ts'
import { Conversation } from './conversation.ts'
import { type Launched, type LaunchOptions, launch } from './launch.ts'
import {
  brokenLines,
  type FromProgram,
  maxLineLength,
  mistakeInHello,
  protocolVersion,
  readMessage,
  startOf,
} from './messages.ts'
import { type SilenceLimits, silenceLimits } from './silence-limits.ts'

/** How long an idle program may take to end by itself, once its channel is closed. */
const leaveMs = 1000
/** How long a program that has closed its channel may take to end. */
const closedMs = 500

type Settings = LaunchOptions['settings'] & Pick<HostSettings, 'log'>

/** A process that speaks the protocol and stays for the next job. The constructor starts it. */
export class WarmProgram {
  readonly gone: Promise<HostEnd>
  readonly #options: LaunchOptions & { settings: Settings }
  readonly #limits: SilenceLimits
  readonly #launched: Launched
  readonly #running = new Map<string, Conversation>()
  readonly #underPressure = new Set<string>()
  readonly #unknownKinds = new Set<string>()
  readonly #hello: NodeJS.Timeout
  #heldLines: string[] | undefined = []
  #started = 0
  #isLeaving = false
  #emptied: Promise<void> = Promise.resolve()
  #pings: NodeJS.Timeout | undefined
  #pongAt: number | undefined

  /** @throws when the system refuses */
  constructor(options: Omit<LaunchOptions, 'speaksProtocol'> & { settings: Settings }, limits = silenceLimits) {
    this.#options = { ...options, speaksProtocol: true }
    this.#limits = limits
    this.#launched = launch(this.#options)
    const { stdin, stdout, stderr, channel, name } = this.#launched
    const { log } = options.settings
    stdin.end()
    forwardLines(stdout, this.#prints('stdout', 'info'))
    forwardLines(stderr, this.#prints('stderr', 'warn'))
    const onBroken = (why: BrokenLine) => this.#refuse(brokenLines[why])
    const reader = createJsonLineReader((line, length) => this.#take(line, length), onBroken, maxLineLength)
    channel?.read.on('data', reader)
    channel?.read.on('end', () => {
      const timer = setTimeout(() => this.#end({ kind: 'error', message: 'the program closed its channel' }), closedMs)
      void this.#launched.gone.then(() => clearTimeout(timer))
    })
    this.#write({ hello: { protocol: protocolVersion, drover: version } })
    const noHello = `the program sent no hello within ${limits.helloMs / 1000} s`
    this.#hello = setTimeout(() => this.#end({ kind: 'error', message: noHello }), limits.helloMs)
    this.gone = this.#launched.gone.then((end) => {
      if (!this.#isLeaving) log.warn({ ...name, type: options.loaded.job.type, end }, 'program of jobs died')
      this.#isLeaving = true
      clearTimeout(this.#hello)
      clearInterval(this.#pings)
      return end
    })
  }

  get name(): Launched['name'] {
    return this.#launched.name
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Whether another job may start in it. */
  takes(id: string): boolean {
    const { perProcess = 1, maxJobs = 1 } = this.#options.loaded.job.program ?? {}
    return !this.#isLeaving && this.#started < maxJobs && this.#running.size < perProcess && !this.#running.has(id)
  }

  /** Whether it has run as many jobs as it may. */
  get isWorn(): boolean {
    return this.#started >= (this.#options.loaded.job.program?.maxJobs ?? 1)
  }

  /** Starts a job; {@link takes} must be true. Call {@link release} when the returned conversation is over. */
  start(attempt: Attempt, input: unknown, context: JobContext): Conversation {
    const { id } = attempt
    const line = toJsonLine({ start: startOf(attempt, input, context.restored) })
    this.#started += 1
    let stored = 0
    let isAckDue = false
    const conversation = new Conversation({
      context,
      onStored: (count) => {
        stored = count
        if (isAckDue) return
        isAckDue = true
        setImmediate(() => {
          isAckDue = false
          if (this.#running.get(id) === conversation) this.#write({ ack: { id, n: stored } })
        })
      },
      onRefused: (n, { code, message, retryable }) => this.#write({ refused: { id, n, code, message, retryable } }),
      onPressure: (isHigh) => this.#setPressure(id, isHigh),
    })
    this.#running.set(id, conversation)
    this.#pings ??= setInterval(() => this.#ping(), this.#limits.pingMs)
    void this.#sendOf(id, conversation, line)
    return conversation
  }

  /** In order, once the folder is empty and the program has answered. */
  async #sendOf(id: string, conversation: Conversation, line: string): Promise<void> {
    await this.#emptied
    if (this.#running.get(id) !== conversation) return
    if (this.#heldLines) this.#heldLines.push(line)
    else this.#writeLine(line)
  }

  cancel(id: string, reason: StopRequest['kind']): void {
    const conversation = this.#running.get(id)
    if (conversation) void this.#sendOf(id, conversation, toJsonLine({ cancel: { id, reason } }))
  }

  /** The job has ended. */
  release(id: string): void {
    this.#running.delete(id)
    this.#setPressure(id, false)
    if (this.#running.size > 0) return
    clearInterval(this.#pings)
    this.#pings = undefined
    this.#pongAt = undefined
    this.#emptied = this.#launched.folder.empty()
  }

  /** Ends the process because a job in it did not stop. The others in it end with it. */
  kill(graceMs = termGraceMs): void {
    const why: HostEnd = { kind: 'error', message: 'the process was ended because another job in it did not stop' }
    this.#end(this.#running.size > 1 ? why : undefined, graceMs)
  }

  /** Lets an idle process leave: it is asked to, its channel is closed, and what is left of it is ended. */
  leave(graceMs = leaveMs): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#write({ drain: {} })
    this.#launched.channel?.write.end()
    const timer = setTimeout(() => this.#launched.end(graceMs === 0 ? 500 : termGraceMs), graceMs)
    void this.gone.then(() => clearTimeout(timer))
  }

  #end(why?: HostEnd, graceMs = termGraceMs): void {
    if (!this.#isLeaving) this.#write({ drain: {} })
    this.#isLeaving = true
    this.#launched.end(graceMs, why)
  }

  #take(line: unknown, length: number): void {
    const read = readMessage(line)
    if (read.status === 'read') this.#receive(read.message, length)
    else if (read.status === 'invalid') this.#refuse(read.reason)
    else this.#logUnknown(read.kind)
  }

  #receive(message: FromProgram, length: number): void {
    if (message.kind === 'hello') this.#onHello(message)
    else if (message.kind === 'pong') this.#pongAt = performance.now()
    else {
      const conversation = this.#running.get(message.id)
      if (!conversation || conversation.hasLastWord) this.#refuse(`${message.kind} of a job that does not run`)
      else conversation.take(message, length)
    }
  }

  #onHello(hello: FromProgram & { kind: 'hello' }): void {
    if (!this.#heldLines) return this.#refuse('a second hello')
    const message = mistakeInHello(hello, this.#options.loaded.job.type)
    if (message !== undefined) return this.#end({ kind: 'error', message })
    clearTimeout(this.#hello)
    const held = this.#heldLines
    this.#heldLines = undefined
    for (const line of held) this.#writeLine(line)
  }

  /** What the program wanted to say is unknown, and it may have been the end of any job in it. */
  #refuse(reason: string): void {
    this.#end({ kind: 'invalid_message', message: `the program sent ${cutText(reason, 500)}` }, 0)
  }

  #logUnknown(kind: string): void {
    if (this.#unknownKinds.size >= 20 || this.#unknownKinds.has(kind)) return
    this.#unknownKinds.add(kind)
    const { loaded, settings } = this.#options
    const fields = { ...this.name, type: loaded.job.type, kind: cutText(kind, 100) }
    settings.log.warn(fields, 'program sent a message of an unknown kind; ignored (logged once)')
  }

  #ping(): void {
    if (this.#heldLines) return
    const now = performance.now()
    // Its answer may be behind what is not read.
    if (this.#underPressure.size > 0) this.#pongAt &&= now
    if (this.#pongAt !== undefined && now - this.#pongAt > this.#limits.pongMs) {
      const message = `the program has not answered for ${this.#limits.pongMs / 1000} s`
      return this.#end({ kind: 'error', message })
    }
    this.#write({ ping: { n: Math.round(now) } })
  }

  #setPressure(id: string, isHigh: boolean): void {
    if (isHigh) this.#underPressure.add(id)
    else this.#underPressure.delete(id)
    const read = this.#launched.channel?.read
    if (this.#underPressure.size > 0) read?.pause()
    else read?.resume()
  }

  /** What is printed while one job runs belongs to it. */
  #prints(stream: 'stdout' | 'stderr', level: LogLevel) {
    const operators = hostLines(this.#options.settings.log, this.name, stream)
    return {
      ...operators,
      onLine: (line: string) => {
        const [only, ...more] = this.#running.values()
        if (only && more.length === 0) only.print(line, level)
        else operators.onLine(line)
      },
    }
  }

  #write(message: object): void {
    this.#writeLine(toJsonLine(message))
  }

  #writeLine(line: string): void {
    const write = this.#launched.channel?.write
    if (write?.writable) write.write(line)
  }
}
