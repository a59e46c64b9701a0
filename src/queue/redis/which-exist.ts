import { isCluster, type Redis } from './connection.ts'

/** So few groups are asked for one by one: to halve them would take as many calls. */
const fewGroups = 3

/**
 * In which groups of keys at least one key exists. One command where none does, on a server that is no cluster; there the keys of a group are
 * in one slot, and each group takes a command.
 *
 * @throws what Redis says
 */
export async function whichExist(redis: Redis, groups: readonly (readonly string[])[]): Promise<boolean[]> {
  if (groups.length === 0) return []
  if (isCluster(redis) || groups.length === 1) return Promise.all(groups.map((keys) => existsAny(redis, keys)))
  if (!(await existsAny(redis, groups.flat()))) return groups.map(() => false)
  if (groups.length <= fewGroups) return Promise.all(groups.map((keys) => existsAny(redis, keys)))
  const half = Math.floor(groups.length / 2)
  const halves = await Promise.all([whichExist(redis, groups.slice(0, half)), whichExist(redis, groups.slice(half))])
  return halves.flat()
}

async function existsAny(redis: Redis, keys: readonly string[]): Promise<boolean> {
  return (await redis.exists(...keys)) > 0
}
