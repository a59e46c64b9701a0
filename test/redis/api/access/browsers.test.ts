import { Agent } from 'node:http'
import { expect, test } from 'vitest'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { sendOdd } from '../../../helpers/raw-request.ts'
import { spawnRole, startStack } from '../../../helpers/stack.ts'

const agent = new Agent()
const app = 'https://app.example.org'

async function startApi(env: Record<string, string> = {}) {
  const { api } = await startStack({ workers: 0, env })
  const call = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const answer = await sendOdd(agent, api.url, { method, path, headers })
    return { ...answer, code: answer.body.startsWith('{') ? JSON.parse(answer.body).code : undefined }
  }
  return { api, call, port: new URL(api.url).port }
}

test('without keys an API on loopback answers to loopback names alone', async () => {
  const { call, port } = await startApi({ ALLOWED_HOSTS: 'drover.test' })
  for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1:1', '127.9.9.9', `[::1]:${port}`, 'localhost.']) {
    expect((await call('GET', '/v1/queues', { host })).status, host).toBe(200)
  }
  for (const host of ['drover.test', `Drover.test:${port}`]) {
    expect((await call('GET', '/v1/queues', { host })).status, host).toBe(200)
  }
  const foreign = [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
  ]
  for (const host of foreign) {
    const answer = await call('GET', '/v1/queues', { host })
    expect([answer.status, answer.code], host).toEqual([403, 'host_not_allowed'])
    expect((await call('GET', '/nowhere', { host })).code).toBe('host_not_allowed')
    for (const path of ['/livez', '/readyz', '/metrics']) expect((await call('GET', path, { host })).status).toBe(200)
  }
})

test('with keys every host is answered, unless ALLOWED_HOSTS names some', async () => {
  const key = makeKey('acme')
  const { path } = await keysFile([key])
  const { call } = await startApi({ API_KEYS_FILE: path })
  expect((await call('GET', '/v1/queues', { ...key.headers, host: 'api.example.org' })).status).toBe(200)
  const named = await startApi({ API_KEYS_FILE: path, ALLOWED_HOSTS: 'api.example.org:8443' })
  expect((await named.call('GET', '/v1/queues', { ...key.headers, host: 'api.example.org:8443' })).status).toBe(200)
  expect((await named.call('GET', '/v1/queues', { ...key.headers, host: 'api.example.org' })).status).toBe(403)
})

test('without keys a page of another origin changes nothing', async () => {
  const { call, port } = await startApi()
  const own = `127.0.0.1:${port}`
  const foreign: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${Number(port) + 1}`, 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign) {
    for (const [method, path] of [
      ['POST', '/v1/queues/io/pause'],
      ['DELETE', '/v1/schedules/s1'],
    ] as const) {
      const answer = await call(method, path, { host: own, ...headers })
      expect([answer.status, answer.code], JSON.stringify(headers)).toEqual([403, 'cross_site_request'])
    }
  }
  const allowed: Record<string, string>[] = [{}, { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' }]
  for (const headers of allowed) {
    expect((await call('POST', '/v1/queues/io/pause', { host: own, ...headers })).status).toBe(200)
  }
  expect(JSON.parse((await call('GET', '/v1/queues/io', { host: own })).body)).toMatchObject({ paused: true })
})

test('the front ends of CORS_ORIGINS may call the API with a key, and others may not', async () => {
  const key = makeKey('acme')
  const { path } = await keysFile([key])
  const { call } = await startApi({ API_KEYS_FILE: path, CORS_ORIGINS: app })
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
  const asked = await call('OPTIONS', '/v1/jobs', { origin: app, ...preflight })
  expect(asked.status).toBe(204)
  expect(asked.headers).toMatchObject({
    'access-control-allow-origin': app,
    'access-control-allow-headers': 'authorization',
    'access-control-allow-methods': expect.stringContaining('POST'),
  })
  const read = await call('GET', '/v1/queues', { origin: app, ...key.headers })
  expect(read.status).toBe(200)
  expect(read.headers).toMatchObject({
    'access-control-allow-origin': app,
    'access-control-expose-headers': expect.stringContaining('location'),
    vary: expect.stringMatching(/origin/i),
  })
  const refused = await call('GET', '/v1/queues', { origin: app })
  expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, app])
  const other = await call('GET', '/v1/queues', { origin: 'https://evil.example', ...key.headers })
  expect(other.headers['access-control-allow-origin']).toBeUndefined()
})

test('every origin is allowed only with keys, and what is no origin or host ends the boot', async () => {
  const { env } = await startStack({ workers: 0 })
  const { role } = spawnRole('api', { ...env, CORS_ORIGINS: '*' })
  expect(await role.ended).toBe(1)
  expect(role.stderr.join('\n')).toMatch(/CORS_ORIGINS: \* .* needs keys/)
  const broken = spawnRole('api', { ...env, CORS_ORIGINS: 'https://app.example.org/', ALLOWED_HOSTS: 'http://x' }).role
  expect(await broken.ended).toBe(1)
  expect(broken.stderr.join('\n')).toMatch(
    /CORS_ORIGINS: .*is not an origin[^]*ALLOWED_HOSTS: .*is not a host|ALLOWED_HOSTS[^]*CORS_ORIGINS/,
  )
})
