import { expect, test } from 'vitest'
import { read, watch } from '../helpers/client.ts'
import { echo, jobIds, readFlow, resultLines, results, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { startStack } from '../helpers/stack.ts'

const members = 10_000
const patience = { timeout: 240_000 }

test('ten thousand members run in parallel, and appear in results, in lines and as events', patience, async () => {
  const { api } = await startStack()
  const { status, body } = await submitFlow(api.url, { gather: Array.from({ length: members }, (_, n) => echo(n)) })
  expect(status).toBe(202)
  expect(body.jobs).toBe(members)
  const ids = jobIds(body.tree)
  expect(new Set(ids).size).toBe(members)
  expect((await read(api.url, ids.at(-1) ?? '')).body).toMatchObject({ flow_id: body.id, input: members - 1 })

  const lines = Array.fromAsync(resultLines(api.url, body.id))
  const events = Array.fromAsync(watch(api.url, body.id, { kind: 'flows' }))
  const sorted = (values: unknown[]) => values.map(Number).toSorted((a, b) => a - b)
  const all = Array.from({ length: members }, (_, n) => n)
  expect(sorted((await lines).map(({ output }) => output))).toEqual(all)
  const outputs = (await events).filter(({ event }) => event === 'member').map(({ data }) => Object(data).output)
  expect(sorted(outputs)).toEqual(all)
  const ended = await readFlow(api.url, body.id)
  expect(ended.body).toMatchObject({ state: 'succeeded', counts: { succeeded: members, queued: 0, running: 0 } })
  expect((await results(api.url, body.id)).map(({ output }) => output)).toEqual(all)
})

test('ten thousand members are canceled before the answer; none starts after it', patience, async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:20' } })
  const { body } = await submitFlow(api.url, { gather: Array.from({ length: members }, () => sleep(60_000)) })
  const canceled = await steerFlow(api.url, body.id, 'cancel')
  const answeredAt = Date.now()
  expect(canceled.status).toBeOneOf([200, 202])
  expect(canceled.body.counts).toMatchObject({ queued: 0, blocked: 0, scheduled: 0 })
  const ended = await readFlow(api.url, body.id, 60)
  expect(ended.body).toMatchObject({ state: 'canceled', counts: { canceled: members } })
  for (let n = 0; n < 200; n++) {
    const id = jobIds(ended.body.tree)[n] ?? ''
    const { started_at } = (await read(api.url, id)).body
    expect(Date.parse(started_at ?? '') > answeredAt).toBe(false)
  }
})

test('one step fans out to ten thousand, and one step receives all their outputs', patience, async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(
    api.url,
    {
      chain: [
        echo(Array.from({ length: members }, (_, n) => n)),
        { map: { over: { $output: '' }, node: echo({ $item: '' }), limit: members } },
        echo({ $output: '' }),
      ],
    },
    { query: '?tree=none' },
  )
  const ended = await readFlow(api.url, body.id, 60)
  const last = ended.body.done ? ended : await readFlow(api.url, body.id, 60)
  expect(last.body).toMatchObject({ state: 'succeeded', jobs: members + 2 })
  expect((await results(api.url, body.id)).at(-1)?.output).toEqual(Array.from({ length: members }, (_, n) => n))
})
