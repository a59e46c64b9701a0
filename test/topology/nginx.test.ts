import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watch } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { patience } from '../ledger/scenario.ts'
import { hasNginx, startNginx } from './nginx.ts'

const longJob = { type: 'sleep', input: { duration_ms: 30_000 } }

describe('behind nginx', () => {
  beforeEach(({ skip }) => skip(!hasNginx, 'nginx is not installed (apt: nginx-light)'))

  test.each(['documented', 'plain'] as const)('events of a job arrive while it runs (%s)', patience, async (as) => {
    const { api } = await startStack()
    const proxy = await startNginx(api.url, as)
    const { body: job } = await submit(proxy, longJob.type, longJob.input)
    const seen: string[] = []
    for await (const { event } of watch(proxy, job.id)) {
      seen.push(event)
      // What nginx buffers would arrive with the end of the job only, which comes after this event.
      if (event === 'snapshot') await send('POST', `${api.url}/v1/jobs/${job.id}/cancel`)
    }
    expect(seen[0]).toBe('snapshot')
    expect(seen.at(-1)).toBe('done')
    expect((await read(api.url, job.id)).body.state).toBe('canceled')
  })

  test.each(['documented', 'plain'] as const)(
    'results of a flow arrive as its members end (%s)',
    patience,
    async (as) => {
      const { api } = await startStack()
      const proxy = await startNginx(api.url, as)
      const flow = { gather: [longJob, { type: 'echo', input: 'first' }], on_failure: 'continue' }
      const { body } = await send<{ id: string }>('POST', `${proxy}/v1/flows`, { body: { flow } })
      const results = await fetch(`${proxy}/v1/flows/${body.id}/results`, {
        headers: { accept: 'application/x-ndjson' },
      })
      const states: string[] = []
      for await (const text of results.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        states.push(...Array.from(text.matchAll(/"state":"(\w+)"/g), ([, state = '']) => state))
        if (states.length === 1) await send('POST', `${api.url}/v1/flows/${body.id}/cancel`)
      }
      expect(states).toEqual(['succeeded', 'canceled'])
    },
  )

  test('a stream stays open although its job is silent for longer than the read timeout', patience, async () => {
    const { api } = await startStack()
    const proxy = await startNginx(api.url, 'documented', '18s')
    const { body: job } = await submit(proxy, 'sleep', { duration_ms: 20_000 })
    const events = await Array.fromAsync(watch(proxy, job.id))
    expect(events.map(({ event }) => event)).toEqual(['snapshot', 'progress', 'state', 'done'])
  })

  test('a submission whose answer the proxy gave up is found again by its key', patience, async () => {
    const { api } = await startStack()
    const proxy = await startNginx(api.url, 'documented', '1s')
    const key = { 'idempotency-key': randomUUID() }
    const request = { method: 'POST', headers: { 'content-type': 'application/json', prefer: 'wait=50', ...key } }
    const lost = await fetch(`${proxy}/v1/jobs`, { ...request, body: JSON.stringify(longJob) })
    expect(lost.status).toBe(504)
    const again = await send<JobResource>('POST', `${proxy}/v1/jobs`, { body: longJob, headers: key })
    expect(again).toMatchObject({ status: 202, body: { type: 'sleep' } })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const { body: all } = await send<{ items: { id: string }[] }>('GET', `${proxy}/v1/jobs`)
    expect(all.items.map(({ id }) => id)).toEqual([again.body.id])
    await send('POST', `${proxy}/v1/jobs/${again.body.id}/cancel`)
    expect((await read(api.url, again.body.id, 10)).body.state).toBe('canceled')
  })

  test('problems pass unchanged, and bodies up to the limit of the API', patience, async () => {
    const { api } = await startStack()
    const proxy = await startNginx(api.url, 'documented')
    const unknown = await send<{ code: string }>('GET', `${proxy}/v1/jobs/io_01k00000000000000000000000`)
    expect(unknown).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
    expect(unknown.headers.get('content-type')).toContain('application/problem+json')
    const large = await submit(proxy, 'echo', 'x'.repeat(4_000_000), { waitS: 20 })
    expect(large).toMatchObject({ status: 200, body: { state: 'succeeded' } })
  })
})
