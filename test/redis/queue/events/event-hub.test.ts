import { once } from 'node:events'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { JobEvent } from '../../../../src/jobs/job-event.ts'
import { type Announcement, JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })
const progress = (fraction: number): JobEvent => ({ kind: 'progress', fraction, message: null, data: null })

const start = { after: 0, gapTo: 0 }
const first = { attempt: 1, isFirst: true }

async function world() {
  const connect = async (role: 'client' | 'worker' | 'subscriber') => {
    const redis = await connectRedis({ url: inject('redisUrl'), role, name: 'test', log })
    onTestFinished(() => redis.disconnect())
    return redis
  }
  const [client, worker, subscriber] = await Promise.all([connect('client'), connect('worker'), connect('subscriber')])
  const keys = new Keys(keyPrefix())
  const writer = new JobEventWriter({ redis: worker, keys, log })
  const hub = new JobEventHub({ subscriber, client, keys, log })
  const ref = newJobRef('io', Date.now())
  await client.set(keys.lock(ref), 'mine')
  return { client, subscriber, keys, writer, hub, ref }
}

test('events are stored and announced in order, numbered from one', async () => {
  const { writer, hub, ref } = await world()
  const heard: Announcement[] = []
  const stop = await hub.watch(ref, (announcement) => heard.push(announcement))
  const events = writer.open(ref, 'mine', first, () => expect.unreachable())
  void events.emit(progress(0.1))
  void events.emit({ kind: 'output', value: { page: 'with a\nline break' } })
  await events.flush()
  void events.emit(progress(0.2))
  await events.flush()
  const { events: stored } = await hub.read(ref, start)
  expect(stored.map(({ id, kind, data }) => [id, kind, JSON.parse(data)])).toEqual([
    [1, 'progress', { fraction: 0.1, message: null, data: null }],
    [2, 'output', { value: { page: 'with a\nline break' }, index: 0, list: 1 }],
    [3, 'progress', { fraction: 0.2, message: null, data: null }],
  ])
  await waitFor(
    'both announcements',
    () => heard.length,
    (count) => count === 2,
  )
  expect(heard.flatMap((one) => (one.changed ? [] : one.events))).toEqual(stored)
  expect((await hub.read(ref, { after: 2, gapTo: 0 })).events).toEqual(stored.slice(2))
  stop()
  expect(hub.watched).toBe(0)
})

test('a worker that no longer holds the job is refused and notified', async () => {
  const { client, keys, writer, hub, ref } = await world()
  const heard: Announcement[] = []
  await hub.watch(ref, (announcement) => heard.push(announcement))
  let lost = 0
  const events = writer.open(ref, 'mine', first, () => lost++)
  void events.emit(progress(0.5))
  await events.flush()
  await client.set(keys.lock(ref), "another worker's")
  void events.emit(progress(0.9))
  await events.flush()
  expect(lost).toBe(1)
  expect((await hub.read(ref, start)).events).toHaveLength(1)
  expect(JSON.parse((await client.hget(keys.job(ref), 'progress')) ?? '')).toMatchObject({ fraction: 0.5 })
  expect(heard).toHaveLength(1)
})

test('pending events are bounded: the newest progress is kept, outputs wait, dropped log lines are counted', async () => {
  const { writer, hub, ref } = await world()
  const events = writer.open(ref, 'mine', first, () => expect.unreachable())
  for (let n = 0; n <= 10_000; n++) void events.emit(progress(n / 10_000))
  for (let n = 0; n < 1500; n++)
    void events.emit({ kind: 'log', at: '', level: 'info', message: `line ${n}`, attempt: 1 })
  expect(events.emit({ kind: 'output', value: 'behind' })).toBeInstanceOf(Promise)
  await events.flush()
  const stored = await hub.readWithoutValues(ref, 0, 5000)
  expect(stored.length).toBeLessThanOrEqual(1001)
  expect(stored.filter(({ kind }) => kind === 'progress').at(-1)?.data).toContain('"fraction":1,')
  expect(stored.map(({ data }) => data).join()).toMatch(/\d+ log lines were dropped/)
})

test('progress and logs are bounded by size, too, values are not, and event ids keep rising', async () => {
  const { client, keys, writer, hub, ref } = await world()
  const events = writer.open(ref, 'mine', first, () => expect.unreachable())
  const text = 'x'.repeat(200_000)
  for (let n = 0; n < 30; n++) {
    void events.emit({ kind: 'progress', fraction: 0, message: null, data: text })
    await events.flush()
    await events.emit({ kind: 'output', value: text })
  }
  await events.flush()
  expect(Number(await client.call('MEMORY', 'USAGE', keys.events(ref), 'SAMPLES', 0))).toBeLessThan(6 * 1024 * 1024)
  const seen: string[] = []
  let [after, gapTo, missed] = [0, 0, 0]
  for (let isLast = false; !isLast; ) {
    const page = await hub.read(ref, { after, gapTo })
    for (const { id, kind } of page.events) {
      expect(id).toBeGreaterThan(after)
      after = id
      seen.push(kind)
    }
    missed += page.missed
    gapTo = Math.max(gapTo, page.missedTo)
    isLast = page.isLast
  }
  const kept = seen.filter((kind) => kind === 'progress').length
  expect({ values: seen.length - kept, kept: kept + missed, last: after }).toEqual({ values: 30, kept: 30, last: 60 })
  expect(missed).toBeGreaterThan(5)
  void events.emit({ kind: 'progress', fraction: 0, message: null, data: 'x'.repeat(300_000) })
  await events.flush()
  const [large] = await hub.readWithoutValues(ref, 60, 10)
  expect(large?.data).toContain('more than 262144')
})

test('listeners are called to read again after the connection was lost', async () => {
  const { client, subscriber, keys, hub, ref } = await world()
  const connectionId = await subscriber.client('ID')
  const heard: Announcement[] = []
  await hub.watch(ref, (announcement) => heard.push(announcement))
  const back = once(subscriber, 'ready')
  await client.client('KILL', 'ID', connectionId)
  await back
  await waitFor(
    'the call to read again',
    () => heard,
    (all) => all.some((one) => one.changed && one.mayBeDone),
  )
  await waitFor(
    'the subscription',
    () => client.publish(keys.channel(ref), 'changed'),
    (receivers) => receivers === 1,
  )
})

test('listeners that come and go within a turn, in any order, hear a job exactly while they watch it', async () => {
  const { client, keys, hub } = await world()
  const refs = Array.from({ length: 50 }, (_, n) => newJobRef('io', Date.now() + n))
  const heard: string[] = []
  const stops = await Promise.all(refs.map((ref, n) => hub.watch(ref, () => heard.push(`first ${n}`))))

  // Half of them leave; of these, every other one is back in the same turn.
  const even = refs.filter((_, n) => n % 2 === 0)
  for (const [n, stop] of stops.entries()) if (n % 2 === 0) stop()
  const back = even.filter((_, n) => n % 2 === 0)
  const again = back.map((ref) => hub.watch(ref, () => heard.push(`again ${refs.indexOf(ref)}`)))
  const brief = newJobRef('io', Date.now())
  const briefWatch = hub.watch(brief, () => heard.push('brief'))
  await Promise.all(again)
  ;(await briefWatch)()
  const others = refs.filter((ref) => !even.includes(ref) || back.includes(ref))
  await waitFor(
    'only the watched to be subscribed',
    async () => (await client.pubsub('CHANNELS', keys.channel({ queue: 'io', id: '*' }))) as string[],
    (channels) => channels.length === others.length,
  )
  for (const ref of [...refs, brief]) await client.publish(keys.channel(ref), 'changed')
  const expected = others.map((ref) => `${back.includes(ref) ? 'again' : 'first'} ${refs.indexOf(ref)}`)
  await waitFor(
    'all to hear',
    () => heard.length,
    (length) => length >= expected.length,
  )
  expect(heard.toSorted()).toEqual(expected.toSorted())
})

test('of too many events, and of too large ones, the oldest make room, and what is left is counted', async () => {
  const { client, keys, writer, ref } = await world()
  const events = writer.open(ref, 'mine', first, () => expect.unreachable())
  const emit = async (count: number, message: string) => {
    const at = new Date().toISOString()
    for (let n = 0; n < count; n++) await events.emit({ kind: 'log', at, level: 'info', message, attempt: 1 })
    await events.flush()
  }
  const stored = async () => {
    const entries = (await client.xrange(keys.events(ref), '-', '+')).map(([id, [, text = '']]) => [id, text] as const)
    const characters = entries.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0)
    const [counted, trimmedTo] = await client.hmget(keys.job(ref), 'eventCharacters', 'trimmedTo')
    expect(Number(counted)).toBe(characters)
    return { first: entries[0]?.[0], count: entries.length, trimmedTo, characters }
  }
  await emit(1000, 'a')
  expect(await stored()).toMatchObject({ first: '0-1', count: 1000, trimmedTo: null })
  await emit(1, 'b')
  expect(await stored()).toMatchObject({ first: '0-2', count: 1000, trimmedTo: '1' })
  await emit(250, 'c')
  expect(await stored()).toMatchObject({ first: '0-252', count: 1000, trimmedTo: '251' })
  await emit(150, 'x'.repeat(60_000))
  const large = await stored()
  expect(large.characters).toBeLessThanOrEqual(4 * 1024 * 1024)
  expect(large.characters).toBeGreaterThan(4 * 1024 * 1024 - 61_000)
  expect(large.first).toBe(`0-${Number(large.trimmedTo) + 1}`)
  expect(large.count).toBe(1401 - Number(large.trimmedTo))
})
