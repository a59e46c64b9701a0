import drover from '../peers/drover/peer.ts'
import { findPeers } from '../peers/find.ts'
import { startRaw } from '../peers/raw/start.ts'
import { inTurns, type Row, scaled } from './row.ts'

const width = 1000

/** Independent jobs per second that are accepted with a thousand in one request, one request after the other. */
export const batch: Row = async (world, size) => {
  const name = `batch of ${width}, jobs/s`
  const { found, skipped } = await findPeers(world)
  const all = [drover, ...found]
  const running = await Promise.all(all.map((peer) => peer.start(world, peer.name, 100)))
  for (const peer of running) await peer.hold(true)
  const raw = await startRaw(world, 'raw', 100)
  await raw.call('hold', { held: true })
  const calls = running.flatMap((peer, n) =>
    peer.batch ? [{ name: all[n]?.name ?? '', call: peer.batch(width) }] : [],
  )
  const measures = (count: number) => [
    ...calls.map(
      ({ call }) =>
        async () =>
          width * (await world.load('closedLoop', { call, connections: 1, count })),
    ),
    () => raw.call('addBulk', { count: count * width }),
  ]
  await inTurns(1, measures(scaled(5, size)))
  const [ours = [], ...theirs] = await inTurns(size.rounds, measures(scaled(20, size)))
  for (const peer of [...running, raw]) await peer.stop()
  const yardsticks = [...calls.slice(1).map((call) => call.name), 'raw addBulk']
  return [
    ...yardsticks.map((yardstick, n) => ({ name, yardstick, ours, theirs: theirs[n] ?? [] })),
    ...skipped.map((why) => ({ name, skipped: why })),
  ]
}
