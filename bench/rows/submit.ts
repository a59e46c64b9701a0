import drover from '../peers/drover/peer.ts'
import { findPeers, peerLines } from '../peers/find.ts'
import { inTurns, type Row, scaled } from './row.ts'

const connections = 64

/** Jobs per second that are accepted, from many clients at once, while the queues are paused. */
export const submit: Row = async (world, size) => {
  const peers = await findPeers(world)
  const all = [drover, ...peers.found]
  const running = await Promise.all(all.map((peer) => peer.start(world, peer.name, 100)))
  for (const peer of running) await peer.hold(true)
  const rate = (n: number, count: number) => async () => {
    const call = running[n]?.submit
    return call ? world.load('closedLoop', { call, connections, count }) : Number.NaN
  }
  for (const n of all.keys()) await rate(n, scaled(5000, size))()
  const [ours = [], ...others] = await inTurns(
    size.rounds,
    all.map((_, n) => rate(n, scaled(20_000, size))),
  )
  for (const peer of running) await peer.stop()
  const name = `submit, ${connections} connections, jobs/s`
  return peerLines(peers, { name, ours, others, atLeast: 1.2 })
}
