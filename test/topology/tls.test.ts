import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/dev/free-ports.ts'
import { send, submit } from '../helpers/client.ts'
import { canOwnRedis, type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { spawnRole, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { patience } from '../ledger/scenario.ts'
import { type Certificates, canMakeCertificates, makeCertificates } from './certificates.ts'

/** A server with an additional TLS port, whose certificate is signed by a private authority. */
async function startTlsRedis(): Promise<{ redis: OwnRedis; port: number; files: Certificates }> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-tls-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const files = await makeCertificates(dir)
  const [port = 0] = await freePorts(1)
  const settings = {
    'tls-port': String(port),
    'tls-cert-file': files.certificate,
    'tls-key-file': files.key,
    'tls-ca-cert-file': files.ca,
    'tls-auth-clients': 'no',
  }
  const redis = await startOwnRedis(Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]))
  onTestFinished(() => redis.close())
  return { redis, port, files }
}

test.skipIf(!canOwnRedis || !canMakeCertificates)(
  'jobs run over TLS with a private authority, by address and by name, and after a restart of Redis',
  patience,
  async () => {
    const { redis, port, files } = await startTlsRedis()
    const env = { REDIS_URL: `rediss://localhost:${port}/2`, REDIS_CA_FILE: files.ca }
    const { api, addApi } = await startStack({ env })
    expect(await submit(api.url, 'echo', 'by name', { waitS: 10 })).toMatchObject({ body: { output: 'by name' } })
    const byAddress = await addApi({ REDIS_URL: `rediss://127.0.0.1:${port}/2` })
    expect(await submit(byAddress.url, 'echo', 1, { waitS: 10 })).toMatchObject({ body: { output: 1 } })
    await redis.kill()
    await redis.start()
    await waitFor(
      'the API to be ready',
      () => send('GET', `${api.url}/readyz`),
      ({ status }) => status === 200,
    )
    expect(await submit(api.url, 'echo', 'after', { waitS: 10 })).toMatchObject({ body: { output: 'after' } })
  },
)

test.skipIf(!canOwnRedis || !canMakeCertificates)(
  'a server whose certificate no trusted authority signed is refused at boot, in one line with the reason',
  patience,
  async () => {
    const { port } = await startTlsRedis()
    for (const role of ['api', 'worker'] as const) {
      const { role: started } = spawnRole(role, { REDIS_URL: `rediss://user:secret@127.0.0.1:${port}` })
      expect(await started.ended).toBe(1)
      expect(started.stderr).toEqual([
        expect.stringMatching(/REDIS_URL: Redis cannot be used at rediss:\/\/127.* \(.*certificate/),
      ])
    }
  },
)

test('an invalid file of authorities is reported at boot', async () => {
  const server = 'rediss://127.0.0.1:1'
  const mistakes = [
    { env: { REDIS_URL: server, REDIS_CA_FILE: '/does/not/exist.pem' }, message: 'cannot be read (ENOENT)' },
    { env: { REDIS_URL: server, REDIS_CA_FILE: import.meta.filename }, message: 'holds no certificate' },
  ]
  for (const { env, message } of mistakes) {
    const { role } = spawnRole('api', env)
    expect(await role.ended).toBe(1)
    expect(role.stderr).toEqual([expect.stringContaining(`drover api: REDIS_CA_FILE: `)])
    expect(role.stderr[0]).toContain(message)
  }
})
