import type { JobContext } from '../../../jobs/job-context.ts'
import { termGraceMs } from '../../../jobs/program/program.ts'
import type { LoadedJob } from '../../../jobs/registry.ts'
import type { Attempt } from '../../handler/attempt.ts'
import type { Host, HostSettings } from '../host.ts'
import { GroupMemory } from './group-memory.ts'
import { startOnce } from './once-program.ts'
import type { ProgramRun } from './program-run.ts'
import { ProgramSeat } from './program-seat.ts'
import { WarmProgram } from './warm-program.ts'

/** The grace of a program that is killed when its worker stops. */
const closingGraceMs = 500

/**
 * The programs of one worker. A pool asks for seats, each of which runs one job at a time; with `concurrency` several seats of a job type
 * share a process.
 */
export class ProgramRunner {
  readonly #memory = new GroupMemory()
  readonly #warm = new Map<LoadedJob, Set<WarmProgram>>()
  readonly #seats = new Map<LoadedJob, number>()
  #isClosing = false

  /** A host that runs one job of the type at a time. Starts no process. */
  openSeat(settings: HostSettings, loaded: LoadedJob): Host {
    this.#seats.set(loaded, (this.#seats.get(loaded) ?? 0) + 1)
    const isOnce = loaded.job.program?.mode === 'once'
    return new ProgramSeat({
      loaded,
      onMessage: settings.onMessage,
      start: (attempt, input, context) =>
        isOnce
          ? startOnce({ loaded, settings, memory: this.#memory, attempt, input, context })
          : this.#startWarm(settings, loaded, { attempt, input, context }),
      killGraceMs: () => (this.#isClosing ? closingGraceMs : termGraceMs),
      onClose: () => {
        this.#seats.set(loaded, (this.#seats.get(loaded) ?? 1) - 1)
        this.#trim(loaded)
      },
    })
  }

  #startWarm(
    settings: HostSettings,
    loaded: LoadedJob,
    { attempt, input, context }: { attempt: Attempt; input: unknown; context: JobContext },
  ): ProgramRun {
    const program = this.#warmFor(attempt.id, loaded, settings)
    const conversation = program.start(attempt, input, context)
    return {
      name: program.name,
      run: () => conversation.run(),
      stop: (reason) => program.cancel(attempt.id, reason),
      kill: (graceMs) => program.kill(graceMs),
      gone: program.gone,
      release: () => {
        conversation.end()
        program.release(attempt.id)
        this.#trim(loaded)
      },
    }
  }

  /** A process in which the job may start. @throws when the system refuses another */
  #warmFor(id: string, loaded: LoadedJob, settings: HostSettings): WarmProgram {
    const programs = this.#warm.get(loaded) ?? new Set()
    this.#warm.set(loaded, programs)
    const free = [...programs].find((program) => program.takes(id))
    if (free) return free
    const program = new WarmProgram({ loaded, settings, memory: this.#memory })
    programs.add(program)
    void program.gone.then(() => programs.delete(program))
    return program
  }

  /** Lets idle processes leave of which there are more than the seats need, or which have run as many jobs as they may. */
  #trim(loaded: LoadedJob): void {
    const programs = [...(this.#warm.get(loaded) ?? [])]
    const needed = Math.ceil((this.#seats.get(loaded) ?? 0) / (loaded.job.program?.perProcess ?? 1))
    const idle = programs.filter((program) => program.isIdle)
    const spare = idle.slice(0, Math.max(0, programs.length - needed))
    for (const program of idle) if (program.isWorn || spare.includes(program)) program.leave()
  }

  /** Ends idle programs; those that run jobs are ended with their seats. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#isClosing = true
    const programs = [...this.#warm.values()].flatMap((each) => [...each])
    for (const program of programs) if (program.isIdle) program.leave(0)
    await Promise.all(programs.map(({ gone }) => gone))
  }
}
