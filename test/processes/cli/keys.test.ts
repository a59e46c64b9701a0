import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { drover } from '../../helpers/run-drover.ts'

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-cli-'))
  path = join(folder, 'keys.json')
})
afterEach(() => rm(folder, { recursive: true }))

const isRoot = process.getuid?.() === 0

test('keys make prints the key alone on stdout, and the file holds its hash', async () => {
  const { code, stdout, stderr } = await drover(['keys', 'make', '--tenant', 'acme', '--file', path])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^k[0-9a-f]{12}\.[\w-]{43}\n$/)
  expect(stderr).toContain(`to ${path}. APIs that use the file accept it within a second.`)
  const text = await readFile(path, 'utf8')
  expect(text).not.toContain(stdout.trim().split('.')[1])
  expect(JSON.parse(text)).toMatchObject({ keys: [{ tenant: 'acme', scopes: ['submit', 'read', 'cancel'] }] })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['keys.json'])
})

test('without a subcommand, and with the file of the environment, keys makes one', async () => {
  const { code, stdout } = await drover(['keys', '--tenant', 'acme', '--scopes', 'read, admin'], {
    env: { API_KEYS_FILE: path },
  })
  expect(code).toBe(0)
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    keys: [{ id: stdout.split('.')[0], scopes: ['read', 'admin'] }],
  })
})

test('without a keys file the entry is printed beside the key', async () => {
  const { code, stdout, stderr } = await drover(['keys', '--tenant', 'acme'])
  expect(code).toBe(0)
  expect(stderr).toContain(`{"id":"${stdout.split('.')[0]}","hash":"`)
})

test('keys that are made at the same time are all there, or refused', async () => {
  const made = await Promise.all(
    Array.from({ length: 6 }, (_, n) => drover(['keys', '--tenant', `t${n}`, '--file', path])),
  )
  const ids = made.filter(({ code }) => code === 0).map(({ stdout }) => stdout.split('.')[0])
  expect(ids.length).toBeGreaterThan(0)
  const { keys }: { keys: { id: string }[] } = JSON.parse(await readFile(path, 'utf8'))
  expect(new Set(keys.map(({ id }) => id))).toEqual(new Set(ids))
  for (const { code, stderr } of made) if (code !== 0) expect(stderr).toContain('is being changed by another command')
})

test('keys list shows each key and whether it has expired, never a secret', async () => {
  await drover(['keys', '--tenant', 'acme', '--file', path])
  await drover(['keys', '--tenant', 'other', '--scopes', 'read', '--expires', '2020-01-01T00:00:00Z', '--file', path])
  const { code, stdout } = await drover(['keys', 'list', '--file', path, '--output', 'json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject([
    { tenant: 'acme', scopes: 'submit,read,cancel', expires_at: 'never', state: 'valid' },
    { tenant: 'other', scopes: 'read', expires_at: '2020-01-01T00:00:00Z', state: 'expired' },
  ])
  const table = (await drover(['keys', 'list', '--file', path])).stdout.split('\n')
  expect(table[0]).toMatch(/^id +tenant +scopes +expires at +state$/)
  expect(table).toHaveLength(4)
})

test('keys revoke removes keys, and none of them if one is unknown', async () => {
  const ids: string[] = []
  for (const tenant of ['a', 'b', 'c'])
    ids.push((await drover(['keys', '--tenant', tenant, '--file', path])).stdout.split('.')[0] ?? '')
  const [first = '', second = '', third = ''] = ids
  const refused = await drover(['keys', 'revoke', first, 'knone', '--file', path])
  expect([refused.code, refused.stderr]).toEqual([1, `drover: ${path} has no key knone\n`])
  expect((await drover(['keys', 'revoke', first, third, '--file', path])).code).toBe(0)
  const listed = JSON.parse((await drover(['keys', 'list', '--file', path, '--output', 'json'])).stdout)
  expect(listed).toMatchObject([{ id: second }])
  expect(await readdir(folder)).toEqual(['keys.json'])
})

test.skipIf(!isRoot)('a key that root makes leaves the file to the user that reads it', async () => {
  await chown(folder, 1000, 1000)
  await drover(['keys', '--tenant', 'acme', '--file', path])
  expect(await stat(path)).toMatchObject({ uid: 1000, gid: 1000 })
  await chown(path, 1001, 1002)
  await chmod(path, 0o640)
  await drover(['keys', '--tenant', 'acme', '--file', path])
  const { uid, gid, mode } = await stat(path)
  expect([uid, gid, mode & 0o777]).toEqual([1001, 1002, 0o640])
})

test.each([
  [['keys', 'make'], 2, '--tenant'],
  [['keys', '--tenant', 'a:b'], 1, '--tenant: must be 1 to 64 letters'],
  [['keys', '--tenant', 'a', '--scopes', 'everything'], 1, '--scopes: '],
  [['keys', '--tenant', 'a', '--expires', 'tomorrow'], 1, '--expires: '],
  [['keys', '--tenant', 'a', '--file', '/nowhere/keys.json'], 1, '/nowhere/keys.json: cannot be written (ENOENT)'],
  [['keys', 'list'], 1, 'name the keys file: --file, or API_KEYS_FILE'],
  [['keys', 'list', '--file', '/nowhere'], 1, '/nowhere: cannot be read (ENOENT)'],
  [['keys', 'lst'], 2, 'encountered "lst"'],
  [['kyes'], 2, 'there is no command "kyes"; did you mean `keys`?'],
  [['check', '--colour'], 2, '--colour'],
  [['check', '/nowhere'], 1, 'JOBS_DIR: "/nowhere" cannot be read (ENOENT)'],
] as const)('drover %j exits with %i and says why, without a stack', async (args, code, reason) => {
  const answer = await drover([...args])
  expect(answer.stderr).toContain(reason)
  expect([answer.code, answer.stdout]).toEqual([code, ''])
  expect(answer.stderr).not.toMatch(/^ +at /m)
  for (const line of answer.stderr.trim().split('\n')) expect(line).toMatch(/^drover: /)
})

test('a broken keys file is named with its mistakes, and stays as it is', async () => {
  await writeFile(path, '{ "keys": [{ "id": "x" }] }')
  const { code, stderr } = await drover(['keys', '--tenant', 'acme', '--file', path])
  expect(code).toBe(1)
  expect(stderr).toContain(`drover: ${path}: keys.0.hash: `)
  expect(await readFile(path, 'utf8')).toBe('{ "keys": [{ "id": "x" }] }')
  expect(await readdir(folder)).toEqual(['keys.json'])
})

test.each(
  [[], ['keys'], ['keys', 'make'], ['keys', 'list'], ['keys', 'revoke'], ['check'], ['dev'], ['api'], ['worker']].map(
    (words) => [words],
  ),
)('drover %j --help explains it', async (words) => {
  const { code, stdout, stderr } = await drover([...words, '--help'])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(new RegExp(`^USAGE\n  ${['drover', ...words].join(' ')}`))
})
