import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'

const text = readFileSync(join(import.meta.dirname, '../../docs/redis.md'), 'utf8')

/** The rules that docs/redis.md gives for a user of Drover's own, without its name and its password. */
export function documentedRules(): string[] {
  const [, block = ''] = /```acl\n([^`]*)```/.exec(text) ?? []
  const [, name, ...rules] = words(block)
  if (name === undefined) throw new Error('docs/redis.md gives no user')
  return rules.filter((rule) => !rule.startsWith('>'))
}

/** … and what it needs beside them in a cluster, and at sentinels. */
export function documentedAdditions(where: 'cluster' | 'sentinels'): string[] {
  const pattern = { cluster: /In a cluster add `([^`]*)`/, sentinels: /At sentinels a user needs\s+`([^`]*)`/ }
  const [, rules] = pattern[where].exec(text) ?? []
  if (rules === undefined) throw new Error(`docs/redis.md gives no rules for ${where}`)
  return words(rules)
}

/** Makes the user on some servers. The user that tests themselves are stays as it is. */
export async function addUser(servers: readonly Redis[], rules: readonly string[], password: string): Promise<void> {
  await Promise.all(servers.map((server) => server.call('ACL', 'SETUSER', 'drover', 'on', ...rules, `>${password}`)))
}

/** What users were refused on some servers: the entries of `ACL LOG`. */
export async function refusals(servers: readonly Redis[]): Promise<unknown[]> {
  const logs = await Promise.all(servers.map((server) => server.call('ACL', 'LOG')))
  return logs.flat()
}

function words(block: string): string[] {
  return block.split(/\s+/).filter((word) => word !== '')
}

/** The user, and what the ledger reads of the queues by itself. */
export const ledgersUser = [...documentedRules(), '+xread']
