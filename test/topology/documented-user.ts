import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The rules that docs/redis.md gives for a user of Drover's own, without its name and its password. */
export function documentedRules(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/redis.md'), 'utf8')
  const [, block = ''] = /```acl\n([^`]*)```/.exec(text) ?? []
  const [, name, ...rules] = block.split(/\s+/).filter((word) => word !== '')
  if (name === undefined) throw new Error('docs/redis.md gives no user')
  return rules.filter((rule) => !rule.startsWith('>'))
}
