import { isKeepRequest, type JobEvent, type KeepRequest } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import { keepRefused } from '../../jobs/kept-limits.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import { describeThrown } from '../handler/run-handler.ts'
import { readStopRequest } from '../handler/stopped-error.ts'
import type { ExecutorLog, Outcome } from './executor.ts'
import { describeEnd, type Host, type HostEnd, type HostSettings, type SpawnHost, spawnSafely } from './host.ts'
import { type Ask, type AskReply, type FromChild, readFromChild } from './protocol.ts'
import type { Task } from './task.ts'

export interface PooledHostOptions {
  spawn: SpawnHost
  settings: Omit<HostSettings, 'onMessage'>
  /** The host can take another task. */
  onFree(host: PooledHost): void
  /** The host no longer exists. `hasStarted` is false if it ended before it was ready. */
  onGone(host: PooledHost, hasStarted: boolean): void
  /** Code of an earlier task ended the host while it ran this one, which is to be run again. */
  onInterrupted(task: Task): void
  /** The host is replaced because of what a task left behind in it. */
  onLeftovers(type: string, leftovers: readonly string[]): void
  /** Programs that a task had started and left running were killed. */
  onProgramsKilled(type: string, programs: number): void
}

/** How long a kill may take. Only a thread inside native code takes longer than milliseconds; its job is not kept waiting. */
const killTimeoutMs = 2000
/** How long the child may take to see whether a run left something behind: more means that leftover code blocks it. */
const checkTimeoutMs = 1000
const blocked = 'code that blocks its event loop'

/** The job type itself if its handler is a program: a host of one runs nothing else. */
export const programOf = (loaded: LoadedJob): LoadedJob | undefined => (loaded.job.program ? loaded : undefined)

/** A host and the task that it runs, if any. The constructor spawns it. */
export class PooledHost {
  readonly memoryLimitMb: number
  /** Resolves when the thread or process no longer exists. */
  readonly gone: Promise<void>
  readonly #options: PooledHostOptions
  readonly #log: ExecutorLog
  readonly #host: Host
  #task: Task | undefined
  #run = 0
  #lastType = ''
  #hasStarted = false
  #isDying = false
  /** The child is looking for leftovers of the last run. */
  #isChecking = false
  /** The host must not run another task. */
  #isSpent = false
  /** The only job file whose runs may use this host; undefined: any. */
  #boundTo: string | undefined
  #dying: (FromChild & { type: 'dying' }) | undefined
  #untakenAcks = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: PooledHostOptions) {
    this.#options = options
    this.#log = options.settings.log
    this.memoryLimitMb = options.settings.memoryLimitMb
    this.#host = spawnSafely(options.spawn, {
      ...options.settings,
      onMessage: (message) => this.#onMessage(message),
    })
    this.gone = this.#host.gone.then((end) => this.#onGone(end))
  }

  get isIdle(): boolean {
    return !this.#task && !this.#isDying && !this.#isChecking
  }

  get isDying(): boolean {
    return this.#isDying
  }

  /** Whether this host, if idle, may run the task. */
  fits({ loaded, isFresh }: Task): boolean {
    const isUsed = this.#run > 0
    const isFree = this.#boundTo === undefined || this.#boundTo === loaded.file
    if (this.#options.settings.program !== programOf(loaded)) return false
    return loaded.job.memoryLimitMb === this.memoryLimitMb && isFree && !(isFresh && isUsed)
  }

  /** Call it only when the host is idle. Ends with `task.resolve`, then `onFree` or `onGone`. */
  run(task: Task): void {
    this.#task = task
    this.#run++
    this.#untakenAcks = 0
    this.#isSpent = task.isFresh
    task.stop.addEventListener('abort', this.#onStop, { once: true })
    try {
      this.#host.send({ type: 'run', run: this.#run, file: task.loaded.file, attempt: task.attempt })
    } catch (error) {
      const message = `failed to send the input: ${describeThrown(error).message}`
      this.#end({ status: 'threw', failure: { code: 'invalid_input', message, retryable: false } })
      this.#free()
    }
  }

  /** Ends the host by force; a task on it ends as `killed`. */
  kill(): void {
    if (this.#isDying) return
    this.#isDying = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#abandon(), this.#host.killTimeoutMs ?? killTimeoutMs)
    this.#host.kill()
  }

  readonly #onStop = (): void => {
    const task = this.#task
    if (!task || this.#isDying) return
    const stop = readStopRequest(task.stop)
    this.#host.send({ type: 'stop', run: this.#run, stop })
    this.#timer = setTimeout(() => this.kill(), stop.graceMs)
  }

  #onMessage(received: unknown): void {
    const message = readFromChild(received)
    // The job's code may post messages of its own to its parent; they are ignored.
    if (!message) return
    if (message.type === 'ready') this.#hasStarted = true
    else if (message.type === 'dying') this.#dying = message
    else if (message.type === 'late_error') this.#onLateError(message.message)
    else if (message.run !== this.#run) return
    else if (message.type === 'invalid') this.#onInvalid(message.reason)
    else if (message.type === 'event') this.#onEvent(message.event)
    else if (message.type === 'ask') void this.#onAsk(message)
    else if (message.type === 'span') this.#task?.emitSpan?.(message.span)
    else if (message.type === 'checked') this.#onChecked(message)
    else this.#onEnded(message)
  }

  /** An outcome that arrives after the kill is ignored: the host cannot be reused. */
  #onEnded({ outcome, isClean, isBound }: FromChild & { type: 'ended' }): void {
    if (this.#isDying || !this.#task) return
    if (isBound) this.#boundTo ??= this.#task.loaded.file
    this.#lastType = this.#task.attempt.type
    this.#end(outcome)
    if (isClean || this.#isSpent) return this.#free()
    this.#isChecking = true
    this.#timer = setTimeout(() => this.#onChecked({ leftovers: [blocked], killed: 0 }), checkTimeoutMs)
  }

  #onChecked({ leftovers, killed }: Pick<FromChild & { type: 'checked' }, 'leftovers' | 'killed'>): void {
    if (!this.#isChecking || this.#isDying) return
    clearTimeout(this.#timer)
    this.#isChecking = false
    if (killed > 0) this.#options.onProgramsKilled(this.#lastType, killed)
    if (leftovers.length > 0) {
      this.#isSpent = true
      this.#options.onLeftovers(this.#lastType, leftovers)
    }
    this.#free()
  }

  #free(): void {
    if (this.#isSpent) this.kill()
    else this.#options.onFree(this)
  }

  /** The current run is not affected; the host is replaced after it. */
  #onLateError(error: string): void {
    this.#log.warn({ ...this.#host.name, error }, 'code of an earlier job failed after its end; its host is replaced')
    this.#isSpent = true
    if (this.isIdle) this.kill()
  }

  /** What the child wanted to say is unknown, and it may have been the outcome. */
  #onInvalid(reason: string): void {
    if (this.#isDying) return
    const message = `the job's thread or process sent a malformed message: ${reason}`
    this.#end({ status: 'crashed', failure: { code: 'invalid_message', message, retryable: true } })
    this.kill()
  }

  #onEvent(event: JobEvent | KeepRequest): void {
    if (!this.#task) return
    const run = this.#run
    if (isKeepRequest(event)) return this.#onKeep(run, event)
    const acknowledge = () => this.#acknowledge(run)
    const behind = this.#task.emit(event)
    if (behind) behind.then(acknowledge, acknowledge)
    else acknowledge()
  }

  #onKeep(run: number, request: KeepRequest): void {
    const { n } = request
    const tell = (refusal: JobFailure | undefined) => {
      if (run === this.#run && this.#task) this.#host.send({ type: 'kept', run, n, refusal })
    }
    const storing = this.#task?.emit(request) ?? Promise.resolve(keepRefused)
    storing.then(
      (refusal) => tell(refusal ?? undefined),
      (error: unknown) => tell(describeThrown(error)),
    )
  }

  async #onAsk({ run, n, ask }: FromChild & { type: 'ask' }): Promise<void> {
    const task = this.#task
    const reply = task && (await answer(task, ask))
    // An answer that cannot be sent is more than a message may have.
    if (reply && run === this.#run && this.#task === task) this.#host.send({ type: 'answered', run, n, reply })
  }

  /** One message for all events of a tick; none if the run has ended by then. */
  #acknowledge(run: number): void {
    if (run !== this.#run || this.#untakenAcks++ > 0) return
    setImmediate(() => {
      if (run !== this.#run || !this.#task) return
      this.#host.send({ type: 'ack', run, count: this.#untakenAcks })
      this.#untakenAcks = 0
    })
  }

  #end(outcome: Outcome): void {
    this.#takeTask()?.resolve(outcome)
  }

  #takeTask(): Task | undefined {
    const task = this.#task
    this.#task = undefined
    clearTimeout(this.#timer)
    task?.stop.removeEventListener('abort', this.#onStop)
    return task
  }

  #abandon(): void {
    this.#log.warn(
      { ...this.#host.name },
      'thread or process did not end when killed; job abandoned, pool slot stays occupied',
    )
    this.#end({ status: 'abandoned' })
  }

  #onGone(end: HostEnd): void {
    const wasKilled = this.#isDying
    this.#isDying = true
    clearTimeout(this.#timer)
    const uncaught = this.#dying?.message
    if (!wasKilled) this.#log.warn({ ...this.#host.name, end, uncaught }, 'thread or process of jobs died')
    const isInterrupted = !wasKilled && this.#dying?.isOfEarlierRun === true && this.#run > 1
    if (isInterrupted) this.#interrupt()
    const failure = describeEnd(end, uncaught, this.memoryLimitMb)
    this.#end(wasKilled ? { status: 'killed' } : { status: 'crashed', failure })
    this.#options.onGone(this, this.#hasStarted || wasKilled)
  }

  #interrupt(): void {
    const task = this.#takeTask()
    if (task) this.#options.onInterrupted(task)
  }
}

const refusedHere = {
  status: 'refused',
  code: 'no_children',
  message: 'this handler cannot submit jobs',
  retryable: false,
} as const

async function answer({ awaitAnswers, children }: Task, ask: Ask): Promise<AskReply> {
  if (ask.kind === 'children') return (await children?.(ask)) ?? refusedHere
  const reply = await awaitAnswers?.([{ fields: [ask.field], step: '', timeoutMs: undefined }], 1)
  if (!reply) return refusedHere
  if (reply.status === 'refused') return { ...reply.failure, status: 'refused' }
  return { status: reply.status === 'parked' ? 'parked' : 'arrived' }
}
