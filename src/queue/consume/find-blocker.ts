import type { Debugger, Session } from 'node:inspector'
import { currentJobExpression, type JobOnLoop } from './loop-blocker.ts'

/** A main thread that has not come to a place where it can be asked by then is in native code. */
const maxWaitMs = 60_000

/**
 * Asks the main thread, which is blocked, for the job whose code it runs. V8's debugger interrupts it for some ms, wherever it is: in a loop, in
 * a regular expression, or at the end of a synchronous call. Costs nothing before it is called. To be called in another thread.
 *
 * @param isStillBlocked false: the block is over, and whatever runs now did not cause it
 * @returns undefined when no job's code runs, or when nobody can tell
 */
export async function findBlocker(isStillBlocked: () => boolean): Promise<JobOnLoop | undefined> {
  const { Session } = await import('node:inspector')
  const session = new Session()
  session.connectToMainThread()
  const { promise, resolve } = Promise.withResolvers<JobOnLoop | undefined>()
  session.once('Debugger.paused', ({ params }) => {
    if (isStillBlocked()) readJob(session, params, resolve)
    else resolve(undefined)
  })
  const timer = setInterval(() => {
    if (!isStillBlocked()) resolve(undefined)
  }, 100)
  const late = setTimeout(() => resolve(undefined), maxWaitMs)
  try {
    session.post('Debugger.enable')
    session.post('Debugger.pause')
    return await promise
  } finally {
    clearInterval(timer)
    clearTimeout(late)
    // A main thread that is paused goes on.
    session.disconnect()
  }
}

function readJob(
  session: Session,
  { callFrames }: Debugger.PausedEventDataType,
  resolve: (job: JobOnLoop | undefined) => void,
): void {
  const callFrameId = callFrames[0]?.callFrameId
  if (callFrameId === undefined) return resolve(undefined)
  const question = { callFrameId, expression: currentJobExpression, returnByValue: true, silent: true }
  session.post('Debugger.evaluateOnCallFrame', question, (error, answer) => {
    const job: unknown = error ? undefined : Object(Object(answer).result).value
    resolve(isJob(job) ? job : undefined)
  })
}

function isJob(value: unknown): value is JobOnLoop {
  return typeof value === 'object' && value !== null && 'queue' in value && 'id' in value && 'type' in value
}
