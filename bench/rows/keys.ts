import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startApi, submission } from '../peers/drover/peer.ts'
import { inTurns, type Row, scaled } from './row.ts'

const connections = 64

/** The cost of authentication and of both quotas for a submission, against an API without keys. */
export const keys: Row = async (world, size) => {
  const limited = join(dirname(world.keysFile), 'limits.json')
  const file = JSON.parse(await readFile(world.keysFile, 'utf8')) as object
  const limits = { requests_per_minute: 10_000_000, max_queued: 10_000_000 }
  await writeFile(limited, JSON.stringify({ ...file, tenants: { bench: limits } }))
  const apis = [
    await startApi(world, 'open', { API_KEYS_FILE: '' }),
    await startApi(world, 'keys'),
    await startApi(world, 'quotas', { API_KEYS_FILE: limited }),
  ]
  const rate = (n: number, count: number) => async () => {
    const call = submission(world, apis[n]?.port ?? 0, { type: 'echo', input: { hello: 'world' } })
    return world.load('closedLoop', { call, connections, count })
  }
  for (const n of apis.keys()) await rate(n, scaled(5000, size))()
  const [open = [], withKeys = [], withQuotas = []] = await inTurns(
    size.rounds,
    apis.map((_, n) => rate(n, scaled(10_000, size))),
  )
  for (const api of apis) await api.stop()
  const target = { of: 'ratio' as const, atLeast: 0.9 }
  return [
    { name: 'submit with a key, jobs/s', yardstick: 'without', ours: withKeys, theirs: open, target },
    {
      name: 'submit with a key and both quotas, jobs/s',
      yardstick: 'without',
      ours: withQuotas,
      theirs: open,
      target: { of: 'ratio' as const, atLeast: 0.7 },
    },
  ]
}
