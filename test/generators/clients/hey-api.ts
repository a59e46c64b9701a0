// The calls of the contract test, by a client that hey-api generated. Prints what it saw as JSON.
import { client } from './generated/client.gen.ts'
import * as api from './generated/sdk.gen.ts'

const [, , url = ''] = process.argv
client.setConfig({ baseUrl: url, throwOnError: true })
const prefer = { headers: { prefer: 'wait=20' } }
const seen: Record<string, unknown> = {}

const { data: accepted } = await api.submitJob({
  body: { type: 'sleep', input: { duration_ms: 50 } },
  throwOnError: true,
})
seen['submitted'] = accepted.type
const { data: done } = await api.readJob({ path: { id: accepted.id }, ...prefer, throwOnError: true })
seen['waited'] = [done.state, done.output]

const stream = await fetch(url + done.links.events)
seen['streamed'] = (await stream.text())
  .split('\n')
  .findLast((line) => line.startsWith('event: '))
  ?.slice(7)

for (const n of [0, 1, 2])
  await api.submitJob({ body: { type: 'echo', input: n, tags: ['page'] }, ...prefer, throwOnError: true })
const listed: unknown[] = []
let cursor: string | undefined
do {
  const { data: page } = await api.listJobs({
    query: { tag: 'page', limit: 2, ...(cursor && { cursor }) },
    throwOnError: true,
  })
  listed.push(...page.items.map(({ input }) => input))
  cursor = page.next_cursor ?? undefined
} while (cursor !== undefined)
seen['listed'] = listed

const { data: long } = await api.submitJob({
  body: { type: 'sleep', input: { duration_ms: 60_000 } },
  throwOnError: true,
})
await api.cancelJob({ path: { id: long.id }, throwOnError: true })
seen['canceled'] = (await api.readJob({ path: { id: long.id }, ...prefer, throwOnError: true })).data.state

const chain = [
  { type: 'echo', input: [1, 2] },
  { type: 'echo', input: { $output: '/1' } },
]
const { data: flow } = await api.submitFlow({ body: { flow: { chain } }, ...prefer, throwOnError: true })
seen['flow'] = [flow.state, flow.tree && 'chain' in flow.tree && flow.tree.chain.length]

const hourly = { every_ms: 3_600_000, job: { type: 'echo', input: 1 } }
const { data: schedule } = await api.putSchedule({ path: { id: 'generated' }, body: hourly, throwOnError: true })
seen['schedule'] = schedule.every_ms
await api.deleteSchedule({ path: { id: 'generated' }, throwOnError: true })

const { data: primes } = await api.runCountPrimes({ body: { limit: 100 }, throwOnError: true })
// 202 is the job.
seen['run'] = 'count' in primes && primes.count
seen['problem'] = (await api.readJob({ path: { id: 'io_none' }, throwOnError: false })).error?.code
console.log(JSON.stringify(seen))
