import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { hashSecret, type Scope, type TenantLimits } from '../../src/api/access/keys-file.ts'

/** An API key: its secret, and its entry in the file. */
export function makeKey(
  tenant: string,
  scopes: Scope[] = ['submit', 'read', 'cancel'],
  expiresAt: string | null = null,
  only: { types?: string[]; queues?: string[] } = {},
) {
  const id = `k${randomBytes(4).toString('hex')}`
  const secret = randomBytes(24).toString('base64url')
  const entry = { id, hash: hashSecret(secret), tenant, scopes, expires_at: expiresAt, ...only }
  return { id, secret, entry, headers: { authorization: `Bearer ${id}.${secret}` } }
}

type MadeKey = ReturnType<typeof makeKey>

/** A keys file that is removed after its test, or by what is passed to `onEnd`. `write` replaces its content. */
export async function keysFile(
  keys: MadeKey[],
  tenants: Record<string, TenantLimits> = {},
  onEnd: (remove: () => Promise<void>) => void = onTestFinished,
) {
  const folder = await mkdtemp(join(tmpdir(), 'drover-keys-'))
  onEnd(() => rm(folder, { recursive: true }))
  const path = join(folder, 'keys.json')
  const writeText = (text: string) => writeFile(path, text)
  const write = (next: MadeKey[], limits: Record<string, TenantLimits> = {}) =>
    writeText(JSON.stringify({ keys: next.map(({ entry }) => entry), tenants: limits }))
  await write(keys, tenants)
  return { path, write, writeText }
}
