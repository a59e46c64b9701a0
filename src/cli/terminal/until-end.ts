import { CommandFailure } from '../command-failure.ts'
import type { Screen } from './screen.ts'

export interface Watched {
  screen: Screen
  /** What is watched; its id, escaped. */
  id: string
  /** The command that watches it again. */
  again: string
  timeoutMs: number | undefined
  cancel: () => Promise<void>
}

/**
 * Runs `watch` until its end, for `timeoutMs` at most. Ctrl-C asks in a terminal whether to cancel what is watched or to leave it alone;
 * elsewhere it goes on without this program.
 *
 * @throws CommandFailure where the time is over, or the user stops watching
 */
export async function untilEnd<T>(watched: Watched, watch: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { screen, id, again, timeoutMs } = watched
  const stop = new AbortController()
  const goesOn = `${id} goes on: ${again}`
  const detach = () => stop.abort(new CommandFailure('interrupted', `detached; ${goesOn}`))
  const ended = new AbortController()
  let isAsking = false
  const onInterrupt = (): void => {
    if (!screen.canAsk || isAsking) {
      detach()
      return
    }
    isAsking = true
    ask(watched, ended.signal).then(
      (answer) => {
        isAsking = false
        return answer === 'detach' ? detach() : undefined
      },
      (error: unknown) => stop.abort(error),
    )
  }
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => stop.abort(new CommandFailure('waitedOut', `waited ${timeoutMs / 1000} s; ${goesOn}`)),
          timeoutMs,
        )
  process.on('SIGINT', onInterrupt)
  try {
    return await watch(stop.signal)
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearTimeout(timer)
    ended.abort()
    process.off('SIGINT', onInterrupt)
  }
}

type Choice = 'cancel' | 'detach' | 'watch'

async function ask({ screen, id, cancel }: Watched, signal: AbortSignal): Promise<Choice> {
  const resume = screen.pause()
  try {
    const { isCancel, select } = await import('@clack/prompts')
    const answer = await select<Choice>({
      message: `Stop watching ${id}?`,
      options: [
        { value: 'detach', label: 'Detach', hint: 'it goes on' },
        { value: 'cancel', label: 'Cancel it', hint: 'and wait for its end' },
        { value: 'watch', label: 'Go on watching' },
      ],
      output: process.stderr,
      signal,
    })
    // Another Ctrl-C, or the end of what is watched.
    if (isCancel(answer)) return signal.aborted ? 'watch' : 'detach'
    if (answer === 'cancel') await cancel()
    return answer
  } finally {
    resume()
  }
}
