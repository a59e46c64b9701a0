import type { EmitJobEvent, JobEvent } from '../../jobs/job-event.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { Attempt } from '../handler/attempt.ts'
import { describeThrown } from '../handler/run-handler.ts'
import type { StopSignal } from '../handler/stop-signal.ts'
import { readStopRequest } from '../handler/stopped-error.ts'
import type { ExecutorLog, Outcome } from './executor.ts'
import { describeEnd, type Host, type HostEnd, type HostSettings, type SpawnHost, spawnSafely } from './host.ts'
import { readFromChild } from './protocol.ts'

/** A call of `run` that has not ended. */
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
  /** The host can take another task. */
  onFree(host: PooledHost): void
  /** The host no longer exists. `hasStarted` is false if it ended before it was ready. */
  onGone(host: PooledHost, hasStarted: boolean): void
}

/** How long a kill may take. Only a thread inside native code takes longer than milliseconds; its job is not kept waiting. */
const killTimeoutMs = 2000

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
  #hasStarted = false
  #isDying = false
  #uncaught: string | undefined
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

  /** Call it only when the host is idle. Ends with `task.resolve`, then `onFree` or `onGone`. */
  run(task: Task): void {
    this.#task = task
    this.#run++
    this.#untakenAcks = 0
    this.#uncaught = undefined
    task.stop.addEventListener('abort', this.#onStop, { once: true })
    try {
      this.#host.send({ type: 'run', run: this.#run, file: task.loaded.file, attempt: task.attempt })
    } catch (error) {
      const message = `failed to send the input: ${describeThrown(error).message}`
      this.#onOutcome({ status: 'threw', failure: { code: 'invalid_input', message, retryable: false } })
    }
  }

  /** Ends the host by force; a task on it ends as `killed`. */
  kill(): void {
    if (this.#isDying) return
    this.#isDying = true
    clearTimeout(this.#killTimer)
    this.#killTimer = setTimeout(() => this.#abandon(), killTimeoutMs)
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
    // The job's code may post messages of its own to its parent; they are ignored.
    if (!message) return
    if (message.type === 'ready') this.#hasStarted = true
    else if (message.type === 'dying') this.#uncaught = message.message
    else if (message.run !== this.#run) return
    else if (message.type === 'event') this.#onEvent(message.event)
    else this.#onOutcome(message.outcome)
  }

  /** An outcome that arrives after the kill is ignored: the host cannot be reused. */
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
      'thread or process did not end when killed; job abandoned, pool slot stays occupied',
    )
    this.#end({ status: 'abandoned' })
  }

  #onGone(end: HostEnd): void {
    const wasKilled = this.#isDying
    this.#isDying = true
    clearTimeout(this.#killTimer)
    if (!wasKilled)
      this.#log.warn({ ...this.#host.name, end, uncaught: this.#uncaught }, 'thread or process of jobs died')
    const failure = describeEnd(end, this.#uncaught, this.memoryLimitMb)
    this.#end(wasKilled ? { status: 'killed' } : { status: 'crashed', failure })
    this.#options.onGone(this, this.#hasStarted || wasKilled)
  }
}
