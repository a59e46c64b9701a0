/** 0 to 9, higher first, is ours. BullMQ's 1 is its most urgent, and its 0 would overtake every other. */
export const bullPriority = (priority = 0) => 10 - priority

/** How many attempts a job's own history keeps. */
const attemptsKept = 20

/** Most jobs say the same. */
const known = new Map<string, string>()
const mostKnown = 1000

/** What BullMQ keeps with a job as its options, as JSON. */
export function bullOptions(job: {
  attempts: number
  priority: number | undefined
  delayMs?: number | undefined
}): string {
  const { attempts, priority, delayMs } = job
  if (delayMs !== undefined) return encode(attempts, priority, { delay: delayMs })
  const name = `${attempts} ${priority}`
  let text = known.get(name)
  if (text === undefined) {
    text = encode(attempts, priority)
    if (known.size < mostKnown) known.set(name, text)
  }
  return text
}

function encode(attempts: number, priority: number | undefined, more: { delay?: number } = {}): string {
  return JSON.stringify({
    attempts,
    // Every delay is decided by the worker: see bull-worker.ts.
    backoff: { type: 'drover' },
    priority: bullPriority(priority),
    stackTraceLimit: attemptsKept,
    ...more,
  })
}
