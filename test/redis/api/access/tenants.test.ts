import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { FlowResource, MemberResource } from '../../../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

interface Document {
  paths: Record<string, Record<string, unknown>>
}

/** Two tenants, and a job of the first that has run. */
async function twoTenants() {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other])
  const stack = await startStack({ env: { API_KEYS_FILE: path } })
  const headers = { ...acme.headers, prefer: 'wait=50', 'idempotency-key': 'order-42' }
  const body = { type: 'echo', input: 1 }
  const done = await send<JobResource>('POST', `${stack.api.url}/v1/jobs`, { body, headers })
  expect(done.body.state).toBe('succeeded')
  const flow = await send<FlowResource>('POST', `${stack.api.url}/v1/flows`, {
    body: { flow: { gather: [body, body] } },
    headers: { ...acme.headers, prefer: 'wait=50' },
  })
  expect(flow.body.state).toBe('succeeded')
  return { ...stack, acme, other, job: done.body, flow: flow.body, body }
}

/** Calls of background work: sweeps, heartbeats, looks at queues. */
function isBackground(call: string): boolean {
  const looks =
    /^"(?:exists|zrange|zadd)" "\S+:(?:time-limits|webhook-debts|retention|completed|active|wait|held|workers)"/i
  const scripts = /^"eval(?:sha)?" .*" "\d+" "\S+:(?:time-limits|workers)"/i
  return (
    /sweep-lease|stalled-looker|^"bzpopmin"|_(?:schedules|stats|workers|operations)|\{flows\}/i.test(call) ||
    looks.test(call) ||
    scripts.test(call)
  )
}

/** The calls to Redis during `act`, without what changes from call to call. */
async function asked(prefix: string, act: () => Promise<unknown>): Promise<string[]> {
  const redis = await redisClient()
  // Not ioredis's monitor: it takes lines that come with the answer to MONITOR for answers.
  const { hostname, port } = new URL(inject('redisUrl'))
  const monitor = connect(Number(port), hostname)
  onTestFinished(() => void monitor.destroy())
  monitor.write('MONITOR\r\n')
  const lines: string[] = []
  const [begun, flushed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  createInterface({ input: monitor }).on('line', (line) => {
    const [, source, call = ''] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? []
    if (line === '+OK') begun.resolve()
    else if (/^"ping" "flush"$/i.test(call)) flushed.resolve()
    // A script is one call, whatever it does. Calls of background work (sweeps, heartbeats) do not count.
    else if (source !== 'lua' && call.includes(`"${prefix}`) && !isBackground(call)) lines.push(call)
  })
  await begun.promise
  await act()
  await redis.call('ping', 'flush')
  await flushed.promise
  // An answer does not wait for its UNSUBSCRIBE.
  const count = (command: string) => lines.filter((line) => line.startsWith(`"${command}" `)).length
  await waitFor(
    'all subscriptions to end',
    () => count('subscribe') - count('unsubscribe'),
    (open) => open === 0,
  )
  monitor.destroy()
  return lines
}

test.each(['jobs', 'flows'] as const)(
  'cross-tenant requests for %s return 404 on every route, with the same body and the same calls to Redis as for an unknown id',
  async (kind) => {
    const { api, env, acme, other, ...made } = await twoTenants()
    const job = kind === 'jobs' ? made.job : made.flow
    const { body: document } = await send<Document>('GET', `${api.url}/openapi.json`, { headers: other.headers })
    const routes = Object.entries(document.paths)
      // A replay needs the scope admin, which sees all tenants.
      .filter(([path]) => path.startsWith(`/v1/${kind}/{id}`) && !path.endsWith('/replay'))
      .flatMap(([path, item]) => Object.keys(item).map((method) => ({ method: method.toUpperCase(), path })))
    expect(routes.length).toBeGreaterThanOrEqual(5)
    const nobody = `${job.id.slice(0, -4)}0000`
    const ask = (method: string, path: string, id: string, headers: Record<string, string>) =>
      send(method, `${api.url}${path.replace('{id}', id).replace(/\{\w+\}/, 'x')}`, {
        headers: { ...other.headers, ...headers },
        ...(method === 'PATCH' && { body: { priority: 1 } }),
      })
    // The first call of a script on a connection takes its text along.
    for (const path of ['', '/explain']) {
      for (const made of [job.id, nobody])
        await send('GET', `${api.url}/v1/${kind}/${made}${path}`, { headers: acme.headers })
    }
    for (const { method, path } of routes) {
      for (const headers of [{}, { prefer: 'wait=5' }]) {
        const answers = new Map<string, unknown>()
        const calls = new Map<string, string[]>()
        for (const id of [job.id, nobody]) {
          const seen = await asked(env['KEY_PREFIX'] ?? '', async () => {
            const { status, body } = await ask(method, path, id, headers)
            answers.set(id, { status, body: JSON.stringify(body).replaceAll(id, 'ID') })
          })
          // Of two connections, either may be first. Background work may read the real ones meanwhile.
          const others = [made.job.id, made.flow.id].filter((real) => real !== id)
          const own = seen.filter((line) => !others.some((real) => line.includes(real)))
          calls.set(id, [...new Set(own.map((line) => line.replaceAll(id, 'ID')))].toSorted())
        }
        expect(answers.get(job.id), `${method} ${path}`).toMatchObject({ status: 404 })
        expect(answers.get(job.id)).toEqual(answers.get(nobody))
        expect(calls.get(job.id), `${method} ${path}`).toEqual(calls.get(nobody))
      }
    }
    const mine = await send<JobResource>('GET', job.links.self.replace(/^/, api.url), { headers: acme.headers })
    expect(mine.body.state).toBe('succeeded')
  },
)

test('lists and idempotency keys are separate for each tenant', async () => {
  const { api, acme, other, job, flow, body } = await twoTenants()
  const members = new Set(
    (
      await send<{ items: MemberResource[] }>('GET', `${api.url}${flow.links.results}`, { headers: acme.headers })
    ).body.items.map(({ id }) => id),
  )
  expect(members.size).toBe(2)
  const list = async (key: typeof acme) =>
    (await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs`, { headers: key.headers })).body.items
  expect((await list(acme)).map(({ id }) => id).filter((id) => !members.has(id))).toEqual([job.id])
  expect(await list(other)).toEqual([])
  const submitAs = (key: typeof acme) =>
    send<JobResource>('POST', `${api.url}/v1/jobs`, {
      body,
      headers: { ...key.headers, 'idempotency-key': 'order-42' },
    })
  const [again, theirs] = [await submitAs(acme), await submitAs(other)]
  expect([again.body.id, again.headers.get('idempotent-replayed')]).toEqual([job.id, 'true'])
  expect(theirs.body.id).not.toBe(job.id)
  expect(theirs.headers.get('idempotent-replayed')).toBeNull()
  expect((await list(other)).map(({ id }) => id)).toEqual([theirs.body.id])
})

test('when the jobs of tenants have expired, nothing of them is left in Redis', async () => {
  const { env, api, acme } = await twoTenants()
  const redis = await redisClient()
  const hashesLeft = async () => {
    const keys = await redis.keys(`${env['KEY_PREFIX']}*`)
    const index = await redis.zcard(`${env['KEY_PREFIX']}:{io}:index`)
    const ours = keys.filter((key) => /io_|claim/.test(key))
    const ttls = await Promise.all(ours.map((key) => redis.pttl(key)))
    // The id of a job with a key stays taken for half a minute.
    return [index, ...ours.filter((_, n) => !((ttls[n] ?? 0) > 0 && (ttls[n] ?? 0) <= 30_000))]
  }
  expect((await hashesLeft()).length).toBeGreaterThan(1)
  const { body } = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs`, { headers: acme.headers })
  for (const { id } of body.items) await send('DELETE', `${api.url}/v1/jobs/${id}`, { headers: acme.headers })
  expect(await hashesLeft()).toEqual([0])
})
