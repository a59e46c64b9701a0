import drover from '../peers/drover/peer.ts'
import { findPeers, peerLines } from '../peers/find.ts'
import type { RunningPeer } from '../peers/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import { inTurns, type Row, scaled } from './row.ts'

/** So few per second that each wait is alone. */
const perS = 100
const together = 64

/** From a submission to the answer with its result, one at a time. */
export const waitAlone: Row = async (world, size) => {
  const peers = await findPeers(world)
  const ours = await drover.start(world, 'drover', 100)
  const raw = await startRaw(world, 'raw', 100)
  const others = await Promise.all(peers.found.map((peer) => peer.start(world, peer.name, 100)))
  const p50 = (peer: RunningPeer, count: number) => async () =>
    peer.wait ? (await world.load('openLoop', { call: peer.wait, perS, count })).p50 : Number.NaN
  const measures = (count: number) => [
    p50(ours, count),
    async () => (await raw.call('waitPaced', { perS, count })).p50,
    ...others.map((peer) => p50(peer, count)),
  ]
  await inTurns(1, measures(scaled(300, size)))
  const [mine = [], plain = [], ...theirs] = await inTurns(size.rounds, measures(scaled(600, size)))
  for (const running of [ours, raw, ...others]) await running.stop()
  const name = 'submit and wait, one at a time, p50 ms'
  const yardstick = 'raw add + waitUntilFinished'
  return [
    { name, yardstick, ours: mine, theirs: plain, target: { of: 'ratio', atMost: 1.5 } },
    ...peerLines(peers, { name, ours: mine, others: theirs, bound: { atMost: 0.8 } }),
  ]
}

/** Results per second with many clients that each wait for their job. */
export const waitTogether: Row = async (world, size) => {
  const peers = await findPeers(world)
  const ours = await drover.start(world, 'drover', 100)
  const raw = await startRaw(world, 'raw', 100)
  const others = await Promise.all(peers.found.map((peer) => peer.start(world, peer.name, 100)))
  const rate = (peer: RunningPeer, count: number) => async () =>
    peer.wait ? world.load('closedLoop', { call: peer.wait, connections: together, count }) : Number.NaN
  const measures = (count: number) => [
    rate(ours, count),
    () => raw.call('waitTogether', { wide: together, count }),
    ...others.map((peer) => rate(peer, count)),
  ]
  await inTurns(2, measures(scaled(6000, size)))
  const [mine = [], plain = [], ...theirs] = await inTurns(size.rounds, measures(scaled(6000, size)))
  for (const running of [ours, raw, ...others]) await running.stop()
  const name = `submit and wait, ${together} at once, jobs/s`
  const yardstick = 'raw add + waitUntilFinished'
  return [
    { name, yardstick, ours: mine, theirs: plain, target: { of: 'ratio', atLeast: 2 } },
    ...peerLines(peers, { name, ours: mine, others: theirs, bound: { atLeast: 1.5 } }),
  ]
}
