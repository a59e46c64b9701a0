import { setTimeout as sleep } from 'node:timers/promises'
import { Keys } from '../../src/queue/redis/keys.ts'
import { startApi, startWorker } from '../peers/drover/peer.ts'
import type { World } from '../world.ts'
import { ourQueue } from './our-queue.ts'
import { type Row, scaled } from './row.ts'
import { watchAll } from './watching.ts'

const minuteMs = 60_000
const connections = 32
const pollMs = 10

/** Many at one moment: schedules of one minute, from that minute until all are stored and advanced; ends in a second, each to its event stream. */
export const moment: Row = async (world, size) => {
  const [schedules, ends] = [scaled(10_000, size), scaled(5000, size)]
  const api = await startApi(world, 'drover')
  // 250 jobs of 50 ms at a time.
  const worker = await startWorker(world, 'drover', 'io:250')
  const queue = ourQueue(
    world,
    { port: api.port, prefix: 'drover', queue: 'io' },
    { type: 'sleep', input: { duration_ms: 50 } },
  )
  const done: number[] = []
  for (let round = 0; round < size.rounds; round++) done.push((await watchAll(world, api, queue, ends)).p99)
  await putSchedules(world, api.port, schedules)
  const late: number[] = []
  for (let round = 0; round < size.rounds; round++) late.push(await lastIsLate(world))
  await worker.stop()
  await api.stop()
  const none = { yardstick: '', theirs: [] }
  return [
    {
      name: `${schedules} schedules due at one moment, all stored and advanced, ms`,
      ...none,
      ours: late,
      target: { of: 'ours', atMost: 1000 },
    },
    {
      name: `${ends} ends in a second, end of a job to its event, p99 ms`,
      ...none,
      ours: done,
      target: { of: 'ours', atMost: 100 },
    },
  ]
}

async function putSchedules(world: World, port: number, count: number): Promise<void> {
  const body = JSON.stringify({ cron: '* * * * *', job: { type: 'echo', input: { hello: 'world' } } })
  let next = 0
  const put = async () => {
    while (next < count) {
      const url = `http://127.0.0.1:${port}/v1/schedules/each-minute-${next++}`
      const response = await fetch(url, { method: 'PUT', headers: world.headers, body })
      if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
      await response.text()
    }
  }
  await Promise.all(Array.from({ length: connections }, put))
}

/** @returns how many ms after the next full minute no schedule is due any more */
async function lastIsLate({ redis }: World): Promise<number> {
  const due = new Keys('drover').dueSchedules
  const minute = Math.ceil((Date.now() + 1000) / minuteMs) * minuteMs
  await sleep(minute - Date.now())
  // One that is taken and not advanced has a place within seconds.
  while ((await redis.zcount(due, '-inf', minute + minuteMs - 1)) > 0) await sleep(pollMs)
  return Date.now() - minute
}
