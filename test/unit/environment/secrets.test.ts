import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { jobEnvironment, removeSecrets } from '../../../src/environment/secrets.ts'
import { workerVariables } from '../../../src/environment/worker-variables.ts'
import { EnvironmentError, readEnvironment } from '../../../src/environment.ts'

const dir = mkdtempSync(join(tmpdir(), 'drover-secrets-'))
afterAll(() => rmSync(dir, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

const read = (env: Record<string, string>) => readEnvironment(workerVariables, env)

test('secrets come from files', () => {
  const config = read({
    REDIS_URL_FILE: file('redis', '\ufeffredis://user:secret@redis:6379\n'),
    WEBHOOK_SECRETS_FILE: file('webhooks', `whsec_${'a'.repeat(40)}\n`),
  })
  expect(config.REDIS_URL).toBe('redis://user:secret@redis:6379')
  expect(config.WEBHOOK_SECRETS).toHaveLength(1)
})

test.each<[string, Record<string, string>, string[]]>([
  [
    'missing',
    { REDIS_URL_FILE: join(dir, 'none') },
    [`REDIS_URL_FILE: "${join(dir, 'none')}" cannot be read (ENOENT)`],
  ],
  [
    'set beside its variable',
    { REDIS_URL: 'redis://x', REDIS_URL_FILE: '/dev/null' },
    ['REDIS_URL_FILE: is set, and REDIS_URL is set, too: set one of them'],
  ],
  [
    'with a bad value',
    { REDIS_URL: 'redis://x', WEBHOOK_SECRETS_FILE: file('bad', 'whsec_short') },
    ['WEBHOOK_SECRETS_FILE: entry 1 is not [<tenant>=]whsec_ and 24 to 64 bytes in base64'],
  ],
])('a file that is %s is a mistake that names its variable', (_name, env, lines) => {
  expect(() => read(env)).toThrow(new EnvironmentError(lines))
})

test('jobs get the allowed variables, and secrets are removed unless they are named', () => {
  const env = { PATH: '/bin', TZ: 'UTC', NODE_ENV: 'production', AWS_SECRET: 's', REDIS_URL: 'r', WEBHOOK_SECRETS: 'w' }
  expect(jobEnvironment(env, [])).toEqual({ PATH: '/bin', TZ: 'UTC', NODE_ENV: 'production' })
  expect(Object.keys(jobEnvironment(env, ['AWS_SECRET', 'REDIS_URL', 'ABSENT']))).toEqual(
    expect.arrayContaining(['AWS_SECRET', 'REDIS_URL']),
  )
  removeSecrets(env, ['REDIS_URL'])
  expect(Object.keys(env)).toEqual(['PATH', 'TZ', 'NODE_ENV', 'AWS_SECRET', 'REDIS_URL'])
})
