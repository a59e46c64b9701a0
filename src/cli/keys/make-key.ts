import { randomBytes } from 'node:crypto'
import type { CommandContext } from '@stricli/core'
import { hashSecret, type KeyEntry, keySchema } from '../../api/access/keys-file.ts'
import { changeKeysFile } from './change-keys-file.ts'
import { keysPath } from './keys-path.ts'

export interface MakeFlags {
  tenant: string
  scopes: string
  types?: string | undefined
  queues?: string | undefined
  expires?: string | undefined
  file?: string | undefined
}

/** Makes a key, adds it to the keys file if one is named, and prints it once. @returns the mistakes, one line each, as an Error */
export async function makeKey(this: CommandContext, flags: MakeFlags): Promise<Error | undefined> {
  const secret = randomBytes(32).toString('base64url')
  const made = keySchema.safeParse({
    id: `k${randomBytes(6).toString('hex')}`,
    hash: hashSecret(secret),
    tenant: flags.tenant,
    scopes: listOf(flags.scopes),
    expires_at: flags.expires ?? null,
    ...(flags.types !== undefined && { types: listOf(flags.types) }),
    ...(flags.queues !== undefined && { queues: listOf(flags.queues) }),
  })
  if (!made.success) {
    return new Error(made.error.issues.map(({ path, message }) => `--${flagOf(path[0])}: ${message}`).join('\n'))
  }
  const path = keysPath(flags.file)
  if (path !== undefined) {
    const failed = await changeKeysFile(path, (before) => ({ ...before, keys: [...before.keys, made.data] }))
    if (failed !== undefined) return failed
  }
  this.process.stderr.write(path === undefined ? entryFor(made.data) : addedTo(path, made.data))
  this.process.stderr.write('The key, shown only once:\n')
  this.process.stdout.write(`${made.data.id}.${secret}\n`)
  return undefined
}

const listOf = (text: string): string[] => text.split(',').map((item) => item.trim())

const flagOf = (field: PropertyKey | undefined): string => (field === 'expires_at' ? 'expires' : String(field))

const addedTo = (path: string, { id, tenant }: KeyEntry): string =>
  `Added the key ${id} of ${tenant} to ${path}. APIs that use the file accept it within a second.\n`

const entryFor = (key: KeyEntry): string =>
  `No keys file is named. Add this entry to "keys" in the API_KEYS_FILE:\n${JSON.stringify(key)}\n\n`
