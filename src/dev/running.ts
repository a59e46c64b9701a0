import { setTimeout as sleep } from 'node:timers/promises'

/** A process that this one started, or several in one process group. */
export interface Running {
  /** Resolves once it is ready. Rejects when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>
  /** Resolves when it has ended, for any reason. Never rejects. */
  readonly ended: Promise<Ending>
  /** Asks it to stop, kills it after `withinMs`, and resolves when it has ended. May be called twice. */
  stop(withinMs: number): Promise<void>
  /** Asks it to take no more work, and resolves when it has ended. Absent if it does not know that. */
  finish?(): Promise<void>
  /** Sends a signal to the whole group. Does nothing if it has ended. */
  send(name: NodeJS.Signals): void
}

export interface Ending {
  /** The exit code; 1 if a signal ended it. */
  code: number
  /** For people: `exit code 1`, `SIGKILL`. */
  text: string
  /** The end of its output, if that did not go to the terminal. */
  output?: string
}

/** A process ended, or took too long, before it was ready. `ending` is undefined if it took too long. */
export class NeverReadyError extends Error {
  readonly ending: Ending | undefined

  constructor(name: string, ending?: Ending) {
    const text = [ending?.text, ending?.output].filter(Boolean).join('\n')
    super(ending ? `${name} ended before it was ready: ${text}` : `${name} was not ready in time`)
    this.name = 'NeverReadyError'
    this.ending = ending
  }
}

/** Waits until `running` is ready. @throws NeverReadyError */
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

/** Sends a signal to the process group of `leader`. Does nothing if the group has ended. */
export function signalGroup(leader: number | undefined, name: NodeJS.Signals): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, name)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

/** Whether a thrown value is a system error with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
