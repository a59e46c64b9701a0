import type { LoadedJob } from '../../jobs/registry.ts'
import type { Executor, ExecutorLog, Outcome } from './executor.ts'
import type { HostSettings, SpawnHost } from './host.ts'
import { PooledHost, programOf } from './pooled-host.ts'
import type { Task } from './task.ts'

export interface PoolOptions {
  spawn: SpawnHost
  /** The maximum number of threads or processes. */
  size: number
  hosts: Pick<HostSettings, 'allowCidrs' | 'environment' | 'user'>
  log: ExecutorLog
}

/** Delay before the next spawn after `failures` consecutive hosts ended before they were ready. */
const startDelayMs = (failures: number): number => (failures === 0 ? 0 : Math.min(10_000, 100 * 2 ** (failures - 1)))

/**
 * Runs handlers in threads or processes. A host is spawned when a task needs one, reused by tasks of the same memory limit, and
 * replaced when it crashes, is killed, or a task left something behind in it. Tasks beyond `size` wait in order.
 */
export class HostPool implements Executor {
  readonly #options: PoolOptions
  readonly #hosts = new Set<PooledHost>()
  readonly #waiting: Task[] = []
  /** Job types that were reported to leave something behind. */
  readonly #reportedTypes = new Set<string>()
  /** Job types that were reported to leave programs running. */
  readonly #typesOfPrograms = new Set<string>()
  #failedStarts = 0
  #startsAt = 0
  #startTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  run(
    ...[loaded, attempt, emit, stop, emitSpan, awaitAnswers, children]: Parameters<Executor['run']>
  ): Promise<Outcome> {
    if (this.#isClosed || stop.aborted) return Promise.resolve({ status: 'killed' })
    return new Promise((resolve) => {
      const isFresh = loaded.job.isolation === 'fresh'
      this.#wait({ loaded, attempt, emit, stop, emitSpan, awaitAnswers, children, isFresh, resolve }, 'last')
    })
  }

  /**
   * Ends every thread and process and resolves when all are gone, also threads inside native code. Running and waiting tasks end as
   * `killed`. Safe to call twice.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#startTimer)
    for (const task of this.#waiting.splice(0)) this.#release(task).resolve({ status: 'killed' })
    const gone = [...this.#hosts].map((host) => {
      host.kill()
      return host.gone
    })
    await Promise.all(gone)
  }

  #wait(task: Task, place: 'first' | 'last'): void {
    if (place === 'first') this.#waiting.unshift(task)
    else this.#waiting.push(task)
    task.stop.addEventListener('abort', this.#dropStopped, { once: true })
    this.#dispatch()
  }

  #dispatch(): void {
    for (let [task] = this.#waiting; task; [task] = this.#waiting) {
      const host = this.#hostFor(task)
      if (!host) return
      this.#waiting.shift()
      host.run(this.#release(task))
    }
  }

  /** Undefined when the first task has to wait; what it waits for calls `#dispatch` again. */
  #hostFor(task: Task): PooledHost | undefined {
    const hosts = [...this.#hosts]
    const fitting = hosts.find((host) => host.isIdle && host.fits(task))
    if (fitting) return fitting
    if (hosts.length < this.#options.size) return this.#spawn(task.loaded)
    // An idle host that does not fit is replaced, unless one is ending already.
    if (!hosts.some((host) => host.isDying)) hosts.find((host) => host.isIdle)?.kill()
    return undefined
  }

  #spawn(loaded: LoadedJob): PooledHost | undefined {
    const waitMs = this.#startsAt - performance.now()
    if (waitMs > 0) {
      this.#startTimer ??= setTimeout(() => {
        this.#startTimer = undefined
        this.#dispatch()
      }, waitMs)
      return undefined
    }
    const { spawn, hosts, log } = this.#options
    const settings = { ...hosts, memoryLimitMb: loaded.job.memoryLimitMb, program: programOf(loaded), log }
    const host = new PooledHost({
      spawn,
      settings,
      onFree: () => this.#onFree(),
      onGone: (gone, hasStarted) => this.#onGone(gone, hasStarted),
      onInterrupted: (task) => this.#onInterrupted(task),
      onLeftovers: (type, leftovers) => this.#onLeftovers(type, leftovers),
      onProgramsKilled: (type, programs) => this.#onProgramsKilled(type, programs),
    })
    this.#hosts.add(host)
    return host
  }

  #onFree(): void {
    this.#failedStarts = 0
    this.#dispatch()
  }

  #onGone(host: PooledHost, hasStarted: boolean): void {
    this.#hosts.delete(host)
    this.#failedStarts = hasStarted ? 0 : this.#failedStarts + 1
    this.#startsAt = performance.now() + startDelayMs(this.#failedStarts)
    this.#dispatch()
  }

  /** Runs a task again that was interrupted through no fault of its own, where no earlier code can interrupt it. */
  #onInterrupted(task: Task): void {
    if (this.#isClosed || task.stop.aborted) task.resolve({ status: 'killed' })
    else this.#wait({ ...task, isFresh: true }, 'first')
  }

  #onLeftovers(type: string, leftovers: readonly string[]): void {
    if (this.#reportedTypes.has(type)) return
    this.#reportedTypes.add(type)
    const message =
      'a job left something behind; its thread or process is replaced after each such run (logged once per type)'
    this.#options.log.warn({ type, leftovers }, message)
  }

  #onProgramsKilled(type: string, programs: number): void {
    if (this.#typesOfPrograms.has(type)) return
    this.#typesOfPrograms.add(type)
    this.#options.log.warn({ type, programs }, 'a job left programs running, which were killed (logged once per type)')
  }

  /** Stops watching the stop signal of a task that no longer waits. */
  #release(task: Task): Task {
    task.stop.removeEventListener('abort', this.#dropStopped)
    return task
  }

  readonly #dropStopped = (): void => {
    for (const task of this.#waiting.filter(({ stop }) => stop.aborted)) {
      this.#waiting.splice(this.#waiting.indexOf(task), 1)
      task.resolve({ status: 'killed' })
    }
    // The first task may have waited for something that the next does not need.
    this.#dispatch()
  }
}
