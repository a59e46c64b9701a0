import drover from '../peers/drover/peer.ts'
import { findPeers } from '../peers/find.ts'
import type { RunningPeer } from '../peers/peer.ts'
import { cpuSeconds, type World } from '../world.ts'
import { drainable, drainMs } from './drain.ts'
import { inTurns, type Row, scaled } from './row.ts'

/** CPU time of one job in each process, in µs. Depends less than rates on the other load of the machine. */
export const cost: Row = async (world, size) => {
  const { found } = await findPeers(world)
  const all = [drover, ...found]
  const running = await Promise.all(all.map((peer) => peer.start(world, peer.name, 100)))
  const redisPid = Number(/^process_id:(\d+)/m.exec(await world.redis.info('server'))?.[1])
  const count = scaled(5000, size)
  const lines = []
  for (const [what, act] of Object.entries(acts(world, count))) {
    const roles: Record<string, (peer: RunningPeer) => number> = {
      API: ({ api }) => api.pid,
      worker: ({ worker }) => worker.pid,
      Redis: () => redisPid,
    }
    const seen = new Map<string, number[]>()
    await inTurns(
      size.rounds,
      running.map((peer, n) => async () => {
        if (!act.isPossible(peer)) return 0
        await act.prepare(peer)
        const before = await Promise.all(Object.values(roles).map((pid) => cpuSeconds(pid(peer))))
        await act.measured(peer)
        for (const [at, [role, pid]] of Object.entries(roles).entries()) {
          const used = (await cpuSeconds(pid(peer))) - (before[at] ?? 0)
          const name = `${n} ${role}`
          seen.set(name, [...(seen.get(name) ?? []), (1e6 * used) / count])
        }
        return 0
      }),
    )
    for (const role of Object.keys(roles)) {
      for (const [n, peer] of found.entries()) {
        if (!act.isPossible(running[n + 1])) continue
        const [ours, theirs] = [seen.get(`0 ${role}`) ?? [], seen.get(`${n + 1} ${role}`) ?? []]
        lines.push({ name: `cost of ${what}, ${role}, µs`, yardstick: peer.name, ours, theirs })
      }
    }
  }
  for (const peer of running) await peer.stop()
  return lines
}

/** For each measurement: the preparation, and the measured part. */
function acts(world: World, count: number) {
  return {
    submit: {
      isPossible: () => true,
      prepare: (peer: RunningPeer) => peer.hold(true),
      measured: ({ submit }: RunningPeer) => world.load('closedLoop', { call: submit, connections: 64, count }),
    },
    drain: {
      isPossible: () => true,
      // The previous round may have drained more jobs than it added.
      prepare: async (peer: RunningPeer) => {
        await peer.hold(true)
        await drainable(world, peer).fill(count)
      },
      measured: (peer: RunningPeer) => drainMs(world.redis, { ...drainable(world, peer), fill: async () => 0 }, count),
    },
    'submit and wait, 64 at once': {
      isPossible: (peer?: RunningPeer) => peer?.wait !== undefined,
      prepare: (peer: RunningPeer) => peer.hold(false),
      measured: async ({ wait }: RunningPeer) =>
        wait && world.load('closedLoop', { call: wait, connections: 64, count }),
    },
  }
}
