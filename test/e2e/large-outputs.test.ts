import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { JobQueue } from '../../src/queue/store/job-queue.ts'
import { type Answer, read, send, submit, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Reads an output as bytes. */
async function readOutput(apiUrl: string, id: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(`${apiUrl}/v1/jobs/${id}/output`, { method, headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** A job type per executor that returns `bytes` letters. */
async function repeatJobs(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const runsOn of ['event-loop', 'thread', 'process']) {
    const text = `
      import { defineJob } from 'drover'
      import { z } from 'zod'
      export default defineJob({
        type: 'repeat-${runsOn}', title: 'Repeat', runsOn: '${runsOn}',
        input: z.object({ text: z.string(), times: z.int() }), output: z.string(),
        run: async ({ text, times }) => text.repeat(times),
      })`
    await writeFile(join(dir, `repeat-${runsOn}.ts`), text)
  }
  return dir
}

test('a large output is read from its own resource, complete and in ranges', async () => {
  const { api } = await startStack({ env: { JOBS_DIR: await repeatJobs() } })
  for (const runsOn of ['event-loop', 'thread', 'process']) {
    // Three bytes per character, so that pieces end within a character.
    const expected = JSON.stringify('€'.repeat(300_000))
    const { body: accepted } = await submit(api.url, `repeat-${runsOn}`, { text: '€', times: 300_000 })
    const events = await watchToEnd(api.url, accepted.id)
    const shown = { state: 'succeeded', output: null, output_bytes: 900_002 }
    expect(events.at(-1)).toMatchObject({ event: 'done', data: shown })
    const { body } = await read(api.url, accepted.id, 10)
    expect(body).toMatchObject({ ...shown, links: { output: `/v1/jobs/${body.id}/output` } })
    const whole = await readOutput(api.url, body.id)
    expect(whole.status).toBe(200)
    expect(whole.text === expected).toBe(true)
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': '900002',
      'accept-ranges': 'bytes',
    })
  }
})

test('any range of an output can be read, inline or stored beside its job', async () => {
  const { api } = await startStack({ env: { INLINE_OUTPUT_BYTES: '1000' } })
  for (const length of [600_000, 100]) {
    const input = Array.from({ length: length / 2 }, (_, n) => String.fromCharCode(97 + (n % 26))).join('')
    const { body } = await submit(api.url, 'echo', input, { waitS: 10 })
    const json = Buffer.from(JSON.stringify(body.output ?? input))
    expect(body.output_bytes).toBe(length === 100 ? null : json.length)
    const size = json.length
    const parts: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      [`bytes=${size - 5}-`, size - 5, size],
      ['bytes=-7', size - 7, size],
      [`bytes=-${size * 2}`, 0, size],
      [`bytes=3-${size * 2}`, 3, size],
      ['bytes=0-', 0, size],
    ]
    if (size > 270_000) parts.push(['bytes=262143-262144', 262_143, 262_145], ['bytes=262144-262144', 262_144, 262_145])
    for (const [range, from, to] of parts) {
      const part = await readOutput(api.url, body.id, { range })
      expect([part.status, part.headers.get('content-range'), part.headers.get('content-length')], range).toEqual([
        206,
        `bytes ${from}-${to - 1}/${size}`,
        String(to - from),
      ])
      expect(part.text === json.subarray(from, to).toString(), range).toBe(true)
    }
    for (const ignored of ['bytes=5-3', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'nonsense']) {
      expect((await readOutput(api.url, body.id, { range: ignored })).status, ignored).toBe(200)
    }
    for (const beyond of [`bytes=${size}-`, 'bytes=-0']) {
      const refused = await readOutput(api.url, body.id, { range: beyond })
      expect([refused.status, refused.headers.get('content-range')], beyond).toEqual([416, `bytes */${size}`])
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'range_not_satisfiable' })
    }
    const etag = (await readOutput(api.url, body.id)).headers.get('etag') ?? ''
    expect((await readOutput(api.url, body.id, { 'if-none-match': etag })).status).toBe(304)
    const resumed = { range: 'bytes=1-2', 'if-range': etag }
    expect((await readOutput(api.url, body.id, resumed)).status).toBe(206)
    expect((await readOutput(api.url, body.id, { ...resumed, 'if-range': '"other"' })).status).toBe(200)
    const head = await readOutput(api.url, body.id, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), head.text]).toEqual([200, String(size), ''])
  }
})

test('the output of a job without one is answered with the reason', async () => {
  const { api } = await startStack()
  const outputOf = (id: string) => send('GET', `${api.url}/v1/jobs/${id}/output`)
  const waiting = await submit(api.url, 'echo', 1, { delay_ms: 60_000 })
  expect(await outputOf(waiting.body.id)).toMatchObject({ status: 409, body: { code: 'job_not_done' } })
  const failed = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })
  expect(await outputOf(failed.body.id)).toMatchObject({ status: 409, body: { code: 'job_has_no_output' } })
  expect(await outputOf('nope')).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  const nothing = await submit(api.url, 'echo', null, { waitS: 10 })
  expect(await outputOf(nothing.body.id)).toMatchObject({ status: 200, body: null })
})

test('an output beyond the limit fails its job, an input beyond it is refused; both name the limit', async () => {
  const { api } = await startStack({ env: { OUTPUT_LIMIT_BYTES: '300000', BODY_LIMIT_BYTES: '400000' } })
  const { body } = await submit(api.url, 'echo', 'x'.repeat(300_000), { waitS: 10, attempts: 3 })
  expect(body).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'invalid_output', retryable: false } })
  expect(body.error?.message).toContain('300000')
  const fits = await submit(api.url, 'echo', 'x'.repeat(299_998), { waitS: 10 })
  expect(fits.body).toMatchObject({ state: 'succeeded', output_bytes: 300_000 })
  const refused = await submit(api.url, 'echo', 'x'.repeat(400_000))
  expect(refused).toMatchObject({ status: 413, body: { code: 'payload_too_large' } })
  expect(JSON.stringify(refused.body)).toContain('400000')
})

test('a stored output is removed with its job, by deletion or retention', async () => {
  const { api, env } = await startStack({ env: { INLINE_OUTPUT_BYTES: '0', RESULT_TTL_MS: '2000' } })
  const redis = await redisClient()
  const outputs = () => redis.keys(`${env['KEY_PREFIX']}:*:output`)
  const deleted = await submit(api.url, 'echo', 'a', { waitS: 10 })
  const swept = await submit(api.url, 'echo', 'b', { waitS: 10 })
  expect(await outputs()).toHaveLength(2)
  await send('DELETE', `${api.url}/v1/jobs/${deleted.body.id}`)
  expect(await outputs()).toEqual([expect.stringContaining(swept.body.id)])
  await waitFor('the sweep', outputs, (left) => left.length === 0)
})

test('an output that was stored for another end of its job is ignored', async () => {
  const { api, env, addWorker } = await startStack({ workers: 0, env: { INLINE_OUTPUT_BYTES: '10' } })
  const redis = await redisClient()
  const jobKeys = async (id: string) => {
    const [job = ''] = await redis.keys(`${env['KEY_PREFIX']}:*:${id}`)
    return { job, output: `${job}:output` }
  }
  const leave = async (id: string) => {
    const { job, output } = await jobKeys(id)
    await redis.hset(output, { name: 'left', 0: '"left"' })
    // As a worker leaves it that crashed between storing the output and the end.
    await redis.hset(job, { outputName: 'left', outputBytes: 6, ats: 1 })
    return output
  }
  const small = await submit(api.url, 'echo', 'left')
  const canceled = await submit(api.url, 'echo', 'left')
  const large = await submit(api.url, 'echo', 'not what is left')
  const left = await Promise.all([small, canceled, large].map(({ body }) => leave(body.id)))
  await send('POST', `${api.url}/v1/jobs/${canceled.body.id}/cancel`)
  await addWorker()
  expect((await read(api.url, small.body.id, 10)).body).toMatchObject({ output: 'left', output_bytes: null })
  expect((await read(api.url, large.body.id, 10)).body).toMatchObject({ output: null, output_bytes: 18 })
  expect((await readOutput(api.url, large.body.id)).text).toBe('"not what is left"')
  expect(await Promise.all(left.map((key) => redis.exists(key)))).toEqual([0, 0, 1])
})

test('a partly stored output of a killed worker does not reach the next attempt', async () => {
  const dir = await repeatJobs()
  const { api, env, workers, addWorker } = await startStack({ env: { JOBS_DIR: dir, LOCK_MS: '2000' } })
  const redis = await redisClient()
  const { body } = await submit(api.url, 'repeat-event-loop', { text: '0123456789', times: 6_000_000 })
  const output = `${env['KEY_PREFIX']}:{io}:io:${body.id}:output`
  await waitFor('the first piece', () => redis.exists(output), Boolean, { everyMs: 1 })
  workers[0]?.signal('SIGKILL')
  await workers[0]?.ended
  expect((await read(api.url, body.id)).body).toMatchObject({ state: 'running', output_bytes: null })
  const [torn, pieces] = [await redis.hget(output, 'name'), await redis.hlen(output)]
  expect(pieces).toBeLessThan(1 + 229)
  await addWorker()
  expect((await read(api.url, body.id, 15)).body).toMatchObject({ state: 'succeeded', output_bytes: 60_000_002 })
  expect(await redis.hget(output, 'name')).not.toBe(torn)
  expect((await readOutput(api.url, body.id)).text.length).toBe(60_000_002)
})

test('a reader whose job is deleted meanwhile is disconnected and receives nothing wrong', async () => {
  const { api } = await startStack({ env: { JOBS_DIR: await repeatJobs() } })
  const { body } = await submit(api.url, 'repeat-thread', { text: '0123456789', times: 5_000_000 }, { waitS: 15 })
  expect(body.output_bytes).toBe(50_000_002)
  const response = await fetch(`${api.url}/v1/jobs/${body.id}/output`)
  const reader = response.body?.getReader()
  expect((await reader?.read())?.value?.length).toBeGreaterThan(0)
  expect((await send('DELETE', `${api.url}/v1/jobs/${body.id}`)).status).toBe(204)
  const readOn = async () => {
    while (!(await reader?.read())?.done);
  }
  await expect(readOn()).rejects.toThrow('terminated')
  expect((await readOutput(api.url, body.id)).status).toBe(404)
})

test('flows and webhooks read an output as a value, wherever it is stored', async () => {
  const { api, env } = await startStack({ env: { INLINE_OUTPUT_BYTES: '1000' } })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  for (const input of [{ small: 1 }, { large: '€'.repeat(200_000) }]) {
    const { body } = await submit(api.url, 'echo', input, { waitS: 10 })
    expect(await queue.readOutput({ queue: 'io', id: body.id })).toEqual({ value: input })
  }
  const { body } = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })
  expect(await queue.readOutput({ queue: 'io', id: body.id })).toBeUndefined()
})

test('a stored output is not mistaken for an output that looks like its name', async () => {
  const { api } = await startStack()
  const name = randomUUID()
  const { body } = await submit(api.url, 'echo', name, { waitS: 10 })
  expect<Partial<JobResource>>(body).toMatchObject({ output: name, output_bytes: null })
})

interface Page {
  items: JobResource[]
  next_cursor: string | null
}

test('a list of jobs with large inputs is short, and has them all', async () => {
  const { api } = await startStack({ workers: 0 })
  const ids: string[] = []
  for (let n = 0; n < 5; n++) {
    const { body } = await submit(api.url, 'echo', 'x'.repeat(n === 2 ? 10 : 3_000_000), { delay_ms: 600_000 })
    ids.unshift(body.id)
  }
  let characters = 0
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const url = `${api.url}/v1/jobs${cursor && `?cursor=${cursor}`}`
    const page: Answer<Page> = await send<Page>('GET', url)
    expect(page.status).toBe(200)
    characters += JSON.stringify(page.body).length
    seen.push(...page.body.items.map(({ id }) => id))
    cursor = page.body.next_cursor
  }
  expect(seen).toEqual(ids)
  expect(characters).toBeLessThan(10_000)
})
