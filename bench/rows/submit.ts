import drover from '../peers/drover/peer.ts'
import { findPeers, peerLines } from '../peers/find.ts'
import { inTurns, type Row, scaled } from './row.ts'

const connections = 64

/** Jobs per second that are accepted, from many clients at once, while the queues are paused; of Drover also with short answers. */
export const submit: Row = async (world, size) => {
  const peers = await findPeers(world)
  const all = [drover, ...peers.found]
  const running = await Promise.all(all.map((peer) => peer.start(world, peer.name, 100)))
  for (const peer of running) await peer.hold(true)
  const calls = running.map((peer) => peer.submit)
  const short = calls.slice(0, 1).map((call) => ({ ...call, headers: { ...call.headers, prefer: 'return=minimal' } }))
  const rates = (count: number) =>
    [...short, ...calls].map((call) => () => world.load('closedLoop', { call, connections, count }))
  await inTurns(1, rates(scaled(5000, size)))
  const [minimal = [], ours = [], ...others] = await inTurns(size.rounds, rates(scaled(20_000, size)))
  for (const peer of running) await peer.stop()
  const name = `submit, ${connections} connections, jobs/s`
  return [
    ...peerLines(peers, { name, ours, others, bound: { atLeast: 1.3 } }),
    ...peerLines(
      { ...peers, skipped: [] },
      { name: '… with return=minimal', ours: minimal, others, bound: { atLeast: 1.4 } },
    ),
  ]
}
