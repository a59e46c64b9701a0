import { rm } from 'node:fs/promises'
import { quantile } from '../pace.ts'
import { startApi } from '../peers/drover/peer.ts'
import type { World } from '../world.ts'
import { makeQueues } from './many-queues.ts'
import { type Row, scaled } from './row.ts'

const [queues, jobsEach, atOnce] = [200, 20, 50]

/** A page of 50 of the jobs of 200 queues, one request at a time: of all jobs, and of those that wait. */
export const lists: Row = async (world, size) => {
  const { folder, names } = await makeQueues(queues)
  try {
    const api = await startApi(world, 'drover', { JOBS_DIR: folder })
    const origin = `http://127.0.0.1:${api.port}`
    for (let from = 0; from < names.length; from += atOnce) {
      const types = names.slice(from, from + atOnce)
      const jobs = types.flatMap((type) => Array.from({ length: jobsEach }, () => ({ type, input: {} })))
      await send(world, `${origin}/v1/jobs/batch`, JSON.stringify({ jobs }))
    }
    const lines = []
    for (const [name, filter] of Object.entries({ all: '', 'state=queued': '&state=queued' })) {
      const page = () => send(world, `${origin}/v1/jobs?limit=50${filter}`)
      for (let n = 0; n < 50; n++) await page()
      const middle: number[] = []
      for (let round = 0; round < size.rounds; round++) {
        const took: number[] = []
        for (let n = 0; n < scaled(200, size); n++) took.push(await page())
        middle.push(quantile(took, 0.5))
      }
      lines.push({
        name: `a page of 50 of ${queues} queues, ${name}, p50 ms`,
        yardstick: '',
        ours: middle,
        theirs: [],
        target: { of: 'ours' as const, atMost: 20 },
      })
    }
    await api.stop()
    return lines
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** @returns how long the answer took, in ms */
async function send({ headers }: World, url: string, body?: string): Promise<number> {
  const from = performance.now()
  const response = await fetch(url, { headers, ...(body !== undefined && { method: 'POST', body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`)
  return performance.now() - from
}
