import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { spawnRole, startStack } from '../../../helpers/stack.ts'

const job = { type: 'echo', input: { hello: 'you' } }

test('without a valid key nothing is read and nothing is done', async () => {
  const key = makeKey('acme')
  const late = makeKey('acme', ['read'], '2020-01-01T00:00:00Z')
  const { path } = await keysFile([key, late])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const wrong = [
    undefined,
    'Bearer',
    `Bearer ${key.id}`,
    `Bearer ${key.id}.`,
    `Bearer ${key.id}.${key.secret}x`,
    `Bearer nobody.${key.secret}`,
    `Basic ${key.id}.${key.secret}`,
    `Bearer __proto__.x`,
    late.headers.authorization,
  ]
  for (const authorization of wrong) {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
    const answer = await send<{ code: string }>('POST', `${api.url}/v1/jobs`, { body: job, headers })
    expect([answer.status, answer.body.code], String(authorization)).toEqual([401, 'unauthenticated'])
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  }
  for (const path of ['/v1/jobs', '/v1/jobs/io_x', '/v1/job-types', '/v1/queues', '/openapi.json', '/docs']) {
    expect((await send('GET', `${api.url}${path}`)).status, path).toBe(401)
  }
  for (const path of ['/livez', '/readyz']) expect((await send('GET', `${api.url}${path}`)).status, path).toBe(200)
  const good = await send('POST', `${api.url}/v1/jobs`, { body: job, headers: key.headers })
  expect(good.status).toBe(202)
  expect(JSON.stringify(api.logs) + api.stderr.join('')).not.toContain(key.secret)
})

test('a key allows what its scopes cover', async () => {
  const [submitter, reader, canceler, admin] = [
    makeKey('acme', ['submit']),
    makeKey('acme', ['read']),
    makeKey('acme', ['cancel']),
    makeKey('acme', ['admin']),
  ]
  const { path } = await keysFile([submitter, reader, canceler, admin])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path, PUBLIC_ENDPOINTS: 'docs' } })
  const submitted = await send<JobResource>('POST', `${api.url}/v1/jobs`, { body: job, headers: submitter.headers })
  const self = `${api.url}/v1/jobs/${submitted.body.id}`
  const calls: [string, string, string][] = [
    ['submit', 'POST', `${api.url}/v1/jobs`],
    ['read', 'GET', self],
    ['read', 'GET', `${api.url}/v1/jobs`],
    ['read', 'GET', `${api.url}/v1/queues`],
    ['admin', 'POST', `${api.url}/v1/queues/io/pause`],
    ['admin', 'POST', `${api.url}/v1/queues/io/resume`],
    ['cancel', 'POST', `${self}/cancel`],
    ['submit', 'POST', `${self}/retry`],
  ]
  for (const [scope, method, url] of calls) {
    for (const key of [submitter, reader, canceler, admin]) {
      const may = key.entry.scopes.includes(scope as 'read') || key === admin
      const body = url.endsWith('/v1/jobs') && method === 'POST' ? job : undefined
      const answer = await send<{ code: string }>(method, url, { body, headers: key.headers })
      const which = `${method} ${url} with ${key.entry.scopes.join()}`
      if (may) expect([401, 403], which).not.toContain(answer.status)
      else expect([answer.status, answer.body.code], which).toEqual([403, 'forbidden'])
    }
  }
  expect((await fetch(`${api.url}/docs`)).status).toBe(200)
  expect((await fetch(`${api.url}/openapi.json`)).status).toBe(200)
})

test('keys are reloaded while the API runs; an invalid file leaves them as they are', async () => {
  const [old, fresh] = [makeKey('acme'), makeKey('acme')]
  const file = await keysFile([old])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: file.path } })
  const status = async (key: typeof old) => (await send('GET', `${api.url}/v1/jobs`, { headers: key.headers })).status
  const becomes = (key: typeof old, wanted: number) =>
    vi.waitFor(async () => expect(await status(key)).toBe(wanted), { timeout: 30_000, interval: 50 })
  expect([await status(old), await status(fresh)]).toEqual([200, 401])
  await file.write([old, fresh])
  await becomes(fresh, 200)
  expect(await status(old)).toBe(200)
  await file.writeText('{ "keys": [')
  await vi.waitFor(
    () => expect(api.logs.some(({ msg }) => /failed to reload the API keys/.test(String(msg)))).toBe(true),
    5000,
  )
  expect([await status(old), await status(fresh)]).toEqual([200, 200])
  await file.write([fresh])
  await becomes(old, 401)
  expect(await status(fresh)).toBe(200)
})

test('an unusable file stops the boot with the places of its mistakes, without its content', async () => {
  const key = makeKey('acme')
  const { path, writeText } = await keysFile([key])
  const entry = { ...key.entry, hash: 'a secret', scopes: ['everything'] }
  await writeText(JSON.stringify({ keys: [entry, key.entry, key.entry] }))
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', API_KEYS_FILE: path })
  expect(await role.ended).toBe(1)
  const [line = ''] = role.stderr
  expect(line).toMatch(/^drover api: API_KEYS_FILE: keys\.0\.hash: must be the SHA-256/)
  expect(line).toContain('keys.0.scopes.0')
  expect(line).not.toContain('a secret')
  const missing = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', API_KEYS_FILE: '/nowhere/keys.json' })
  expect(await missing.role.ended).toBe(1)
  expect(missing.role.stderr).toEqual(['drover api: API_KEYS_FILE: cannot be read (ENOENT)'])
})

test('npm run keys creates a key that works, and stores only its hash', async () => {
  const first = makeKey('acme', ['read'])
  const { path } = await keysFile([first], { acme: { max_queued: 5 } })
  const flags = ['--tenant', 'other', '--scopes', 'submit,read', '--file', path]
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'keys', '--', ...flags])
  const token = stdout.trim().split('\n').at(-1) ?? ''
  expect(token).toMatch(/^k[0-9a-f]{12}\.[\w-]{43}$/)
  const text = await readFile(path, 'utf8')
  expect(text).not.toContain(token.split('.')[1])
  expect(JSON.parse(text)).toMatchObject({
    keys: [first.entry, { tenant: 'other' }],
    tenants: { acme: { max_queued: 5 } },
  })
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const answer = await send('POST', `${api.url}/v1/jobs`, { body: job, headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(202)
})
