import { setTimeout as sleep } from 'node:timers/promises'
import { Keys } from '../../../src/queue/redis/keys.ts'
import { startCluster, type TestCluster } from '../../topology/cluster.ts'
import { type OnClose, type SentinelGroup, startSentinelGroup } from '../../topology/sentinels.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

/** What the rows below run on, one row at a time. */
let group: SentinelGroup | undefined
let cluster: TestCluster | undefined

const onSentinels = {
  async topology(onClose: OnClose) {
    group = await startSentinelGroup(onClose)
    return group.url
  },
}

const onCluster = {
  async topology(onClose: OnClose) {
    cluster = await startCluster(onClose)
    return cluster.url
  },
}

/** A key of the queue of the jobs on the event loop. */
function queueKey(world: World): string {
  return new Keys(world.env['KEY_PREFIX'] ?? '').bull('io', 'meta')
}

/** Faults of several Redis servers. A replica gets what its master has acknowledged a little later: what it has not got when it takes over is lost. */
export const topologyRows: Row[] = [
  {
    name: 'sentinel-failover',
    title: 'SIGKILL of the master of two replicas; sentinels promote one of them',
    isLossy: true,
    setup: onSentinels,
    async cause(world) {
      const before = await group?.masterPort()
      await world.fault(async () => {
        await group?.servers.find(({ port }) => port === before)?.kill()
        while ((await group?.masterPort()) === before) await sleep(50)
      })
    },
  },
  {
    name: 'cluster-failover',
    title: 'SIGKILL of a master of a cluster of three; its replica takes over',
    isLossy: true,
    setup: onCluster,
    async cause(world) {
      const key = queueKey(world)
      const before = await cluster?.masterOf(key)
      await world.fault(async () => {
        await before?.redis.kill()
        while ((await cluster?.masterOf(key))?.id === before?.id) await sleep(50)
      })
    },
  },
  {
    name: 'cluster-slot-moves',
    title:
      'The slot of a queue moves to another master of a cluster, ten keys at a time, with a pause of 1 s in the middle',
    setup: onCluster,
    async cause(world, clients) {
      const key = queueKey(world)
      const target = await cluster?.otherMaster(key)
      if (!cluster || !target) throw new Error('the row runs on a cluster')
      const moved = cluster
      await world.fault(() => moved.moveSlot(key, target, () => sleep(1000)))
      await clients.moreAccepted(10)
    },
  },
]
