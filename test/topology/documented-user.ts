import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'

const text = readFileSync(join(import.meta.dirname, '../../docs/redis.md'), 'utf8')

/** The ACL rules in docs/redis.md for Drover's user, without its name and password. */
export function documentedRules(): string[] {
  const [, block = ''] = /```acl\n([^`]*)```/.exec(text) ?? []
  const [, name, ...rules] = words(block)
  if (name === undefined) throw new Error('docs/redis.md has no ACL user')
  return rules.filter((rule) => !rule.startsWith('>'))
}

/** The additional rules in a cluster, and at sentinels. */
export function documentedAdditions(where: 'cluster' | 'sentinels'): string[] {
  const pattern = { cluster: /In a cluster add `([^`]*)`/, sentinels: /At sentinels a user needs\s+`([^`]*)`/ }
  const [, rules] = pattern[where].exec(text) ?? []
  if (rules === undefined) throw new Error(`docs/redis.md has no rules for ${where}`)
  return words(rules)
}

/** Creates the user on these servers. The user of the tests stays unchanged. */
export async function addUser(servers: readonly Redis[], rules: readonly string[], password: string): Promise<void> {
  await Promise.all(servers.map((server) => server.call('ACL', 'SETUSER', 'drover', 'on', ...rules, `>${password}`)))
}

/** The commands that these servers refused: the entries of `ACL LOG`. */
export async function refusals(servers: readonly Redis[]): Promise<unknown[]> {
  const logs = await Promise.all(servers.map((server) => server.call('ACL', 'LOG')))
  return logs.flat()
}

function words(block: string): string[] {
  return block.split(/\s+/).filter((word) => word !== '')
}

/** The rules of the user, and of the commands by which the ledger reads the queues. */
export const ledgersUser = [...documentedRules(), '+xread']
