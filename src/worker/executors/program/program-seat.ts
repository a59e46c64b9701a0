import type { JobContext } from '../../../jobs/job-context.ts'
import { termGraceMs } from '../../../jobs/program/program.ts'
import type { LoadedJob } from '../../../jobs/registry.ts'
import type { Attempt } from '../../handler/attempt.ts'
import { runHandler } from '../../handler/run-handler.ts'
import { StopSource } from '../../handler/stop-signal.ts'
import { createEventOutbox, type EventOutbox } from '../child/event-outbox.ts'
import type { Host, HostEnd, HostSettings } from '../host.ts'
import type { ToChild } from '../protocol.ts'
import type { ProgramRun } from './program-run.ts'

export interface SeatOptions {
  loaded: LoadedJob
  onMessage: HostSettings['onMessage']
  /** Starts the job in a program. @throws when the system refuses */
  readonly start: (attempt: Attempt, input: unknown, context: JobContext) => ProgramRun
  /** How long a program that is killed may take before SIGKILL. */
  killGraceMs(): number
  onClose(): void
}

interface Current {
  run: number
  stop: StopSource
  outbox: EventOutbox
  program?: ProgramRun
}

/**
 * A host for the pool that runs one job at a time in a program. Input, output and events pass the same code as those of a handler in a job
 * file: it runs here, with the program in place of the handler.
 */
export class ProgramSeat implements Host {
  readonly killTimeoutMs = termGraceMs + 2000
  readonly gone: Promise<HostEnd>
  readonly #options: SeatOptions
  readonly #leave: (end: HostEnd) => void
  #isGone = false
  #isKilled = false
  #current: Current | undefined

  constructor(options: SeatOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<HostEnd>()
    this.gone = promise
    this.#leave = resolve
  }

  get name(): Host['name'] {
    return this.#current?.program?.name ?? { child_pid: undefined }
  }

  send(message: ToChild): void {
    if (message.type === 'run') void this.#run(message)
    else if (message.run !== this.#current?.run) return
    else if (message.type === 'ack') this.#current.outbox.acknowledge(message.count)
    else if (message.type === 'kept') this.#current.outbox.settleKeep(message.n, message.refusal)
    else if (message.type === 'stop') {
      this.#current.stop.abort(message.stop)
      this.#current.program?.stop(message.stop.kind)
    }
  }

  kill(): void {
    const program = this.#current?.program
    this.#isKilled = true
    if (program) program.kill(this.#options.killGraceMs())
    else this.#onGone({ kind: 'exit', code: 0 })
  }

  async #run({ run, attempt }: ToChild & { type: 'run' }): Promise<void> {
    const { loaded, onMessage, start } = this.#options
    const outbox = createEventOutbox({
      attempt: attempt.attempt,
      post: (event) => onMessage({ type: 'event', run, event }),
    })
    const current: Current = { run, stop: new StopSource(), outbox }
    this.#current = current
    // A program that does not start fails its own jobs, and delays no others.
    onMessage({ type: 'ready' })
    const job = {
      ...loaded.job,
      run: (input: unknown, context: JobContext) => {
        const program = start(attempt, input, context)
        current.program = program
        void this.#follow(current, program)
        return program.run()
      },
    }
    const outcome = await runHandler({ job, attempt, stop: current.stop, emit: outbox.emit, fetch: refuseToFetch })
    // Too late: the pool waits for the end of the process.
    if (this.#isGone || this.#isKilled) return
    outbox.flush()
    this.#current = undefined
    current.program?.release()
    onMessage({ type: 'ended', run, outcome, isClean: true, isBound: false })
  }

  async #follow(current: Current, program: ProgramRun): Promise<void> {
    const end = await program.gone
    if (this.#current === current) this.#onGone(end)
  }

  /** The pool learns of it first: a handler that ends because its program is gone has not ended by itself. */
  #onGone(end: HostEnd): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#leave(end)
    this.#current?.program?.release()
    this.#options.onClose()
  }
}

const refuseToFetch = () => Promise.reject(new TypeError('a program makes its own requests'))
