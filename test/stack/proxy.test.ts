import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../src/dev/free-ports.ts'
import { submit } from '../helpers/client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { ComposeStack } from './compose-stack.ts'
import { docker, noDocker, output } from './docker.ts'

if (noDocker !== undefined) console.log(`skipped: the proxy of the compose stack (${noDocker})`)

describe.skipIf(noDocker !== undefined)('the compose stack behind its proxy', () => {
  let stack: ComposeStack
  let folder = ''
  let [port, tlsPort] = [0, 0]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-tls-'))
    const tls = join(folder, 'tls')
    await output('scripts/make-certificate.sh', [tls])
    ;[port = 0, tlsPort = 0] = await freePorts(2)
    const ports = { DROVER_PORT: '', PROXY_PORT: String(port), PROXY_TLS_PORT: String(tlsPort) }
    stack = await ComposeStack.build({ ...ports, TLS_FOLDER: tls }, ['docker-compose.proxy.yml'])
    await output('chmod', ['755', folder])
    await stack.compose('up', '--detach', '--scale', 'api=2', '--scale', 'worker-cpu=0')
    await waitFor(
      'the proxy and two APIs',
      async () => Promise.all((await stack.containers('api')).map((id) => stack.inspect(id))),
      (apis) => apis.length === 2 && apis.every(({ State }) => State.Health?.Status === 'healthy'),
      { withinMs: 90_000, everyMs: 250 },
    )
  })
  afterAll(async () => {
    await stack?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('serves TLS with the certificate of the folder', async () => {
    const args = ['--silent', '--cacert', join(folder, 'tls/cert.pem'), `https://localhost:${tlsPort}/readyz`]
    expect(JSON.parse(await output('curl', args))).toMatchObject({ status: 'ready' })
  })

  // The system resets a connection that arrives within the microseconds in which a listener closes. On a busy machine that may happen.
  test('an update of the API refuses no request', { retry: 1 }, async () => {
    const before = await stack.containers('api')
    const stop = new AbortController()
    const wrong: string[] = []
    let answered = 0
    const clients = Array.from({ length: 8 }, async () => {
      while (!stop.signal.aborted) {
        const sent = submit(`http://127.0.0.1:${port}`, 'echo', 1)
        const status = await sent.then((answer) => answer.status, String)
        if (status === 202) answered += 1
        else wrong.push(String(status))
      }
    })
    expect(await stack.script('scripts/update-api.sh')).toContain('replaced 2')
    stop.abort()
    await Promise.all(clients)
    expect(wrong).toEqual([])
    const after = await stack.containers('api')
    expect(after).toHaveLength(2)
    expect(after.filter((id) => before.includes(id))).toEqual([])
    console.log(`update of two containers: ${answered} requests, 0 errors`)
  })

  test('keys and job files are handled by the image itself', async () => {
    const [id = ''] = await stack.containers('api')
    expect(await docker('exec', id, 'drover', 'check')).toMatch(/^count-primes +cpu +thread/m)
    const keys = join(folder, 'keys')
    await output('mkdir', ['-m', '777', keys])
    const run = ['run', '--rm', '--volume', `${keys}:/drover/keys`, 'drover-stack-test']
    const key = await docker(...run, 'keys', '--tenant', 'acme', '--file', 'keys/keys.json')
    expect(key).toMatch(/^k[0-9a-f]{12}\.[\w-]{43}$/)
    const listed = await docker(...run, 'keys', 'list', '--file', 'keys/keys.json', '--output', 'json')
    expect(JSON.parse(listed)).toMatchObject([{ tenant: 'acme', state: 'valid' }])
  })

  test('the image has labels, no npm, and at most 270 MB', async () => {
    const [image] = JSON.parse(await docker('image', 'inspect', 'drover-stack-test'))
    expect(image.Config.Labels).toMatchObject({ 'org.opencontainers.image.title': 'Drover' })
    expect(image.Size).toBeLessThan(270_000_000)
    await expect(docker('run', '--rm', '--entrypoint', 'npm', 'drover-stack-test', '--version')).rejects.toThrow(
      'not found',
    )
    console.log(`the image has ${Math.round(image.Size / 1e6)} MB`)
  })

  test('docker stop ends a role by itself', async () => {
    for (const role of ['api', 'worker']) {
      const id = await docker(
        ...['run', '--detach', '--init', '--env', 'REDIS_URL=redis://127.0.0.1:1', '--env', 'ALLOW_ANONYMOUS=1'],
        ...['drover-stack-test', role],
      )
      await waitFor(
        'the wait for Redis',
        () => docker('logs', id),
        (logs) => logs.includes('waiting for Redis'),
        { withinMs: 30_000 },
      )
      await docker('stop', id)
      expect((await stack.inspect(id)).State.ExitCode, role).toBe(0)
      await docker('rm', id)
    }
  })
})
