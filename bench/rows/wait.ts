import drover from '../peers/drover/peer.ts'
import { findPeers } from '../peers/find.ts'
import { startRaw } from '../peers/raw/start.ts'
import { inTurns, type Row, scaled } from './row.ts'

/** So few that each is alone. */
const perS = 100
const together = 64

/** From a submission to the answer with its result, one at a time. */
export const waitAlone: Row = async (world, size) => {
  const ours = await drover.start(world, 'drover', 100)
  const raw = await startRaw(world, 'raw', 100)
  const mine = (count: number) => async () => (await world.load('openLoop', { call: ours.wait, perS, count })).p50
  const plain = (count: number) => async () => (await raw.call('waitPaced', { perS, count })).p50
  const warmUp = scaled(300, size)
  await mine(warmUp)()
  await plain(warmUp)()
  const count = scaled(600, size)
  const [a = [], b = []] = await inTurns(size.rounds, [mine(count), plain(count)])
  await ours.stop()
  await raw.stop()
  const name = 'submit and wait, one at a time, p50 ms'
  const yardstick = 'raw add + waitUntilFinished'
  return [{ name, yardstick, ours: a, theirs: b, target: { of: 'ratio', atMost: 1.5 } }]
}

/** Results per second with many clients that each wait for theirs. */
export const waitTogether: Row = async (world, size) => {
  const { found, skipped } = await findPeers()
  const ours = await drover.start(world, 'drover', 100)
  const raw = await startRaw(world, 'raw', 100)
  const peers = await Promise.all(found.map((peer) => peer.start(world, peer.name, 100)))
  const measures = (count: number) => [
    () => world.load('closedLoop', { call: ours.wait, connections: together, count }),
    () => raw.call('waitTogether', { wide: together, count }),
    ...peers.map((peer) => () => world.load('closedLoop', { call: peer.wait, connections: together, count })),
  ]
  await inTurns(2, measures(scaled(6000, size)))
  const [mine = [], plain = [], ...others] = await inTurns(size.rounds, measures(scaled(6000, size)))
  for (const running of [ours, raw, ...peers]) await running.stop()
  const name = `submit and wait, ${together} at once, jobs/s`
  const yardstick = 'raw add + waitUntilFinished'
  return [
    { name, yardstick, ours: mine, theirs: plain, target: { of: 'ratio', atLeast: 2 } },
    ...found.map((peer, n) => ({
      name,
      yardstick: peer.name,
      ours: mine,
      theirs: others[n] ?? [],
      target: { of: 'ratio' as const, atLeast: 1.5 },
    })),
    ...skipped.map((why) => ({ name, skipped: why })),
  ]
}
