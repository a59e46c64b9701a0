import { once } from 'node:events'
import { EventSource } from 'eventsource'
import { expect, onTestFinished, test } from 'vitest'
import { send, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { hasNginx, startNginx } from './nginx.ts'

/** What an EventSource gets, as a page has it: it knows nothing of `done`, and reconnects until the server says that there is no more. */
async function listen(url: string, names: string[]): Promise<{ statuses: number[]; events: string[]; ids: number[] }> {
  const statuses: number[] = []
  const events: string[] = []
  const ids: number[] = []
  const source = new EventSource(url, {
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      statuses.push(response.status)
      return response
    },
  })
  onTestFinished(() => source.close())
  for (const name of names)
    source.addEventListener(name, ({ lastEventId }) => {
      events.push(name)
      ids.push(Number(lastEventId))
    })
  // It reports the end of each connection as an error, and is closed after the last one.
  while (source.readyState !== EventSource.CLOSED) await once(source, 'error')
  return { statuses, events, ids }
}

const ways = ['direct', ...(hasNginx ? (['documented', 'plain'] as const) : [])] as const

test.each(ways)('an EventSource gets each event once and stops after done (%s)', { timeout: 120_000 }, async (way) => {
  const { api } = await startStack()
  const url = way === 'direct' ? api.url : await startNginx(api.url, way)
  const job = await submit(url, 'sleep', { duration_ms: 600, steps: 3 })
  const flow = await send<{ id: string }>('POST', `${url}/v1/flows`, {
    body: {
      flow: {
        chain: [
          { type: 'echo', input: 1 },
          { type: 'sleep', input: { duration_ms: 300 } },
        ],
      },
    },
  })
  const names = ['snapshot', 'state', 'progress', 'member', 'done']
  const [ofJob, again, ofFlow] = await Promise.all([
    listen(`${url}/v1/jobs/${job.body.id}/events`, names),
    // The URL asks for a place, which the EventSource repeats when it reconnects.
    listen(`${url}/v1/jobs/${job.body.id}/events?after=0`, names),
    listen(`${url}/v1/flows/${flow.body.id}/events`, names),
  ])
  for (const { statuses, events, ids } of [ofJob, again, ofFlow]) {
    expect(statuses).toEqual([200, 204])
    expect([events[0], events.at(-1)]).toEqual(['snapshot', 'done'])
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  }
  expect(ofJob.events.filter((name) => name === 'progress')).toHaveLength(3)
  expect(ofFlow.events.filter((name) => name === 'member')).toHaveLength(2)
})
