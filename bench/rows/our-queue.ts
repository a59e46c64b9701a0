import { Keys } from '../../src/queue/redis/keys.ts'
import { hold, submission } from '../peers/drover/peer.ts'
import type { World } from '../world.ts'

/** A queue of Drover that is filled with one kind of job, for {@link drainMs}. */
export function ourQueue(world: World, at: { port: number; prefix: string; queue: string }, job: object) {
  const call = submission(world, at.port, job)
  return {
    endedKey: new Keys(at.prefix).bull(at.queue, 'completed'),
    hold: (held: boolean) => hold(world, at.port, at.queue, held),
    fill: (count: number) => world.load('closedLoop', { call, connections: 64, count }),
  }
}
