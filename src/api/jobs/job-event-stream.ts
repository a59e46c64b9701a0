import type { Announcement, JobEventHub, WiredEvent } from '../../queue/events/event-hub.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { Retention } from '../../queue/model/retention.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import type { Caller } from '../access/api-keys.ts'
import type { SseResponse } from '../http/sse-response.ts'
import { timestamp } from '../http/timestamp.ts'
import { listedJobResource } from './job-resource.ts'

/** Only progress, output, log and values_reset events are stored and numbered. The ids of other events count on from the stored one before. */
const idsPerStoredEvent = 1_000_000
/** … and each run has its own part of them, whose last id is that of `done`: a later run must not look as if the client had its end. */
const idsPerRun = 1000

/** A stream that has heard of the end of its job, and could not read what came before, tries again after once or twice this time. */
const endAgainMs = 500

/** The id of the event `done` of a job that is done: the same for every client. */
export function idOfDone({ lastEventId, run }: Pick<StoredJob, 'lastEventId' | 'run'>): number {
  return lastEventId * idsPerStoredEvent + firstOfRun(run) + idsPerRun - 1
}

/** The first id of a run, between two stored events. */
function firstOfRun(run: number): number {
  return ((run - 1) * idsPerRun) % idsPerStoredEvent
}

interface StreamDeps {
  queue: JobQueue
  hub: JobEventHub
  retention: Retention
  caller: Pick<Caller, 'scopes' | 'watch'>
}

/** The part of a job that tells whether its state has changed since the last event. */
type SentState = Pick<StoredJob, 'state' | 'attempt' | 'run'>

/**
 * One client's stream of one job's events: snapshot, stored events, live events, done.
 *
 * Stored events come from Redis in the order of their ids: an announcement that follows right after the last one is passed on as it
 * is, any other makes the stream read. So lost, repeated and skipped announcements do no harm.
 *
 * There may be thousands of streams: each keeps only those fields of the job that it compares.
 */
export class JobEventStream {
  readonly #deps: StreamDeps
  readonly #ref: JobRef
  readonly #response: SseResponse
  /** The last id that was sent is `#stored * idsPerStoredEvent + #between`. */
  #stored: number
  #between: number
  /** The client knows up to this stored event which ones it has missed. */
  #gapTo = 0
  #last: SentState
  readonly #onError: (error: unknown) => void
  /** How the job ended, where the announcement had it. */
  #ended: StoredJob | undefined
  #wanted: 'nothing' | 'events' | 'events and state' = 'nothing'
  #isReading = false
  readonly #isResumed: boolean

  /**
   * @param after the last id that the client has. An id that the job cannot have given out yet is ignored.
   * @param onError called when Redis fails while the stream is open
   */
  constructor(
    deps: StreamDeps,
    response: SseResponse,
    job: StoredJob,
    { after, onError }: { after: number | undefined; onError: (error: unknown) => void },
  ) {
    this.#deps = deps
    this.#ref = { queue: job.queue, id: job.id, ...(job.bullId !== undefined && { bullId: job.bullId }) }
    this.#response = response
    this.#onError = onError
    this.#last = sentState(job)
    // No event would ever follow an id that was made up, or that Redis lost with its last second.
    const isKnown = after !== undefined && Math.floor(after / idsPerStoredEvent) <= job.lastEventId
    this.#isResumed = isKnown
    const stored = isKnown ? Math.floor(after / idsPerStoredEvent) : job.eventsBeforeRun
    // A watch token does not read what earlier runs have left.
    this.#stored = deps.caller.watch ? Math.max(stored, job.eventsBeforeRun) : stored
    this.#between = isKnown ? after % idsPerStoredEvent : 0
  }

  /** Sends the snapshot, which is the job that it was made with, and all stored events; ends the response when the job is done. */
  begin(job: StoredJob): void {
    this.#send('snapshot', JSON.stringify(listedJobResource(job, this.#deps.retention, this.#deps.caller)))
    // A client that comes to a finished job for the first time wants its end, not its past.
    if (job.done && !this.#isResumed) return this.#finish(job)
    this.read()
  }

  /** Handles what the hub hears. */
  onAnnouncement(message: Announcement): void {
    if (message.changed) {
      this.#ended = message.job ?? this.#ended
      return this.read()
    }
    const isNext = message.events[0]?.id === this.#stored + 1 && !this.#response.isBehind
    if (isNext && !this.#isReading) for (const event of message.events) this.#sendStored(event)
    else this.#startReading('events')
  }

  /** Reads the job and sends what is new. */
  read(): void {
    this.#startReading('events and state')
  }

  #startReading(what: 'events' | 'events and state'): void {
    this.#readWanted(what).catch((error: unknown) => {
      this.#onError(error)
      // While Redis is away a new connection would be refused, which browsers take for the end. The next heartbeat reads again.
      if (!(error instanceof QueueUnavailableError)) return this.#response.end()
      // The client waits for an end that is known: not for as long.
      if (this.#ended) setTimeout(() => this.read(), endAgainMs * (1 + Math.random()))
    })
  }

  /** One read at a time: what is asked for meanwhile is done by the next one. */
  async #readWanted(what: 'events' | 'events and state'): Promise<void> {
    if (what === 'events and state' || this.#wanted === 'nothing') this.#wanted = what
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (this.#wanted !== 'nothing' && !this.#response.isClosed) {
        const wanted = this.#wanted
        this.#wanted = 'nothing'
        if (wanted === 'events') await this.#catchUp()
        else await this.#catchUpWithState()
      }
    } finally {
      this.#isReading = false
    }
  }

  async #catchUpWithState(): Promise<void> {
    const ended = this.#takeEnded()
    try {
      await this.#sendUpTo(ended ?? (await this.#deps.queue.read(this.#ref, undefined, 'small')))
    } catch (error) {
      this.#ended ??= ended
      throw error
    }
  }

  async #sendUpTo(job: StoredJob | undefined): Promise<void> {
    const { watch } = this.#deps.caller
    // A watch token is for one run.
    if (!job || (watch && watch.run !== job.run)) return this.#response.end()
    // Redis has lost events that were sent: others will get their ids.
    if (job.lastEventId < this.#stored) this.#stored = job.lastEventId
    // The events of a running attempt follow its state; every other state follows the events before it. The events of a finished
    // job are complete when its end can be read, so that `done` is last.
    if (job.state === 'running') this.#sendState(job)
    if (this.#stored < job.lastEventId) await this.#catchUp(job.lastEventId)
    this.#response.coalesce()
    this.#sendState(job)
    // Events that were stored since are announced, and wanted by that.
    if (job.done) this.#finish(job)
  }

  /** Ignores the end of an earlier run: the job has been retried since. */
  #takeEnded(): StoredJob | undefined {
    const ended = this.#ended
    this.#ended = undefined
    return ended && ended.run >= this.#last.run ? ended : undefined
  }

  /** Sends the stored events after the last one that was sent, up to an id. */
  async #catchUp(upTo = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.#stored < upTo && !this.#response.isClosed) {
      const page = await this.#deps.hub.read(this.#ref, { after: this.#stored, gapTo: this.#gapTo })
      if (page.missed > 0) {
        this.#gapTo = page.missedTo
        this.#send('gap', JSON.stringify({ missed: page.missed }))
      }
      for (const event of page.events) {
        if (event.id > upTo) return
        await this.#response.caughtUp()
        this.#sendStored(event)
      }
      if (page.isLast) return
    }
  }

  #sendStored({ id, kind, data }: WiredEvent): void {
    this.#stored = id
    this.#between = 0
    // The same in every stream, whatever run it is read in.
    this.#response.send(id * idsPerStoredEvent, kind, data)
  }

  #sendState(job: StoredJob): void {
    const { state, attempt, run } = this.#last
    this.#last = sentState(job)
    if (job.state === state && job.attempt === attempt && job.run === run) return
    const at = (job.state === 'running' ? job.starts.at(-1)?.startedAt : job.finishedAt) ?? redisNow()
    this.#send('state', JSON.stringify({ state: job.state, attempt: job.attempt, at: timestamp(at) }))
  }

  #finish(job: StoredJob): void {
    const resource = listedJobResource(job, this.#deps.retention, this.#deps.caller)
    this.#response.send(idOfDone(job), 'done', JSON.stringify(resource))
    this.#response.end()
  }

  #send(event: string, data: string): void {
    const first = firstOfRun(this.#last.run)
    this.#between = Math.min(Math.max(this.#between + 1, first), first + idsPerRun - 2)
    this.#response.send(this.#stored * idsPerStoredEvent + this.#between, event, data)
  }
}

function sentState({ state, attempt, run }: StoredJob): SentState {
  return { state, attempt, run }
}
