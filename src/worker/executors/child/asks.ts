import type { ChildrenPort } from '../../../jobs/child-job.ts'
import { JobError } from '../../../jobs/job-error.ts'
import type { Ask, AskReply } from '../protocol.ts'

/** What the handler of one run asks the worker of its thread or process. */
export class Asks {
  /** Never settled where the run is not parked. */
  readonly parked: Promise<void>
  readonly #post: (n: number, ask: Ask) => void
  readonly #waiting = new Map<number, (reply: AskReply) => void>()
  readonly #park: () => void
  #asked = 0

  constructor(post: (n: number, ask: Ask) => void) {
    this.#post = post
    const { promise, resolve } = Promise.withResolvers<void>()
    this.parked = promise
    this.#park = resolve
  }

  readonly children: ChildrenPort = async (ask) => {
    const reply = await this.#ask({ kind: 'children', ...ask })
    return reply.status === 'ready' || reply.status === 'open' || reply.status === 'refused' ? reply : unread
  }

  /** Resolves when the answer is there; never, where the job is parked. */
  readonly waitFor = async (field: string): Promise<void> => {
    const reply = await this.#ask({ kind: 'wait', field })
    if (reply.status === 'refused') throw new JobError(reply.message, reply)
  }

  settle(n: number, reply: AskReply): void {
    const resolve = this.#waiting.get(n)
    this.#waiting.delete(n)
    if (reply.status === 'parked') this.#park()
    else resolve?.(reply)
  }

  #ask(ask: Ask): Promise<AskReply> {
    const n = ++this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(n, resolve)
      try {
        this.#post(n, ask)
      } catch (error) {
        this.#waiting.delete(n)
        reject(error)
      }
    })
  }
}

const unread = {
  status: 'refused',
  code: 'internal_error',
  message: 'the worker has answered something else',
  retryable: true,
} as const
