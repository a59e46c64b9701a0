import { setTimeout as delay } from 'node:timers/promises'
import type { Announcement } from '../../queue/events/event-hub.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import type { ValuesPage } from '../../queue/store/job-values.ts'
import { Bell } from '../http/bell.ts'
import { readWhenAvailable } from '../http/read-when-available.ts'
import type { StreamResponse } from '../http/stream-response.ts'

/** What is read at once for one client, of which there may be thousands. */
export const linesAtOnce = { limit: 500, bytes: 131_072 }
/** Values that come within this time are read together. */
const gatherMs = 25
/** A message can be lost with its sender: polling is the fallback. */
const pollEveryMs = 15_000

type Page = ValuesPage & { status: 'page' }

/** Follows the values of a job for one client, until the job is done or its next list begins. */
export class ValuesFollower {
  readonly #queue: JobQueue
  readonly #ref: JobRef
  readonly #closing: AbortSignal
  readonly #bell = new Bell()
  #mayBeDone = true

  constructor({ queue, closing }: { queue: JobQueue; closing: AbortSignal }, ref: JobRef) {
    this.#queue = queue
    this.#ref = ref
    this.#closing = closing
  }

  /** What the hub hears. */
  readonly onAnnouncement = (announcement: Announcement): void => {
    this.#mayBeDone ||= announcement.changed && announcement.mayBeDone
    this.#bell.ring()
  }

  /**
   * Writes a line for each value, beginning with those of `first`. Ends the response when the job is done; breaks it off otherwise, so that
   * it is not taken for complete.
   */
  async write(response: StreamResponse, first: Page): Promise<void> {
    response.onClose(this.#bell.ring)
    this.#closing.addEventListener('abort', this.#bell.ring)
    try {
      if (await this.#follow(response, first)) response.end()
      else response.abort()
    } finally {
      this.#closing.removeEventListener('abort', this.#bell.ring)
    }
  }

  /** @returns whether the values are complete */
  async #follow(response: StreamResponse, first: Page): Promise<boolean> {
    const isLeft = () => this.#closing.aborted || response.isClosed
    let page = first
    while (!isLeft()) {
      this.#bell.silence()
      // The values of a job are complete when its end can be read: so the end is read before them.
      const isDone = this.#mayBeDone ? await this.#readIsDone(isLeft) : false
      if (isDone === undefined) return false
      const next = await this.#writeNext(response, page, isLeft)
      if (!next) return false
      page = next
      if (isDone) return true
      await this.#bell.rung(pollEveryMs)
      this.#mayBeDone ||= !this.#bell.hasRung
      if (!this.#mayBeDone) await delay(gatherMs)
    }
    return false
  }

  /** Undefined when the job is gone, or nobody waits. */
  async #readIsDone(isLeft: () => boolean): Promise<boolean | undefined> {
    this.#mayBeDone = false
    const job = await readWhenAvailable(() => this.#queue.read(this.#ref, undefined, 'small'), isLeft)
    return job?.done
  }

  /** Writes the values of `page` and all that follow. @returns the last page; undefined when the list is over, or nobody waits */
  async #writeNext(response: StreamResponse, page: Page, isLeft: () => boolean): Promise<Page | undefined> {
    let { values, next, hint } = page
    for (;;) {
      if (values.length > 0) response.write(`${values.join('\n')}\n`)
      await response.caughtUp()
      const place = next
      const options = { ...linesAtOnce, hint }
      const read = await readWhenAvailable(() => this.#queue.readValues(this.#ref, place, options), isLeft)
      if (read?.status !== 'page') return undefined
      if (read.values.length === 0) return read
      values = read.values
      next = read.next
      hint = read.hint
    }
  }
}
