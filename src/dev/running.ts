import { setTimeout as sleep } from 'node:timers/promises'

/** A process that was started here, or several in one process group. */
export interface Running {
  /** Resolves once it serves. Rejects when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>
  /** Resolves when it is gone, whether that was asked for or not. Never rejects. */
  readonly ended: Promise<Ending>
  /** Asks it to stop, kills it after `withinMs`, and resolves when it is gone. May be called twice. */
  stop(withinMs: number): Promise<void>
  /** Sends a signal to the whole group, which may be gone already. */
  send(name: NodeJS.Signals): void
}

export interface Ending {
  /** The exit code; 1 where a signal ended it. */
  code: number
  /** For people: `exit code 1`, `SIGKILL`. */
  text: string
  /** The last that it printed, where that did not go to the terminal. */
  said?: string
}

/** It ended, or took too long, before it served. `ending` is absent where it took too long. */
export class NeverReadyError extends Error {
  readonly ending: Ending | undefined

  constructor(name: string, ending?: Ending) {
    const text = [ending?.text, ending?.said].filter(Boolean).join('\n')
    super(ending ? `${name} ended before it was ready: ${text}` : `${name} was not ready in time`)
    this.name = 'NeverReadyError'
    this.ending = ending
  }
}

/** Waits until `running` serves. @throws NeverReadyError */
export async function untilReady(running: Running, options: { name: string; withinMs: number }): Promise<void> {
  const { name, withinMs } = options
  const over = new AbortController()
  const late = sleep(withinMs, undefined, over).then(() => {
    throw new NeverReadyError(name)
  })
  const died = running.ended.then((ending) => {
    throw new NeverReadyError(name, ending)
  })
  try {
    await Promise.race([running.ready(over.signal), late, died])
  } finally {
    over.abort()
  }
}

/** Signals a process group by the id of its leader. */
export function signalGroup(leader: number | undefined, name: NodeJS.Signals): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, name)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
    // All of the group are gone: what the caller wanted, or close to it.
  }
}

/** Whether something thrown is a system error with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
