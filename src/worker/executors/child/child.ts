// Main module of every thread and process of a pool: runs one handler at a time, loaded from the file of its job type.

import { AsyncLocalStorage } from 'node:async_hooks'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { HandlerSpan } from '../../../jobs/handler-span.ts'
import { isKeepRequest, type JobEvent, type KeepRequest } from '../../../jobs/job-event.ts'
import { redactorOf, secretPaths } from '../../../jobs/secrets.ts'
import type { Egress } from '../../egress/egress.ts'
import type { Attempt } from '../../handler/attempt.ts'
import type { ContextParts, JobFetch } from '../../handler/job-context.ts'
import { describeThrown, type HandlerOutcome, runHandler } from '../../handler/run-handler.ts'
import { type Ask, type ChildSettings, type FromChild, isToChild, type ToChild } from '../protocol.ts'
import { Asks } from './asks.ts'
import { type ChildChannel, openProcessChannel, openThreadChannel } from './channel.ts'
import { createEventOutbox, type EventOutbox } from './event-outbox.ts'
import { reportFatalErrors } from './fatal-errors.ts'
import { JobFiles } from './job-files.ts'
import { Leftovers } from './leftovers.ts'
import { startParentWatchdog } from './parent-watchdog.ts'

interface CurrentRun {
  run: number
  stop: AbortController
  outbox: EventOutbox
  asks: Asks
  /** Replaces the secrets of its input, once its job type is known. Made when it is needed: few runs end by a crash. */
  redactor?: () => ReturnType<typeof redactorOf>
}

/** How often code that never waits reads its messages when it reports progress or reads its signal. */
const pollIntervalMs = 10

let current: CurrentRun | undefined
let pollDueAt = 0

const settings = readSettings()
const channel = openChannel()
const fetch = createLazyFetch(settings.allowCidrs)
/** The run whose code is executing, also in timers and callbacks that outlive it. */
const runs = new AsyncLocalStorage<number>()
reportFatalErrors({
  channel,
  responsibleRun: () => runs.getStore(),
  currentRun: () => current?.run,
  redact: (text) => current?.redactor?.()?.(text) ?? text,
})
const leftovers = new Leftovers(settings.memoryLimitMb)
const files = new JobFiles(leftovers)
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
  if (message.type === 'run') void runs.run(message.run, start, message)
  else if (message.run !== current?.run) return
  else if (message.type === 'stop') current.stop.abort(message.stop)
  else if (message.type === 'kept') current.outbox.settleKeep(message.n, message.refusal)
  else if (message.type === 'answered') current.asks.settle(message.n, message.reply)
  else current.outbox.acknowledge(message.count)
}

async function start({ run, file, attempt }: ToChild & { type: 'run' }): Promise<void> {
  const stop = new AbortController()
  const outbox = createEventOutbox({ attempt: attempt.attempt, post: (event) => sendEvent(run, event, attempt) })
  const asks = new Asks((n, ask: Ask) => channel.send({ type: 'ask', run, n, ask }))
  current = { run, stop, outbox, asks }
  const emitSpan = attempt.isTraced ? (span: HandlerSpan) => channel.send({ type: 'span', run, span }) : undefined
  const running = runFile(file, {
    attempt,
    emit: outbox.emit,
    emitSpan,
    stop: stop.signal,
    fetch,
    poll,
    children: asks,
  })
  const outcome = await Promise.race([running, asks.parked.then(() => parked)])
  outbox.flush()
  current = undefined
  const isClean = leftovers.tidy().length === 0
  sendOutcome({ type: 'ended', run, outcome, isClean, isBound: files.isBound })
  if (isClean) return
  const left = await leftovers.tidySettled()
  channel.send({ type: 'checked', run, leftovers: left, killed: leftovers.takeKilled() })
}

const parked = { status: 'parked' } as const

async function runFile(file: string, parts: ContextParts): Promise<HandlerOutcome> {
  try {
    const job = await files.import(file, parts.attempt.type)
    leaveIfOrphaned()
    if (current) current.redactor = () => redactorOf(parts.attempt.input, secretPaths(job.input))
    return await runHandler({ job, ...parts })
  } catch (error) {
    return { status: 'threw', failure: describeThrown(error) }
  }
}

/** The message to run may be read after its sender has died: another worker may have the job by then. */
function leaveIfOrphaned(): void {
  if (isMainThread && process.ppid !== settings.parentPid) process.kill(-process.pid, 'SIGKILL')
}

/** `job.progress` must not throw for data that is too large: a log line replaces the event. */
function sendEvent(run: number, event: JobEvent | KeepRequest, { attempt }: Attempt): void {
  try {
    channel.send({ type: 'event', run, event })
  } catch (error) {
    if (event.kind === 'output' || isKeepRequest(event)) throw error
    const message = `dropped a ${event.kind} event that could not be sent: ${describeThrown(error).message}`
    channel.send({
      type: 'event',
      run,
      event: { kind: 'log', at: new Date().toISOString(), level: 'warn', message, attempt },
    })
  }
}

function sendOutcome(ended: FromChild & { type: 'ended' }): void {
  try {
    channel.send(ended)
  } catch (error) {
    const message = `failed to send the output: ${describeThrown(error).message}`
    const failure = { code: 'invalid_output', message, retryable: false }
    channel.send({ ...ended, outcome: { status: 'threw', failure } })
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
