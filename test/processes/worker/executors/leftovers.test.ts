import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadJob } from '../../../../src/jobs/registry.ts'
import type { Executors } from '../../../../src/worker/executors/create-executors.ts'
import { serve } from '../../../helpers/local-site.ts'
import { findPlace, loadFixture, openExecutors, outputOf, poolKinds, start, until } from './harness.ts'

type Kind = (typeof poolKinds)[number]

const place = z.object({
  host: z.string(),
  json: z.string().optional(),
  extra: z.boolean().optional(),
  environment: z.record(z.string(), z.string()).optional(),
})

async function leave(executors: Executors, kind: Kind, way: string, afterMs = 0) {
  return place.parse(await outputOf(start(executors.for(kind), await loadFixture('leave-behind'), { way, afterMs })))
}

const leftovers = [
  'interval',
  'late exception',
  'late rejection',
  'server',
  'replaced method',
  'changed getter',
  'added property',
  'removed property',
  'global variable',
  'replaced global',
  'patched module',
  'listener',
  'uncaught listener',
  'memory',
]

describe.each(poolKinds)('a %s', (kind) => {
  test.each([...leftovers, ...(kind === 'process' ? ['directory', 'umask', 'exit code'] : [])])(
    'is replaced after a run that leaves behind: %s',
    async (way) => {
      const { executors, lines } = openExecutors()
      const first = await leave(executors, kind, way)
      const second = await leave(executors, kind, 'nothing')
      expect(second.host).not.toBe(first.host)
      expect(second).toMatchObject({ json: '[1]', extra: false })
      expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
        { fields: { type: 'leave-behind' }, message: expect.stringContaining('left something behind') },
      ])
    },
  )

  test.each(['nothing', 'environment', 'ended timer', 'output', 'lazy global', 'closing server', 'restored method'])(
    'is reused after a run that is clean: %s',
    async (way) => {
      const { executors } = openExecutors()
      const first = await leave(executors, kind, way)
      expect((await leave(executors, kind, way)).host).toBe(first.host)
      expect((await leave(executors, kind, 'nothing')).host).toBe(first.host)
    },
  )

  test('has its environment restored after a run', async () => {
    const { executors } = openExecutors()
    const { environment } = await leave(executors, kind, 'nothing')
    await leave(executors, kind, 'environment')
    expect((await leave(executors, kind, 'nothing')).environment).toEqual(environment)
  })

  test('is reused after a run that fetched, with its connection kept alive', async () => {
    const { executors } = openExecutors({ allowCidrs: ['127.0.0.0/8'] })
    const site = await serve((_request, response) => response.end('hello'))
    const first = await findPlace(executors.for(kind))
    await outputOf(start(executors.for(kind), await loadFixture('fetch-text'), { url: site.url }))
    expect((await findPlace(executors.for(kind))).host).toBe(first.host)
  })

  test.each(['unseen exception', 'unseen rejection'])(
    'with an error of an earlier run does not fail the current one: %s',
    async (way) => {
      const { executors, lines } = openExecutors()
      const first = await leave(executors, kind, way)
      const second = await leave(executors, kind, 'nothing', 300)
      expect(second.host).toBe(first.host)
      expect(lines.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('code of an earlier job failed'),
      )
      expect((await leave(executors, kind, 'nothing')).host).not.toBe(first.host)
    },
  )

  test('that code of an earlier run ends runs the current job again in a new one', async () => {
    const { executors } = openExecutors()
    const first = await leave(executors, kind, 'unseen exit')
    const run = start(executors.for(kind), await loadFixture('leave-behind'), { way: 'nothing', afterMs: 300 })
    const second = place.parse(await outputOf(run))
    expect(second.host).not.toBe(first.host)
    expect(run.logged()).toEqual(['started', 'started'])
  })

  test('is replaced when an earlier run fails while no job runs', async () => {
    const { executors, lines } = openExecutors()
    const first = await leave(executors, kind, 'unseen exception')
    await until(() => lines.some(({ message }) => message.includes('code of an earlier job failed')))
    expect((await leave(executors, kind, 'nothing')).host).not.toBe(first.host)
  })

  test('in which a job file has changed globals at import serves only this job type', async () => {
    const { executors } = openExecutors()
    const patching = await loadFixture('patch-at-import')
    const hostOf = async () => place.parse(await outputOf(start(executors.for(kind), patching))).host
    const first = await hostOf()
    expect(await hostOf()).toBe(first)
    expect((await leave(executors, kind, 'nothing')).host).not.toBe(first)
  })

  test('serves one run if the isolation is fresh', async () => {
    const { executors } = openExecutors()
    const shared = await leave(executors, kind, 'nothing')
    const hosts = [shared.host]
    const fresh = { ...(await loadFixture('leave-behind', { isolation: 'fresh' })) }
    for (const _ of [1, 2]) {
      hosts.push(place.parse(await outputOf(start(executors.for(kind), fresh, { way: 'nothing' }))).host)
    }
    hosts.push((await leave(executors, kind, 'nothing')).host)
    expect(new Set(hosts).size).toBe(4)
  })
})

test.each([
  ['count-primes', 'thread', { limit: 1000 }],
  [
    'resize-image',
    'process',
    {
      width: 1,
      data_base64: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP6DwABBQECz6AuzQAAAABJRU5ErkJggg==',
    },
  ],
] as const)('%s leaves nothing behind', async (type, kind, input) => {
  const { executors, lines } = openExecutors()
  const file = new URL(`../../../../src/jobs/catalog/${type}.ts`, import.meta.url).pathname
  const loaded = { file, job: await loadJob(file) }
  for (const _ of [1, 2]) await outputOf(start(executors.for(kind), loaded, input))
  expect(lines).toEqual([])
})
