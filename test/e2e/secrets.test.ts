import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'

const showEnvironment = (runsOn: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'

  const atImport = Object.keys(process.env)

  export default defineJob({
    type: 'environment-of-${runsOn}',
    title: 'List the environment',
    runsOn: '${runsOn}',
    input: z.object({}),
    output: z.array(z.string()),
    run: async () => [...atImport, ...Object.keys(process.env)],
  })`

test('job code does not find the secrets of its worker in the environment', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const kinds = ['event-loop', 'thread', 'process']
  for (const kind of kinds) await writeFile(join(dir, `${kind}.ts`), showEnvironment(kind))

  const { api, addWorker } = await startStack({ workers: 0, env: { JOBS_DIR: dir } })
  const secrets = { WEBHOOK_SECRETS: `whsec_${'a'.repeat(40)}` }
  await addWorker({ ...secrets, WANTED: 'yes', OTHER: 'no', JOB_ENV: 'WANTED' })
  for (const kind of kinds) {
    const { body } = await submit(api.url, `environment-of-${kind}`, {}, { waitS: 20 })
    const names = body.output
    expect(names, kind).toEqual(expect.arrayContaining(['PATH', 'WANTED']))
    expect(names, kind).not.toEqual(expect.arrayContaining(['REDIS_URL']))
    expect(names, kind).not.toEqual(expect.arrayContaining(['WEBHOOK_SECRETS']))
    if (kind !== 'event-loop') expect(names, kind).not.toEqual(expect.arrayContaining(['OTHER']))
  }
})

test('a worker reads the address of Redis from a file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'drover-secret-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'redis-url')
  await writeFile(file, `${inject('redisUrl')}\n`)
  const { api, addWorker } = await startStack({ workers: 0 })
  await addWorker({ REDIS_URL: '', REDIS_URL_FILE: file })
  expect((await submit(api.url, 'echo', 1, { waitS: 20 })).body).toMatchObject({ state: 'succeeded', output: 1 })
})
