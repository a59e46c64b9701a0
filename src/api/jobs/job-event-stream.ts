import type { ServerResponse } from 'node:http'
import type { Announcement, JobEventHub, WiredEvent } from '../../queue/events/event-hub.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { dropWhenStalled } from '../http/drop-when-stalled.ts'
import { jobResource, timestamp } from './job-resource.ts'

/** Only progress, output and log are stored and numbered. What is said between two of them counts on from the former. */
const idsPerStoredEvent = 1_000_000
const pageSize = 100
/** A reader that is further behind than this gets no more until it has caught up, and is dropped when it takes nothing; the job goes on. */
export const mostUnreadBytes = 1024 * 1024

export interface StreamDeps {
  queue: JobQueue
  hub: JobEventHub
  resultTtlMs: number
}

/** As much of a job as tells whether its state is another than the one that was said last. */
type SaidState = Pick<StoredJob, 'state' | 'attempt' | 'run'>

/**
 * One client's stream of one job's events, as server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html): snapshot, what is kept, what comes, done.
 *
 * Stored events come from Redis in the order of their ids: an announcement that fits right behind the last one is
 * passed on as it is, any other makes the stream read, so that losing, repeating or skipping announcements does no harm.
 *
 * There may be thousands, so one keeps little: what all share is shared, and of the job only what it compares.
 */
export class JobEventStream {
  readonly #deps: StreamDeps
  readonly #ref: JobRef
  readonly #response: ServerResponse
  /** The last id given out is `#stored * idsPerStoredEvent + #between`. */
  #stored: number
  #between: number
  #last: SaidState
  readonly #onError: (error: unknown) => void
  /** How the job has ended, when that came with the announcement. */
  #ended: StoredJob | undefined
  #wanted: 'nothing' | 'events' | 'events and state' = 'nothing'
  #working = false
  #closed = false
  readonly #isResumed: boolean

  /**
   * `after` is the id that the client had last. One that the job cannot have given out yet is as none. `onError` is called when
   * Redis failed under the open stream.
   */
  constructor(
    deps: StreamDeps,
    response: ServerResponse,
    job: StoredJob,
    { after, onError }: { after: number | undefined; onError: (error: unknown) => void },
  ) {
    this.#deps = deps
    this.#ref = { queue: job.queue, id: job.id }
    this.#response = response
    this.#onError = onError
    this.#last = saidState(job)
    // Behind an id that was made up, or that Redis lost with its last second, nothing would ever come.
    const isKnown = after !== undefined && Math.floor(after / idsPerStoredEvent) <= job.lastEventId
    this.#isResumed = isKnown
    this.#stored = isKnown ? Math.floor(after / idsPerStoredEvent) : job.eventsBeforeRun
    this.#between = isKnown ? after % idsPerStoredEvent : 0
  }

  /** Sends the snapshot, which is the job that it was made with, and all that is kept; ends the response when the job is done. */
  begin(job: StoredJob): void {
    this.#write('snapshot', JSON.stringify(jobResource(job, this.#deps.resultTtlMs)))
    // Who comes to a finished job for the first time wants its end, not its past.
    if (job.done && !this.#isResumed) return this.#finish(job)
    this.look()
  }

  /** Takes what the hub says. */
  onAnnouncement(said: Announcement): void {
    if (said.changed) {
      this.#ended = said.job ?? this.#ended
      return this.look()
    }
    const fits = said.events[0]?.id === this.#stored + 1 && !this.#isBehind
    if (fits && !this.#working) for (const event of said.events) this.#writeStored(event)
    else this.#workOn('events')
  }

  /** Reads the job and sends what is new. */
  look(): void {
    this.#workOn('events and state')
  }

  /** A comment that keeps proxies from closing a silent connection. */
  beat(): void {
    if (!this.#closed && !this.#isBehind) this.#response.write(':\n\n')
  }

  /** Ends the response: a client that wants more comes back by itself with its last id. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const stopWatching = dropWhenStalled(this.#response)
    this.#response.once('close', stopWatching)
    this.#response.once('finish', stopWatching)
    this.#response.end()
  }

  get #isBehind(): boolean {
    return this.#response.writableLength > mostUnreadBytes
  }

  #workOn(what: 'events' | 'events and state'): void {
    this.#work(what).catch((error: unknown) => {
      this.#onError(error)
      // While Redis is away a new connection would be refused, which browsers take for the end. The next look goes on.
      if (!(error instanceof QueueUnavailableError)) this.close()
    })
  }

  /** Reads from Redis, one reading at a time; what is asked for meanwhile is done in the next round. */
  async #work(what: 'events' | 'events and state'): Promise<void> {
    if (what === 'events and state' || this.#wanted === 'nothing') this.#wanted = what
    if (this.#working) return
    this.#working = true
    try {
      while (this.#wanted !== 'nothing' && !this.#closed) {
        const wanted = this.#wanted
        this.#wanted = 'nothing'
        if (wanted === 'events') await this.#catchUp()
        else await this.#catchUpWithState()
      }
    } finally {
      this.#working = false
    }
  }

  async #catchUpWithState(): Promise<void> {
    const job = this.#takeEnded() ?? (await this.#deps.queue.read(this.#ref))
    if (!job) return this.close()
    // A running attempt's events follow its state; every other state follows what was said before it was read. The events of
    // a finished job are complete when its end can be read, so that nothing comes after `done`.
    if (job.state === 'running') this.#writeState(job)
    if (this.#stored < job.lastEventId) await this.#catchUp(job.lastEventId)
    // One write for what comes together. Not the response's own cork: what it holds would come behind the end.
    const { socket } = this.#response
    socket?.cork()
    this.#writeState(job)
    if (job.done) this.#finish(job)
    socket?.uncork()
    if (!job.done) await this.#catchUp()
  }

  /** Not that of an earlier run, which somebody has opened again since. */
  #takeEnded(): StoredJob | undefined {
    const ended = this.#ended
    this.#ended = undefined
    return ended && ended.run >= this.#last.run ? ended : undefined
  }

  /** Sends what is stored behind the last event that was sent, up to an id. */
  async #catchUp(upTo = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.#stored < upTo && !this.#closed) {
      const events = await this.#deps.hub.read(this.#ref, this.#stored, pageSize)
      for (const event of events) {
        if (event.id > upTo) return
        await this.#roomToWrite()
        this.#writeStored(event)
      }
      if (events.length < pageSize) return
    }
  }

  async #roomToWrite(): Promise<void> {
    if (!this.#isBehind || this.#closed) return
    await new Promise<void>((resolve) => {
      const stopWatching = dropWhenStalled(this.#response)
      const go = () => {
        stopWatching()
        this.#response.off('drain', go).off('close', go)
        resolve()
      }
      this.#response.on('drain', go).on('close', go)
    })
    if (this.#response.destroyed) this.#closed = true
  }

  #writeStored({ id, kind, data }: WiredEvent): void {
    if (id > this.#stored + 1) this.#write('gap', JSON.stringify({ missed: id - this.#stored - 1 }))
    this.#stored = id
    this.#between = -1
    this.#write(kind, data)
  }

  #writeState(job: StoredJob): void {
    const { state, attempt, run } = this.#last
    this.#last = saidState(job)
    if (job.state === state && job.attempt === attempt && job.run === run) return
    const at = (job.state === 'running' ? job.startedAt : job.finishedAt) ?? Date.now()
    this.#write('state', JSON.stringify({ state: job.state, attempt: job.attempt, at: timestamp(at) }))
  }

  #finish(job: StoredJob): void {
    this.#write('done', JSON.stringify(jobResource(job, this.#deps.resultTtlMs)))
    this.close()
  }

  #write(event: string, data: string): void {
    if (this.#closed) return
    this.#between = Math.min(this.#between + 1, idsPerStoredEvent - 1)
    const id = this.#stored * idsPerStoredEvent + this.#between
    this.#response.write(`id: ${id}\nevent: ${event}\ndata: ${data}\n\n`)
  }
}

function saidState({ state, attempt, run }: StoredJob): SaidState {
  return { state, attempt, run }
}
