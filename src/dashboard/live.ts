import { useEffect, useRef, useState } from 'preact/hooks'
import { AwayError, get, ProblemError } from './api.ts'

const hiddenMs = 15_000
const longestMs = 30_000

export interface Polled<Answer> {
  data: Answer | undefined
  /** The last refusal; undefined after an answer. That the API is away is shown at the top. */
  error: unknown
  /** Asks again at once. */
  reload: () => void
}

interface Answered<Answer> {
  path: string | undefined
  data: Answer | undefined
  error: unknown
}

/**
 * What a path answers, asked for again after each `everyMs`, more rarely in a hidden tab and while the API is away; never twice at once.
 * Undefined instead of a path asks for nothing.
 */
export function usePolled<Answer>(path: string | undefined, everyMs = 2000): Polled<Answer> {
  const [state, setState] = useState<Answered<Answer>>({ path, data: undefined, error: undefined })
  const reload = useRef<() => void>(() => undefined)
  useEffect(() => {
    if (path === undefined) return undefined
    const poll = poller<Answer>(path, everyMs, setState)
    reload.current = poll.now
    document.addEventListener('visibilitychange', poll.now)
    return () => {
      document.removeEventListener('visibilitychange', poll.now)
      poll.stop()
    }
  }, [path, everyMs])
  const isOf = state.path === path
  return {
    data: isOf ? state.data : undefined,
    error: isOf ? state.error : undefined,
    reload: () => reload.current(),
  }
}

function poller<Answer>(
  path: string,
  everyMs: number,
  setState: (next: (before: Answered<Answer>) => Answered<Answer>) => void,
) {
  const stopping = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isAsking = false
  let isWanted = false
  let failures = 0
  const ask = async () => {
    clearTimeout(timer)
    isAsking = true
    isWanted = false
    try {
      const data = await get<Answer>(path, { signal: stopping.signal })
      failures = 0
      if (!stopping.signal.aborted) setState(() => ({ path, data, error: undefined }))
    } catch (error) {
      if (stopping.signal.aborted) return
      failures++
      const isAway = error instanceof AwayError || (error instanceof ProblemError && error.problem.status >= 500)
      setState((before) => ({
        path,
        data: before.path === path ? before.data : undefined,
        error: isAway ? undefined : error,
      }))
      // What is refused once will be refused again: asked for more rarely.
      if (!isAway) failures = Math.max(failures, 3)
    } finally {
      isAsking = false
    }
    if (stopping.signal.aborted) return
    if (isWanted) {
      void ask()
      return
    }
    const pauseMs = Math.min((document.hidden ? hiddenMs : everyMs) * 2 ** Math.min(failures, 5), longestMs)
    timer = setTimeout(() => void ask(), Math.max(pauseMs, document.hidden ? hiddenMs : 0))
  }
  void ask()
  return {
    now: () => {
      if (isAsking) isWanted = true
      else void ask()
    },
    stop: () => {
      stopping.abort()
      clearTimeout(timer)
    },
  }
}

let now = Date.now()
const tickers = new Set<() => void>()
setInterval(() => {
  now = Date.now()
  if (!document.hidden) for (const tick of tickers) tick()
}, 1000)

/** The time, again each second. */
export function useNow(): number {
  const [shown, setShown] = useState(now)
  useEffect(() => {
    const tick = () => setShown(now)
    tickers.add(tick)
    return () => void tickers.delete(tick)
  }, [])
  return Math.max(shown, now)
}
