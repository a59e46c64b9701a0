import type { EmitJobEvent, JobEvent } from '../../jobs/job-event.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { Attempt } from '../handler/attempt.ts'
import { describeThrown } from '../handler/run-handler.ts'
import type { StopSignal } from '../handler/stop-signal.ts'
import { readStopRequest } from '../handler/stopped-error.ts'
import type { ExecutorLog, Outcome } from './executor.ts'
import { describeEnd, type Host, type HostEnd, type HostSettings, type SpawnHost, spawnSafely } from './host.ts'
import { readFromChild } from './protocol.ts'

/** One call of `run` that has not ended. */
export interface Task {
  readonly loaded: LoadedJob
  readonly attempt: Attempt
  readonly emit: EmitJobEvent
  readonly stop: StopSignal
  resolve(outcome: Outcome): void
}

export interface PooledHostOptions {
  spawn: SpawnHost
  settings: Omit<HostSettings, 'onMessage'>
  /** It can take another task. */
  onFree(host: PooledHost): void
  /** It no longer exists. `hasStarted` is false when it ended before it could have run anything. */
  onGone(host: PooledHost, hasStarted: boolean): void
}

/** A kill is a matter of milliseconds, but for a thread inside native code: that is not waited for. */
const killPatienceMs = 2000

/** A host and the task that it runs, if any. Spawns at once. */
export class PooledHost {
  readonly memoryLimitMb: number
  /** Resolves when the thread or process no longer exists. */
  readonly gone: Promise<void>
  readonly #options: PooledHostOptions
  readonly #log: ExecutorLog
  readonly #host: Host
  #task: Task | undefined
  #run = 0
  #hasStarted = false
  #isDying = false
  #lastWords: string | undefined
  #untakenAcks = 0
  #killTimer: NodeJS.Timeout | undefined

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
    return !this.#task && !this.#isDying
  }

  get isDying(): boolean {
    return this.#isDying
  }

  /** To be called when it is idle; ends by `task.resolve`, then `onFree` or `onGone`. */
  run(task: Task): void {
    this.#task = task
    this.#run++
    this.#untakenAcks = 0
    this.#lastWords = undefined
    task.stop.addEventListener('abort', this.#onStop, { once: true })
    try {
      this.#host.send({ type: 'run', run: this.#run, file: task.loaded.file, attempt: task.attempt })
    } catch (error) {
      const message = `the input cannot be sent: ${describeThrown(error).message}`
      this.#onOutcome({ status: 'threw', failure: { code: 'invalid_input', message, retryable: false } })
    }
  }

  /** Ends the host by force; a task on it ends as `killed`. */
  kill(): void {
    if (this.#isDying) return
    this.#isDying = true
    clearTimeout(this.#killTimer)
    this.#killTimer = setTimeout(() => this.#abandon(), killPatienceMs)
    this.#host.kill()
  }

  readonly #onStop = (): void => {
    const task = this.#task
    if (!task || this.#isDying) return
    const stop = readStopRequest(task.stop)
    this.#host.send({ type: 'stop', run: this.#run, stop })
    this.#killTimer = setTimeout(() => this.kill(), stop.graceMs)
  }

  #onMessage(received: unknown): void {
    const message = readFromChild(received)
    // The job's own code may have sent something of its own: that is nobody's business.
    if (!message) return
    if (message.type === 'ready') this.#hasStarted = true
    else if (message.type === 'dying') this.#lastWords = message.message
    else if (message.run !== this.#run) return
    else if (message.type === 'event') this.#onEvent(message.event)
    else this.#onOutcome(message.outcome)
  }

  /** One that comes after the kill is too late: the host is not to be used again. */
  #onOutcome(outcome: Outcome): void {
    if (this.#isDying || !this.#task) return
    this.#end(outcome)
    this.#options.onFree(this)
  }

  #onEvent(event: JobEvent): void {
    if (!this.#task) return
    const run = this.#run
    const acknowledge = () => this.#acknowledge(run)
    const behind = this.#task.emit(event)
    if (behind) behind.then(acknowledge, acknowledge)
    else acknowledge()
  }

  /** One message for all that was taken in one turn; none when the run has ended by then. */
  #acknowledge(run: number): void {
    if (run !== this.#run || this.#untakenAcks++ > 0) return
    setImmediate(() => {
      if (run !== this.#run || !this.#task) return
      this.#host.send({ type: 'ack', run, count: this.#untakenAcks })
      this.#untakenAcks = 0
    })
  }

  #end(outcome: Outcome): void {
    const task = this.#task
    if (!task) return
    this.#task = undefined
    clearTimeout(this.#killTimer)
    task.stop.removeEventListener('abort', this.#onStop)
    task.resolve(outcome)
  }

  #abandon(): void {
    this.#log.warn(
      { ...this.#host.name },
      'a thread or process outlives its kill: its job is abandoned, its place stays taken',
    )
    this.#end({ status: 'abandoned' })
  }

  #onGone(end: HostEnd): void {
    const wasKilled = this.#isDying
    this.#isDying = true
    clearTimeout(this.#killTimer)
    if (!wasKilled)
      this.#log.warn({ ...this.#host.name, end, lastWords: this.#lastWords }, 'a thread or process of jobs died')
    const failure = describeEnd(end, this.#lastWords, this.memoryLimitMb)
    this.#end(wasKilled ? { status: 'killed' } : { status: 'crashed', failure })
    this.#options.onGone(this, this.#hasStarted || wasKilled)
  }
}
