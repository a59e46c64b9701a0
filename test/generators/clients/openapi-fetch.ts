// The calls of the contract test, by openapi-fetch with the types that openapi-typescript generated. Prints what it saw as JSON.
import createClient from 'openapi-fetch'
import type { paths } from './generated.ts'

const [, , url = ''] = process.argv
const client = createClient<paths>({ baseUrl: url })
const prefer = { prefer: 'wait=20' }
const seen: Record<string, unknown> = {}

/** @throws where the answer is a problem */
function known<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}

const accepted = known(await client.POST('/v1/jobs', { body: { type: 'sleep', input: { duration_ms: 50 } } }))
seen['submitted'] = accepted.type
const path = { id: accepted.id }
const done = known(await client.GET('/v1/jobs/{id}', { params: { path, header: prefer } }))
seen['waited'] = [done.state, done.output]

const { data: stream = '' } = await client.GET('/v1/jobs/{id}/events', { params: { path }, parseAs: 'text' })
seen['streamed'] = stream
  .split('\n')
  .findLast((line) => line.startsWith('event: '))
  ?.slice(7)

for (const n of [0, 1, 2])
  known(await client.POST('/v1/jobs', { body: { type: 'echo', input: n, tags: ['page'] }, params: { header: prefer } }))
const listed: unknown[] = []
let cursor: string | null = ''
while (cursor !== null) {
  const query: { tag: string; limit: number; cursor?: string } = { tag: 'page', limit: 2 }
  if (cursor !== '') query.cursor = cursor
  const page = known(await client.GET('/v1/jobs', { params: { query } }))
  listed.push(...page.items.map(({ input }) => input))
  cursor = page.next_cursor
}
seen['listed'] = listed

const long = known(await client.POST('/v1/jobs', { body: { type: 'sleep', input: { duration_ms: 60_000 } } }))
await client.POST('/v1/jobs/{id}/cancel', { params: { path: { id: long.id } } })
const canceled = await client.GET('/v1/jobs/{id}', { params: { path: { id: long.id }, header: prefer } })
seen['canceled'] = known(canceled).state

const chain = [
  { type: 'echo', input: [1, 2] },
  { type: 'echo', input: { $output: '/1' } },
]
const flow = known(await client.POST('/v1/flows', { body: { flow: { chain } }, params: { header: prefer } }))
seen['flow'] = [flow.state, flow.tree && 'chain' in flow.tree && flow.tree.chain.length]

const hourly = { every_ms: 3_600_000, job: { type: 'echo', input: 1 } }
const schedule = { params: { path: { id: 'generated' } } }
seen['schedule'] = known(await client.PUT('/v1/schedules/{id}', { ...schedule, body: hourly })).every_ms
await client.DELETE('/v1/schedules/{id}', schedule)

const primes = known(await client.POST('/v1/job-types/count-primes/run', { body: { limit: 100 } }))
// 202 is the job.
seen['run'] = 'count' in primes && primes.count
seen['problem'] = (await client.GET('/v1/jobs/{id}', { params: { path: { id: 'io_none' } } })).error?.code
console.log(JSON.stringify(seen))
