import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  indexEntryOf,
  isUlid,
  newJobRef,
  parseJobId,
  parsePlainJobId,
  refOfPlace,
} from '../../../../src/queue/model/job-id.ts'

test('an id names its queue, and ids of one process rise', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/), (queue) => {
      const [first, second] = [newJobRef(queue, Date.now()), newJobRef(queue, Date.now())]
      expect(parseJobId(first.id)).toEqual(first)
      expect(first.id < second.id).toBe(true)
    }),
  )
})

test('ids of one millisecond rise, and none leads to the next', () => {
  const now = Date.now() + 1_000_000
  const ids = Array.from({ length: 100_000 }, () => newJobRef('io', now).id)
  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(ids.length)
  const ulids = ids.map((id) => id.slice(-26))
  expect(ulids.every(isUlid)).toBe(true)
  // An attacker who knows all digits of an id except these twelve or more has to guess 60 bits.
  const tails = new Set(ulids.map((ulid) => ulid.slice(-12)))
  expect(tails.size).toBe(ids.length)
  const steps = ulids.slice(1, 1000).map((ulid, n) => valueOf(ulid) - valueOf(ulids[n] ?? ''))
  // A step of 63 bits is below 2 ** 53 once in a thousand times.
  expect(steps.filter((step) => step < 2n ** 53n).length).toBeLessThan(20)
  expect(new Set(steps.map((step) => step % 1024n)).size).toBeGreaterThan(500)
})

test('ids keep rising when the clock goes back', () => {
  const now = Date.now() + 2_000_000
  const ids = [now, now - 5000, now - 1, now + 1].map((ms) => newJobRef('io', ms).id)
  expect(ids).toEqual(ids.toSorted())
})

function valueOf(ulid: string): bigint {
  let value = 0n
  for (const digit of ulid.split('')) value = value * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit))
  return value
}

test('any other text is not an id', () => {
  for (const id of [
    '',
    'io',
    'io_',
    '_01m82n0yt6a17zs46knkfzwasz',
    'io_01M82N0YT6A17ZS46KNKFZWASZ',
    'io_01m82n0yt6a17zs46knkfzwas:',
    'a:b_01m82n0yt6a17zs46knkfzwasz',
    'io_81m82n0yt6a17zs46knkfzwasz',
  ]) {
    expect(parseJobId(id), id).toBeUndefined()
  }
  fc.assert(fc.property(fc.string(), (text) => parseJobId(text) === undefined))
})

test('a job of a plain BullMQ producer is named by its queue and its id there; what looks like ours is ours', () => {
  expect(parsePlainJobId('io_1')).toEqual({ queue: 'io', id: 'io_1', bullId: '1' })
  expect(parsePlainJobId('io_order_7')).toEqual({ queue: 'io', id: 'io_order_7', bullId: 'order_7' })
  for (const id of [
    'io',
    'io_',
    '_1',
    'IO_1',
    'io_1:lock',
    'io_meta',
    'io_events',
    'io_stalled-check',
    `io_${'x'.repeat(201)}`,
    `io_${newJobRef('cpu', Date.now()).id}`,
  ])
    expect(parsePlainJobId(id), id).toBe(undefined)
  const ours = newJobRef('io', Date.now())
  expect(parseJobId(ours.id)).toEqual(ours)
})

test('entries of the index tell their job, and sort by its time', () => {
  const plain = { queue: 'io', id: 'io_7', bullId: '7' }
  const ours = newJobRef('io', 2000)
  const entries = [
    indexEntryOf(ours, '-', 2000),
    indexEntryOf(plain, '-', 1000),
    indexEntryOf({ queue: 'io', id: 'io_8', bullId: '8' }, '-', 1000),
  ]
  const refs = entries.toSorted().map((entry) => refOfPlace('io', entry.slice(2)))
  expect(refs[2]).toEqual({ ref: ours, ulid: ours.id.slice(3) })
  expect(new Set(refs.slice(0, 2).map(({ ref }) => ref.id))).toEqual(new Set(['io_7', 'io_8']))
  expect(refs.every(({ ulid }) => isUlid(ulid))).toBe(true)
  expect(refOfPlace('io', indexEntryOf(ours, 'acme', 2000).slice(5)).ref).toEqual(ours)
})
