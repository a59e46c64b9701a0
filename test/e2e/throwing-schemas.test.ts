import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { send, submit } from '../helpers/client.ts'
import { echo, readFlow, results, sleep, submitFlow } from '../helpers/flows.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { spawnRole, startStack } from '../helpers/stack.ts'

const declare = (type: string, schema: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: '${type}',
    title: 'Parse',
    runsOn: 'event-loop',
    input: ${schema},
    output: z.unknown(),
    run: (input) => ({ input }),
  })`

const badItem = { type: 'from-text', input: { $item: '' } }
const fromText = `z.preprocess((v) => (typeof v === 'string' ? JSON.parse(v) : v), z.object({ a: z.number() }))`

async function jobsDir(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  return dir
}

test('a schema that throws refuses a submission and a schedule with 400, and fails a step of a flow with its pointer', async () => {
  const dir = await jobsDir({ 'from-text.ts': declare('from-text', fromText) })
  const { api } = await startStack({ env: { JOBS_DIR: dir } })
  const refusal = {
    status: 400,
    body: { code: 'invalid_request', errors: [{ pointer: '/input', detail: expect.stringContaining('SyntaxError') }] },
  }
  expect(await submit(api.url, 'from-text', '{bad')).toMatchObject(refusal)
  const schedule = { every_ms: 60_000, job: { type: 'from-text', input: '{bad' } }
  expect(await send('PUT', `${api.url}/v1/schedules/s1`, { body: schedule })).toMatchObject({ status: 400 })

  const bad = { type: 'from-text', input: { $output: '' } }
  const { body } = await submitFlow(api.url, {
    gather: [
      { chain: [echo('{bad'), bad] },
      { chain: [echo('{"a":1}'), bad] },
      { map: { over: ['{bad', '{"a":2}'], node: badItem, on_failure: 'continue' } },
    ],
    on_failure: 'continue',
  })
  expect((await readFlow(api.url, body.id, 20)).body).toMatchObject({ done: true })
  const members = await results(api.url, body.id)
  expect(members.map(({ state }) => state)).toEqual(['failed', 'succeeded', 'succeeded'])
  expect(members[0]?.error).toMatchObject({ code: 'invalid_input', message: expect.stringContaining('/input') })
})

test('an asynchronous schema ends the boot with the name of its file', async () => {
  const dir = await jobsDir({ 'late.ts': declare('late', 'z.string().refine(async () => true)') })
  const { env } = await startStack({ workers: 0 })
  for (const name of ['api', 'worker'] as const) {
    const { role } = spawnRole(name, { ...env, JOBS_DIR: dir })
    expect(await role.ended).toBe(1)
    expect(role.stderr.join('\n')).toMatch(/late\.ts: input: the schema is asynchronous/)
  }
})

test('a flow that cannot be driven fails in a bounded number of tries, and others go on', async () => {
  const { api, env } = await startStack({ env: { WORKER_QUEUES: 'io:10,cpu:1' } })
  const redis = await redisClient()
  const { body } = await submitFlow(api.url, { chain: [sleep(300), echo(1)] })
  // As a fault would leave it: the list of ends is of another kind.
  await redis.del(`${env['KEY_PREFIX']}:{flow:${body.id}}:order`)
  await redis.set(`${env['KEY_PREFIX']}:{flow:${body.id}}:order`, 'broken')
  const other = await submitFlow(api.url, { chain: [echo(1), echo(2)] }, { waitS: 15 })
  expect(other.body).toMatchObject({ state: 'succeeded' })
  // Without the tree, which the broken list belongs to.
  const { body: ended } = await send('GET', `${api.url}/v1/flows/${body.id}?tree=none`, {
    headers: { prefer: 'wait=40' },
  })
  expect(ended).toMatchObject({ state: 'failed', error: { code: 'internal_error' } })
}, 120_000)
