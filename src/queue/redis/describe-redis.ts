import { isCluster, type Redis, readInfo, whenAvailable } from './connection.ts'
import { isReply } from './transient-errors.ts'

/** A server that keeps data: the only one, or a master of a cluster. Undefined where it does not say. */
export interface RedisNode {
  version: string | undefined
  /** Bytes that count against the limit. */
  usedBytes: number | undefined
  /** 0: there is none. */
  limitBytes: number | undefined
  evictionPolicy: string | undefined
  hasAppendOnlyFile: boolean | undefined
  appendOnlyFileFailed: boolean | undefined
  /** Epoch ms of the last snapshot. */
  lastSnapshotAt: number | undefined
  clients: number | undefined
  uptimeMs: number | undefined
}

const sections = ['server', 'memory', 'persistence', 'clients'] as const

/** How Redis is configured and how it is, by INFO alone: managed servers and restricted users often have no CONFIG. @throws QueueUnavailableError */
export async function describeRedis(redis: Redis): Promise<{ isCluster: boolean; nodes: RedisNode[] }> {
  const bySection = await Promise.all(sections.map((section) => readSection(redis, section)))
  const count = Math.max(...bySection.map((infos) => infos.length))
  const nodes = Array.from({ length: count }, (_, n) => describe(bySection.map((infos) => infos[n] ?? '').join('\n')))
  return { isCluster: isCluster(redis), nodes }
}

async function readSection(redis: Redis, section: string): Promise<string[]> {
  try {
    return await whenAvailable(readInfo(redis, section))
  } catch (error) {
    // This user may not call INFO.
    if (isReply(error)) return []
    throw error
  }
}

/** https://redis.io/docs/latest/commands/info/ */
function describe(info: string): RedisNode {
  const text = (field: string) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]
  const number = (field: string) => {
    const value = text(field)
    return value === undefined ? undefined : Number(value)
  }
  const used = number('used_memory')
  const snapshot = number('rdb_last_save_time')
  const uptime = number('uptime_in_seconds')
  const isOk = text('aof_last_write_status')
  const file = text('aof_enabled')
  return {
    version: text('redis_version'),
    usedBytes: used === undefined ? undefined : used - (number('mem_not_counted_for_evict') ?? 0),
    limitBytes: number('maxmemory'),
    evictionPolicy: text('maxmemory_policy'),
    hasAppendOnlyFile: file === undefined ? undefined : file === '1',
    appendOnlyFileFailed: isOk === undefined ? undefined : isOk !== 'ok',
    lastSnapshotAt: snapshot === undefined ? undefined : snapshot * 1000,
    clients: number('connected_clients'),
    uptimeMs: uptime === undefined ? undefined : uptime * 1000,
  }
}
