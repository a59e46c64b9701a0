import { z } from 'zod'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const findMembers = loadScript('bullmq/find-members')

/** So many jobs of each set are looked at for those of a key. */
const maxMembers = 5000
const membersSchema = z.array(z.string())

/**
 * The jobs of a concurrency key that run, are held or are among the first to start, the oldest first: by the time of their submission, and those of one ms
 * by their places. @throws QueueUnavailableError
 */
export async function membersOf(
  { redis, keys }: { redis: Redis; keys: Keys },
  queue: string,
  tenant: string,
  key: string,
): Promise<string[]> {
  const gate = `concurrency:${tenant}:${key}`
  const sets = ['active', 'wait', 'prioritized'].map((set) => keys.bull(queue, set))
  const names = [...sets, keys.heldAt(queue, gate), keys.busy(queue)]
  const args = [keys.bull(queue, ''), tenant, key, maxMembers, gate]
  const found = membersSchema.parse(await whenAvailable(findMembers(redis, names, args)))
  const members = found.flatMap((id, n) => (n % 2 === 0 ? [{ id, createdAt: Number(found[n + 1]) }] : []))
  return members.toSorted((a, b) => a.createdAt - b.createdAt).map(({ id }) => id)
}
