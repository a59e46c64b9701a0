import type { CommandContext } from '@stricli/core'
import { type FormatFlags, writeRows } from '../output.ts'
import { readExistingKeys } from './change-keys-file.ts'
import { keysPath, noKeysFile } from './keys-path.ts'

const fields = ['id', 'tenant', 'scopes', 'expires_at', 'state'] as const

/** Lists the keys of the keys file. @returns what is wrong, as an Error */
export async function listKeys(
  this: CommandContext,
  { file, ...format }: { file?: string | undefined } & FormatFlags,
): Promise<Error | undefined> {
  const path = keysPath(file)
  if (path === undefined) return new Error(noKeysFile)
  const keys = await readExistingKeys(path)
  if (keys instanceof Error) return keys
  const now = Date.now()
  const rows = keys.map(({ id, tenant, scopes, expires_at: expiresAt }) => ({
    id,
    tenant,
    scopes: scopes.join(','),
    expires_at: expiresAt ?? 'never',
    state: expiresAt !== null && Date.parse(expiresAt) <= now ? 'expired' : 'valid',
  }))
  writeRows(this, format, fields, rows)
  return undefined
}
