/** Whole seconds as RFC 3339 up to the point: jobs of the same second share it, and a job has up to six times. */
const seconds = new Map<number, string>()
const maxSeconds = 100

/** Epoch milliseconds as RFC 3339, in UTC with milliseconds. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  let text = seconds.get(second)
  if (text === undefined) {
    if (seconds.size >= maxSeconds) seconds.clear()
    text = new Date(second * 1000).toISOString().slice(0, -4)
    seconds.set(second, text)
  }
  return `${text}${String(ms - second * 1000).padStart(3, '0')}Z`
}

/** {@link timestamp}, and null for undefined. */
export function optionalTimestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : timestamp(ms)
}
