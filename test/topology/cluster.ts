import { Redis } from 'ioredis'
import { freePorts } from '../../src/dev/free-ports.ts'
import { type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { type OnClose, testClient } from './sentinels.ts'

/** A node that does not answer for this long counts as failed. Short, but longer than a busy machine delays a server. */
const nodeTimeoutMs = 2000
const masters = 3
const slots = 16_384

interface ClusterNode {
  redis: OwnRedis
  client: Redis
  id: string
  busPort: number
}

/** Three masters with a third of the slots each, and a replica of each. */
export interface TestCluster {
  /** The value of REDIS_URL. */
  url: string
  /** A client per node. */
  clients: Redis[]
  /** The current master of a key. */
  masterOf(key: string): Promise<ClusterNode>
  /** A master that does not have the key. */
  otherMaster(key: string): Promise<ClusterNode>
  /**
   * Moves the slot of a key with all its keys, like `redis-cli --cluster reshard`. Awaits `halfWay` when half of the keys have been
   * moved. Resolves to the number of moved keys when all nodes know of the move.
   */
  moveSlot(key: string, to: ClusterNode, halfWay?: () => Promise<unknown>): Promise<number>
}

/** Starts a cluster of six nodes. */
export async function startCluster(onClose: OnClose): Promise<TestCluster> {
  // The default port of the cluster bus is 10000 higher, which may not be a valid port.
  const busPorts = await freePorts(2 * masters)
  const nodes = await Promise.all(busPorts.map((port) => startNode(port, onClose)))
  await Promise.all(nodes.slice(0, masters).map(({ client }, nth) => takeSlots(client, nth)))
  const [first] = nodes
  if (!first) throw new Error('there are six nodes')
  for (const { redis, busPort } of nodes.slice(1))
    await first.client.call('CLUSTER', 'MEET', '127.0.0.1', redis.port, busPort)
  await everyNode(nodes, 'cluster_known_nodes:6')
  await Promise.all(
    nodes.slice(masters).map(({ client }, nth) => client.call('CLUSTER', 'REPLICATE', nodes[nth]?.id ?? '')),
  )
  await everyNode(nodes, 'cluster_state:ok')
  const replicas = nodes.slice(masters)
  await Promise.all(
    replicas.map(({ client }) =>
      waitFor('a replica to follow', () => client.info('replication'), saysUp, { withinMs: 60_000 }),
    ),
  )

  const answering = async (): Promise<Redis> => {
    const tries = nodes.map(({ client }) => client.ping().then(() => client))
    return Promise.race(tries)
  }
  const owners = async (key: string): Promise<{ owner: string; others: string[]; slot: number }> => {
    const client = await answering()
    const slot = await client.cluster('KEYSLOT', key)
    const ids = await mastersBySlots(client)
    const owner = ownerOf(slot, ids)
    return { owner, others: [...new Set(ids.map(({ id }) => id))].filter((id) => id !== owner), slot }
  }
  const nodeOf = (id: string | undefined): ClusterNode => {
    const node = nodes.find((one) => one.id === id)
    if (!node) throw new Error(`there is no node ${id}`)
    return node
  }
  return {
    url: `redis+cluster://${nodes.map(({ redis }) => `127.0.0.1:${redis.port}`).join(',')}`,
    clients: nodes.map(({ client }) => client),
    masterOf: async (key) => nodeOf((await owners(key)).owner),
    otherMaster: async (key) => nodeOf((await owners(key)).others[0]),
    async moveSlot(key, to, halfWay) {
      const { owner, others, slot } = await owners(key)
      const moved = await moveSlot(slot, nodeOf(owner), to, { others: others.map(nodeOf), halfWay })
      const lookAt = (client: Redis) => mastersBySlots(client).then((ids) => ownerOf(slot, ids))
      await Promise.all(
        nodes.map(({ client }) =>
          waitFor(
            'a node to know of the move',
            () => lookAt(client),
            (id) => id === to.id,
          ),
        ),
      )
      return moved
    },
  }
}

async function startNode(busPort: number, onClose: OnClose): Promise<ClusterNode> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': nodeTimeoutMs, 'cluster-port': busPort }
  const more = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const redis = await startOwnRedis(more)
  onClose(() => redis.close())
  const client = testClient(redis.port, onClose)
  return { redis, client, busPort, id: await client.cluster('MYID') }
}

async function takeSlots(client: Redis, nth: number): Promise<void> {
  const [from, to] = [Math.ceil((slots * nth) / masters), Math.ceil((slots * (nth + 1)) / masters) - 1]
  await client.cluster('SET-CONFIG-EPOCH', nth + 1)
  await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
}

async function everyNode(nodes: readonly ClusterNode[], line: string): Promise<void> {
  const look = (client: Redis) =>
    waitFor(
      line,
      () => client.cluster('INFO'),
      (text) => text.includes(line),
      { withinMs: 60_000 },
    )
  await Promise.all(nodes.map(({ client }) => look(client)))
}

interface Range {
  from: number
  to: number
  id: string
}

async function mastersBySlots(client: Redis): Promise<Range[]> {
  const ranges = await client.cluster('SLOTS')
  return ranges.map(([from, to, master]) => ({ from, to, id: master?.[2] ?? '' }))
}

function ownerOf(slot: number, ranges: readonly Range[]): string {
  return ranges.find(({ from, to }) => from <= slot && slot <= to)?.id ?? ''
}

function saysUp(text: string): boolean {
  return text.includes('master_link_status:up')
}

async function moveSlot(
  slot: number,
  from: ClusterNode,
  to: ClusterNode,
  { others, halfWay }: { others: readonly ClusterNode[]; halfWay: (() => Promise<unknown>) | undefined },
): Promise<number> {
  await to.client.cluster('SETSLOT', slot, 'IMPORTING', from.id)
  await from.client.cluster('SETSLOT', slot, 'MIGRATING', to.id)
  const half = (await from.client.cluster('COUNTKEYSINSLOT', slot)) / 2
  let moved = 0
  let pause = halfWay
  for (;;) {
    const keys = await from.client.cluster('GETKEYSINSLOT', slot, 10)
    if (keys.length === 0) break
    await from.client.migrate('127.0.0.1', to.redis.port, '', 0, 5000, 'KEYS', ...keys)
    moved += keys.length
    if (moved < half) continue
    await pause?.()
    pause = undefined
  }
  for (const { client } of [to, from, ...others.filter((one) => one !== to)]) {
    await client.cluster('SETSLOT', slot, 'NODE', to.id)
  }
  return moved
}
