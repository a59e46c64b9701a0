import { useEffect, useState } from 'preact/hooks'
import { get } from '../api.ts'
import type { Job, LogLine, Page, Progress } from '../model.ts'
import { follow, type StreamEvent } from '../stream.ts'

/** What a page keeps of a long stream. */
const keptValues = 1000
const keptLogs = 2000

export interface Series<Item> {
  items: Item[]
  /** How many came in all, as far as that is known. */
  total: number
  /** Whether there are more than the page has read. */
  isCut: boolean
}

interface Followed {
  job: Job | undefined
  error: unknown
  values: Series<unknown>
  logs: Series<LogLine>
}

const nothing: Followed = {
  job: undefined,
  error: undefined,
  values: { items: [], total: 0, isCut: false },
  logs: { items: [], total: 0, isCut: false },
}

/** A job and what comes of it: its state, progress, values and logs as they happen. `again` after it was retried. */
export function useFollowedJob(id: string): Followed & { again: () => void } {
  const [round, setRound] = useState(0)
  const [state, setState] = useState<Followed>(nothing)
  useEffect(() => {
    const stopping = new AbortController()
    const update = (change: (before: Followed) => Followed) => {
      if (!stopping.signal.aborted) setState(change)
    }
    followJob(id, update, stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) update((before) => ({ ...before, error }))
    })
    return () => stopping.abort()
  }, [id, round])
  return { ...state, again: () => setRound(round + 1) }
}

type Update = (change: (before: Followed) => Followed) => void

async function followJob(id: string, update: Update, signal: AbortSignal): Promise<void> {
  const path = `/v1/jobs/${encodeURIComponent(id)}`
  const readJob = async () => {
    const job = await get<Job>(path, { signal })
    update((before) => ({ ...before, job, error: undefined }))
    return job
  }
  const job = await readJob()
  update(() => ({ ...nothing, job }))
  if (!job.done) await followEvents(path, update, readJob, signal)
  // A stream of a finished job has its end alone, and that of a running one may have lost its beginning.
  await readJob()
  await readPast(path, update, signal)
}

async function followEvents(path: string, update: Update, readJob: () => Promise<Job>, signal: AbortSignal) {
  let isReading = false
  // The job with its attempts and its worker, at most once at a time.
  const refresh = () => {
    if (isReading) return
    isReading = true
    const stop = () => void (isReading = false)
    readJob().then(stop, stop)
  }
  await follow(`${path}/events`, {
    onEvent: (event) => {
      update((before) => applied(before, event))
      if (event.kind === 'state') refresh()
    },
    poll: async () => {
      const { done } = await readJob()
      await readPast(path, update, signal)
      return done
    },
    signal,
  })
}

/** What is known after an event. */
function applied(before: Followed, { kind, data }: StreamEvent): Followed {
  const { job } = before
  if (kind === 'snapshot' || kind === 'done') {
    // Large inputs and outputs are left out there.
    return data === undefined ? before : { ...before, job: { ...job, ...Object(data) } }
  }
  if (kind === 'values_reset') return { ...before, values: keptBefore(before.values, Number(Object(data).from ?? 0)) }
  if (kind === 'output') return { ...before, values: appended(before.values, Object(data).value, keptValues) }
  if (kind === 'log') return { ...before, logs: appended(before.logs, data as LogLine, keptLogs) }
  if (!job) return before
  if (kind === 'progress') return { ...before, job: { ...job, progress: data as Progress } }
  if (kind === 'state') return { ...before, job: { ...job, state: Object(data).state, attempt: Object(data).attempt } }
  return before
}

function appended<Item>({ items, total, isCut }: Series<Item>, item: Item, kept: number): Series<Item> {
  const all = [...items, item]
  return all.length > kept
    ? { items: all.slice(-kept), total: total + 1, isCut: true }
    : { items: all, total: total + 1, isCut }
}

function keptBefore<Item>(series: Series<Item>, from: number): Series<Item> {
  const first = series.total - series.items.length
  return { items: series.items.slice(0, Math.max(0, from - first)), total: from, isCut: from > 0 && series.isCut }
}

async function readPast(path: string, update: Update, signal: AbortSignal): Promise<void> {
  const [values, logs] = await Promise.all([
    get<Page<unknown>>(`${path}/values?limit=${keptValues}`, { signal }),
    get<Page<LogLine>>(`${path}/logs?limit=200`, { signal }),
  ])
  update((before) => ({
    ...before,
    values: before.values.total > values.items.length ? before.values : seriesOf(values),
    logs: before.logs.total > logs.items.length ? before.logs : seriesOf(logs),
  }))
}

function seriesOf<Item>({ items, next_cursor }: Page<Item>): Series<Item> {
  return { items, total: items.length, isCut: next_cursor !== null }
}
