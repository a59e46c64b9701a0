// Renews the leases of a worker's running jobs in a thread of its own, so that a handler that blocks the event loop does not lose them.
// It loads as little as it can: all that it loads counts twice in the memory of the worker.

import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort as port, workerData } from 'node:worker_threads'
import { monotonicMs } from '../model/monotonic.ts'
import { type ConnectionLog, connectRedis, isOutage, type Redis, RedisUnreachableError } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'
import { findBlocker } from './find-blocker.ts'
import type { LeaseThreadMessage, LeaseThreadOptions, LogLevel } from './job-leases.ts'
import { type HeldLease, LeaseTable } from './lease-table.ts'
import type { JobOnLoop } from './loop-blocker.ts'
import { LoopWatch } from './loop-watch.ts'
import { suspicion } from './suspicion.ts'

const renewScript = loadScript('consume/renew-leases')
const giveUpScript = loadScript('bullmq/give-up-leases')
const maxJobsPerCall = 100
const maxNamedJobs = 10
const reconnectAfterMs = 1000
const connection = 'worker-leases'
/** Then the main thread is asked what it does, and asked again if it did not say. */
const askAfterMs = 200
const askAgainAfterMs = 1000
/** A machine that has no time for the main thread looks as if it was blocked, and to ask takes time. */
const askEveryMs = 2000

const { buffer, queues, lockMs, beatMs, giveUpAfterMs, exitAfterMs, redisAt, isRestart } =
  workerData as LeaseThreadOptions
const table = new LeaseTable(buffer)
const watch = new LoopWatch(beatMs)
const log: ConnectionLog = {
  debug: (fields, message) => post('debug', fields, message),
  info: (fields, message) => post('info', fields, message),
  warn: (fields, message) => post('warn', fields, message),
}
let nextLookAt = 0
let isRenewing = false
let isFailing = false
/** The job that blocks the main thread now. */
let blocker: JobOnLoop | undefined
let isAsking = false
let askedAt = -Infinity
/** Leases that were given up, until Redis knows. */
let givenUp: GivenUp | undefined
let hasGivenUp = false

interface GivenUp {
  leases: HeldLease[]
  /** Whether this one may have blocked the main thread. */
  isSuspect: (lease: HeldLease) => boolean
  blockedMs: number
  until: number
}

const redis = await connect()
setInterval(tick, beatMs)
log.debug({}, 'a thread of its own renews leases from now on')

async function connect(): Promise<Redis> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      const connected = await connectRedis({ ...redisAt, role: 'client', name: connection, log })
      // The connection before this one may have been lost, and cannot say any more that it is back.
      if (isRestart || !isFirst) log.info({ connection, connected: true }, 'the thread that renews leases is connected')
      return connected
    } catch (error) {
      if (!(error instanceof RedisUnreachableError)) throw error
      if (isFirst) log.warn({ err: error }, 'Redis is away: this thread cannot renew leases yet')
      await sleep(reconnectAfterMs)
    }
  }
}

function tick(): void {
  const now = monotonicMs()
  const blockedMs = watch.tick(table.beats, now)
  if (blockedMs === 0) blocker = undefined
  const isToAsk = blockedMs > askAgainAfterMs || (blockedMs >= askAfterMs && now - askedAt > askEveryMs)
  if (isToAsk && !blocker && !isAsking) void ask(now)
  if (blockedMs > exitAfterMs) exit(Math.round(blockedMs))
  if (blockedMs <= giveUpAfterMs) hasGivenUp = false
  else if (!hasGivenUp) giveUp(Math.round(blockedMs), now)
  if (givenUp && now > givenUp.until) givenUp = undefined
  if (isRenewing) return
  if (givenUp) void sendGivenUp(givenUp)
  else if (!hasGivenUp && now >= nextLookAt) {
    nextLookAt = now + lockMs / 8
    void renewDue(now)
  }
}

/** It may take as long as the main thread is blocked. */
async function ask(now: number): Promise<void> {
  isAsking = true
  askedAt = now
  const { beats } = table
  try {
    const found = await findBlocker(() => table.beats === beats)
    if (found && table.beats === beats) blocker = found
    if (found) send({ blocker: found })
  } catch (error) {
    log.debug({ err: error }, 'the main thread could not be asked which job blocks it')
  } finally {
    isAsking = false
  }
}

async function renewDue(now: number): Promise<void> {
  const due = [...table.leases(now - lockMs / 4)]
  if (due.length === 0) return
  isRenewing = true
  try {
    await forEachCall(due, async (prefix, leases) => {
      const sentAt = monotonicMs()
      const locks = leases.map(({ id }) => `${prefix}${id}:lock`)
      const jobs = leases.flatMap(({ id, token }) => [id, token])
      const answer = await renewScript(redis, [`${prefix}stalled`, ...locks], [lockMs, ...jobs])
      const refused = new Set(positions(answer))
      for (const [i, lease] of leases.entries()) {
        if (refused.has(i + 1)) table.refuse(lease)
        else table.renewed(lease, sentAt)
      }
    })
    isFailing = false
  } catch (error) {
    if (!isFailing) log.warn({ err: error }, 'failed to renew leases; trying again')
    isFailing = true
  } finally {
    isRenewing = false
  }
}

/** The main thread may never run again: other workers are to have its jobs. */
function giveUp(blockedMs: number, now: number): void {
  hasGivenUp = true
  const leases = [...table.leases()]
  for (const lease of leases) table.refuse(lease)
  const isSuspect = suspicion({ starting: table.starting, blocker, queues })
  const jobs = leases.filter(isSuspect).map(({ id }) => id)
  const fields = { blocked_ms: blockedMs, leases: leases.length, blocked_by: jobs.slice(0, maxNamedJobs) }
  print(fields, 'the event loop is blocked for too long; gave up the leases of its jobs')
  // They have expired by then.
  if (leases.length > 0) givenUp = { leases, isSuspect, blockedMs, until: now + lockMs }
}

/** Nothing else can end the process, and nothing in it goes on. Its jobs are given up. */
function exit(blockedMs: number): void {
  print(
    { blocked_ms: blockedMs },
    'the event loop is blocked for good; exiting so that the supervisor restarts this worker',
  )
  process.kill(process.pid, 'SIGKILL')
}

/** Repeated until Redis has it: a job that is not there any more is left alone. */
async function sendGivenUp(sent: GivenUp): Promise<void> {
  isRenewing = true
  try {
    await forEachCall(sent.leases, async (prefix, leases) => {
      const names = ['wait', 'active', 'stalled', 'marker', 'meta'].map((name) => prefix + name)
      const jobs = leases.flatMap(({ id }) => [prefix + id, `${prefix}${id}:lock`])
      const args = leases.flatMap((lease) => [lease.id, lease.token, sent.isSuspect(lease) ? 1 : ''])
      await giveUpScript(redis, [...names, ...jobs], [prefix, sent.blockedMs, ...args])
    })
    givenUp = undefined
  } catch (error) {
    log.warn({ err: error }, 'failed to give up leases; trying again until they expire')
  } finally {
    isRenewing = false
  }
}

/**
 * Calls back for the leases of each queue, some at a time: all keys of a call are in one slot of a cluster. The failure of one queue does
 * not hold up the others: its node may be away alone.
 *
 * @throws the first failure, when all calls are over
 */
async function forEachCall(
  leases: readonly HeldLease[],
  call: (prefix: string, leases: HeldLease[]) => Promise<void>,
): Promise<void> {
  const byQueue = Map.groupBy(leases, ({ queue }) => queues[queue]?.prefix ?? '')
  const calls = await Promise.allSettled(
    Array.from(byQueue, async ([prefix, all]) => {
      for (let from = 0; from < all.length; from += maxJobsPerCall)
        await call(prefix, all.slice(from, from + maxJobsPerCall))
    }),
  )
  const failed = calls.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

function positions(answer: unknown): number[] {
  return Array.isArray(answer) ? answer.map(Number) : []
}

function post(level: LogLevel, fields: object, message: string): void {
  const { err }: { err?: unknown } = fields
  send({ level, fields, message, ...(err instanceof Error && isOutage(err) && { outage: err.message }) })
}

function send(message: LeaseThreadMessage): void {
  port?.postMessage(message)
}

/** Writes an error to the standard output itself, as the logger does: the main thread is blocked. */
function print(fields: object, message: string): void {
  const line = { level: 50, time: new Date().toISOString(), role: 'worker', pid: process.pid, ...fields, msg: message }
  try {
    writeSync(1, `${JSON.stringify(line)}\n`)
  } catch (error) {
    // Nobody reads it now.
    post('error', { ...fields, err: error }, message)
  }
}
