import { flushCompileCache } from 'node:module'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { isJob, type Job, PermanentError } from '../../jobs/define-job.ts'
import type { JobEvent } from '../../jobs/job-event.ts'
import type { Egress } from '../egress/egress.ts'
import type { Attempt } from '../handler/attempt.ts'
import type { ContextParts, JobFetch } from '../handler/job-context.ts'
import { describeThrown, type HandlerOutcome, runHandler } from '../handler/run-handler.ts'
import { type ChildChannel, openProcessChannel, openThreadChannel } from './child-channel.ts'
import { createEventOutbox, type EventOutbox } from './event-outbox.ts'
import { startParentWatchdog } from './parent-watchdog.ts'
import { type ChildSettings, isToChild, type ToChild } from './protocol.ts'

/** What runs inside every thread and process of a pool: one handler at a time, loaded from its own file. */
interface CurrentRun {
  run: number
  stop: AbortController
  outbox: EventOutbox
}

/** How often code that never waits reads its messages, when it tells something or looks at its signal. */
const pollIntervalMs = 10

const loadedFiles = new Set<string>()
let current: CurrentRun | undefined
let pollDueAt = 0

const settings = readSettings()
const channel = openChannel()
const fetch = createLazyFetch(settings.allowCidrs)

// Before the uncaught error ends this thread or process: afterwards nobody could tell why.
process.on('uncaughtExceptionMonitor', (error, origin) => {
  const kind = origin === 'unhandledRejection' ? 'an unhandled rejection' : 'an uncaught exception'
  channel.send({ type: 'dying', message: `${kind} in the job's code: ${describeThrown(error).message}` })
})
channel.send({ type: 'ready' })

function readSettings(): ChildSettings {
  const given: unknown = isMainThread ? JSON.parse(process.argv[2] ?? 'null') : workerData
  if (!isSettings(given)) throw new TypeError('this file is started by an executor')
  return given
}

function isSettings(given: unknown): given is ChildSettings {
  return typeof given === 'object' && given !== null && 'allowCidrs' in given && 'parentPid' in given
}

function openChannel(): ChildChannel {
  if (parentPort) return openThreadChannel(parentPort, receive)
  startParentWatchdog(settings)
  return openProcessChannel(3, receive)
}

function receive(message: unknown): void {
  if (!isToChild(message)) return
  if (message.type === 'run') void start(message)
  else if (message.run !== current?.run) return
  else if (message.type === 'stop') current.stop.abort(message.stop)
  else current.outbox.acknowledge(message.count)
}

async function start({ run, file, attempt }: ToChild & { type: 'run' }): Promise<void> {
  const stop = new AbortController()
  const outbox = createEventOutbox({ attempt: attempt.attempt, post: (event) => sendEvent(run, event, attempt) })
  current = { run, stop, outbox }
  const outcome = await runFile(file, { attempt, emit: outbox.emit, stop: stop.signal, fetch, poll })
  outbox.flush()
  current = undefined
  sendOutcome(run, outcome)
}

async function runFile(file: string, parts: ContextParts): Promise<HandlerOutcome> {
  try {
    const job = await importJob(file, parts.attempt.type)
    leaveIfOrphaned()
    return await runHandler({ job, ...parts })
  } catch (error) {
    return { status: 'threw', failure: describeThrown(error) }
  }
}

/** The word to run may be read late, and then before the end of its sender: by then the job is another worker's. */
function leaveIfOrphaned(): void {
  if (isMainThread && process.ppid !== settings.parentPid) process.kill(-process.pid, 'SIGKILL')
}

/** A file that does not load here fails for good: this host remembers, and the worker itself has loaded it before. */
async function importJob(file: string, type: string): Promise<Job> {
  const name = basename(file)
  try {
    const module: { default?: unknown } = await import(pathToFileURL(file).href)
    // Written at exit otherwise, and threads and processes of a pool are ended by force. Does nothing unless NODE_COMPILE_CACHE
    // is set: then the next one starts in half the time, and without the type stripper in its memory.
    if (!loadedFiles.has(file)) flushCompileCache()
    loadedFiles.add(file)
    if (isJob(module.default) && module.default.type === type) return module.default
  } catch (cause) {
    throw new PermanentError(`the job's file ${name} does not load`, { cause })
  }
  throw new PermanentError(`the job's file ${name} no longer declares the job type "${type}"`)
}

/** Progress must not throw for data that is too large: a line in the job's log stands in its place. */
function sendEvent(run: number, event: JobEvent, { attempt }: Attempt): void {
  try {
    channel.send({ type: 'event', run, event })
  } catch (error) {
    if (event.kind === 'output') throw error
    const message = `${event.kind} was left out: ${describeThrown(error).message}`
    channel.send({
      type: 'event',
      run,
      event: { kind: 'log', at: new Date().toISOString(), level: 'warn', message, attempt },
    })
  }
}

function sendOutcome(run: number, outcome: HandlerOutcome): void {
  try {
    channel.send({ type: 'ended', run, outcome })
  } catch (error) {
    const message = `the output cannot be sent: ${describeThrown(error).message}`
    const failure = { code: 'invalid_output', message, retryable: false }
    channel.send({ type: 'ended', run, outcome: { status: 'threw', failure } })
  }
}

/** For code that never lets the event loop turn: a stop and acknowledgements reach it here. */
function poll(): void {
  const now = performance.now()
  if (now < pollDueAt) return
  pollDueAt = now + pollIntervalMs
  channel.drain()
}

/** Most jobs never fetch: they need not pay for what it takes. */
function createLazyFetch(allowCidrs: readonly string[]): JobFetch {
  let egress: Promise<Egress> | undefined
  return async (url, init) => {
    egress ??= import('../egress/egress.ts').then(({ createEgress }) => createEgress({ allowCidrs }))
    return (await egress).fetch(url, init)
  }
}
