/**
 * `npm run keys -- --tenant acme --scopes submit,read,cancel [--expires 2027-01-31T00:00:00Z] [--file keys.json]`
 * Creates an API key and prints it once: only its hash is stored. With --file the entry is added to the file, else it is printed.
 */
import { randomBytes } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { hashSecret, keySchema, parseKeysFile, readKeysFile } from '../src/api/access/keys-file.ts'

const { values } = parseArgs({
  options: {
    tenant: { type: 'string' },
    scopes: { type: 'string', default: 'submit,read,cancel' },
    expires: { type: 'string' },
    file: { type: 'string' },
  },
})

const secret = randomBytes(32).toString('base64url')
const made = keySchema.safeParse({
  id: `k${randomBytes(6).toString('hex')}`,
  hash: hashSecret(secret),
  tenant: values.tenant,
  scopes: values.scopes.split(','),
  expires_at: values.expires ?? null,
})
if (!made.success) {
  process.stderr.write(`${z.prettifyError(made.error)}\n`)
  process.exit(1)
}
const key = made.data
if (values.file === undefined) {
  process.stdout.write(`Add this entry to "keys" in the API_KEYS_FILE:\n${JSON.stringify(key)}\n\n`)
} else {
  const before = await readKeysFile(values.file)
  const text = `${JSON.stringify({ ...before, keys: [...before.keys, key] }, null, 2)}\n`
  parseKeysFile(text)
  // An API that reads the file meanwhile sees the old or the new content, never a part.
  await writeFile(`${values.file}.new`, text, { mode: 0o600 })
  await rename(`${values.file}.new`, values.file)
  process.stdout.write(
    `Added the key ${key.id} of ${key.tenant} to ${values.file}. APIs that use the file accept it within a second.\n`,
  )
}
process.stdout.write(`The key, shown only once:\n${key.id}.${secret}\n`)
