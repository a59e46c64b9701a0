import { flushCompileCache } from 'node:module'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { isJob, type Job, PermanentError } from '../../../jobs/define-job.ts'
import type { JobEvent } from '../../../jobs/job-event.ts'
import type { Egress } from '../../egress/egress.ts'
import type { Attempt } from '../../handler/attempt.ts'
import type { ContextParts, JobFetch } from '../../handler/job-context.ts'
import { describeThrown, type HandlerOutcome, runHandler } from '../../handler/run-handler.ts'
import { type ChildSettings, isToChild, type ToChild } from '../protocol.ts'
import { type ChildChannel, openProcessChannel, openThreadChannel } from './channel.ts'
import { createEventOutbox, type EventOutbox } from './event-outbox.ts'
import { startParentWatchdog } from './parent-watchdog.ts'

// Main module of every thread and process of a pool: runs one handler at a time, loaded from the file of its job type.

interface CurrentRun {
  run: number
  stop: AbortController
  outbox: EventOutbox
}

/** How often code that never waits reads its messages when it reports progress or reads its signal. */
const pollIntervalMs = 10

const loadedFiles = new Set<string>()
let current: CurrentRun | undefined
let pollDueAt = 0

const settings = readSettings()
const channel = openChannel()
const fetch = createLazyFetch(settings.allowCidrs)

// Runs before the uncaught error ends this thread or process: afterwards the reason would be unknown.
process.on('uncaughtExceptionMonitor', (error, origin) => {
  const kind = origin === 'unhandledRejection' ? 'an unhandled rejection' : 'an uncaught exception'
  channel.send({ type: 'dying', message: `${kind} in the job's code: ${describeThrown(error).message}` })
})
channel.send({ type: 'ready' })

function readSettings(): ChildSettings {
  const given: unknown = isMainThread ? JSON.parse(process.argv[2] ?? 'null') : workerData
  if (!isSettings(given)) throw new TypeError('this module runs only inside a thread or process of an executor')
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

/** The message to run may be read after its sender has died: another worker may have the job by then. */
function leaveIfOrphaned(): void {
  if (isMainThread && process.ppid !== settings.parentPid) process.kill(-process.pid, 'SIGKILL')
}

/** A file that does not load is a permanent failure: the module cache keeps the error, and the worker has loaded the file before. */
async function importJob(file: string, type: string): Promise<Job> {
  const name = basename(file)
  try {
    const module: { default?: unknown } = await import(pathToFileURL(file).href)
    // Node.js writes its compile cache at exit, which a killed thread or process never reaches. No effect without
    // NODE_COMPILE_CACHE; with it the next host starts in half the time and without the type stripper in memory.
    if (!loadedFiles.has(file)) flushCompileCache()
    loadedFiles.add(file)
    if (isJob(module.default) && module.default.type === type) return module.default
  } catch (cause) {
    throw new PermanentError(`failed to load the job file ${name}`, { cause })
  }
  throw new PermanentError(`the job file ${name} no longer declares the job type "${type}"`)
}

/** `job.progress` must not throw for data that is too large: a log line replaces the event. */
function sendEvent(run: number, event: JobEvent, { attempt }: Attempt): void {
  try {
    channel.send({ type: 'event', run, event })
  } catch (error) {
    if (event.kind === 'output') throw error
    const message = `dropped a ${event.kind} event that could not be sent: ${describeThrown(error).message}`
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
    const message = `failed to send the output: ${describeThrown(error).message}`
    const failure = { code: 'invalid_output', message, retryable: false }
    channel.send({ type: 'ended', run, outcome: { status: 'threw', failure } })
  }
}

/** Delivers a stop and acknowledgements to code that never returns to the event loop. */
function poll(): void {
  const now = performance.now()
  if (now < pollDueAt) return
  pollDueAt = now + pollIntervalMs
  channel.drain()
}

/** Loads the egress guard on first use: most jobs never fetch. */
function createLazyFetch(allowCidrs: readonly string[]): JobFetch {
  let egress: Promise<Egress> | undefined
  return async (url, init) => {
    egress ??= import('../../egress/egress.ts').then(({ createEgress }) => createEgress({ allowCidrs }))
    return (await egress).fetch(url, init)
  }
}
