import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Client } from './client.ts'
import { isBroken, notReached } from './not-reached.ts'
import { failureOf, notDrover, parseAnswer } from './problem.ts'

export interface StreamEvent {
  event: string
  data: unknown
}

export interface FollowOptions {
  signal?: AbortSignal | undefined
  /** Called when a connection broke, before the next one. */
  onBreak?: () => void
}

/** How long a stream may be broken before it is given up. */
const giveUpAfterMs = 60_000
const defaultRetryMs = 2000
const maxEventBytes = 64 * 1024 * 1024

/**
 * The events of a job, a flow or an operation until `done`. A connection that breaks is opened again after the last id, so that no event is
 * missed and none comes twice. Ends without `done` where the server has none to send any more.
 *
 * @throws CommandFailure where the key ends, the job is gone, or the server stays away
 */
export async function* followEvents(
  client: Client,
  path: string,
  { signal, onBreak }: FollowOptions = {},
): AsyncGenerator<StreamEvent, void, undefined> {
  let lastId = ''
  let retryMs = defaultRetryMs
  let lastSignAt = performance.now()
  let wasOpen = false
  let lastCode = 'the stream ends'
  for (;;) {
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (lastId !== '') headers['last-event-id'] = lastId
      const response = await client.open('GET', path, { headers, signal })
      const status = response.statusCode ?? 0
      if (status === 204) return
      if (status !== 200) {
        const failure = failureOf(status, await text(response), { method: 'GET', path })
        if (status < 500 && status !== 429) throw failure
        if (!wasOpen || performance.now() - lastSignAt > giveUpAfterMs) throw failure
      } else {
        const type = response.headers['content-type'] ?? ''
        if (!type.startsWith('text/event-stream')) {
          response.destroy()
          throw notDrover(status)
        }
        wasOpen = true
        const messages: EventSourceMessage[] = []
        const parser = createParser({
          onEvent: (message) => messages.push(message),
          onRetry: (ms) => {
            retryMs = ms
          },
          maxBufferSize: maxEventBytes,
        })
        response.setEncoding('utf8')
        for await (const chunk of response) {
          lastSignAt = performance.now()
          parser.feed(String(chunk))
          for (const { id, event = 'message', data } of messages.splice(0)) {
            if (event === 'problem') throw failureOf(401, data, { method: 'GET', path })
            lastId = id ?? lastId
            yield { event, data: parseAnswer(status, data) }
            if (event === 'done') return
          }
        }
      }
    } catch (error) {
      if (!isBroken(error) || signal?.aborted) throw error
      if (!wasOpen) throw notReached(client.target, error)
      lastCode = error.code
    }
    // Also of a server that ends each stream at once.
    if (performance.now() - lastSignAt > giveUpAfterMs) throw notReached(client.target, { code: lastCode })
    onBreak?.()
    await sleep(Math.min(retryMs, 10_000), undefined, signal ? { signal } : {})
  }
}
