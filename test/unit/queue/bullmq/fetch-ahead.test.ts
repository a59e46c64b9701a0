import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FetchAhead } from '../../../../src/queue/bullmq/fetch-ahead.ts'

const job = (id: string) => [{ id, lockToken: `token of ${id}` }, id, 0, 0]
const none: unknown[] = []
/** The next is due then. */
const dueLater = [null, 0, 0, 1_900_000_000_000]

/** Fetches get `answers` one after the other, then nothing. Each says `left`: whether there are more jobs. */
function open(answers: (unknown[] | Error)[], left?: unknown[]) {
  const errors: unknown[] = []
  const putBack: string[] = []
  const seen = { fetches: 0, putBackDone: Promise.resolve() }
  const ahead: FetchAhead = new FetchAhead({
    concurrency: 10,
    fetch: async () => {
      seen.fetches += 1
      const answer = answers.shift() ?? none
      await nextTurn()
      ahead.onAnswer(left)
      if (answer instanceof Error) throw answer
      return answer
    },
    onError: (error) => void errors.push(error),
    putBack: ({ id }) => {
      putBack.push(id)
      return seen.putBackDone
    },
  })
  return { ahead, errors, putBack, seen }
}

test('a job is not lost when the first fetch finds none and the second brings it', async () => {
  const { ahead, putBack } = open([none, job('a')])
  expect(await ahead.next(true)).toEqual(job('a'))
  // The worker asks again and learns that there is no more.
  expect(await ahead.next(true)).toEqual(none)
  await nextTurn()
  expect(putBack).toEqual([])
})

test('a fetch that fails does not take along what another brought', async () => {
  const failure = new Error('refused')
  const { ahead, errors } = open([failure, job('a')])
  expect(await ahead.next(true)).toEqual(job('a'))
  expect(errors).toEqual([failure])
})

test('fails when all fetches fail', async () => {
  const { ahead, errors } = open([new Error('refused'), new Error('refused')])
  await expect(ahead.next(true)).rejects.toThrow('refused')
  expect(errors).toEqual([])
})

test('what the worker does not ask for is put back', async () => {
  const { ahead, putBack } = open([job('a'), job('b')])
  expect(await ahead.next(true)).toEqual(job('a'))
  await nextTurn()
  await nextTurn()
  expect(putBack).toEqual(['b'])
})

test('a question right after an answer that there are no more jobs needs no fetch; a later one does', async () => {
  const { ahead, seen } = open([job('a')], dueLater)
  expect(await ahead.next(true)).toEqual(job('a'))
  expect(seen.fetches).toBe(2)
  expect(await ahead.next(true)).toEqual(dueLater)
  expect(await ahead.next(true)).toEqual(dueLater)
  expect(ahead.takeMayBeMore()).toBe(false)
  expect(seen.fetches).toBe(2)
  await nextTurn()
  await ahead.next(true)
  expect(seen.fetches).toBe(4)
})

test('a marker that is read behind an older answer that there are no jobs starts a fetch', async () => {
  const { ahead } = open([none, none, job('a')], none)
  expect(await ahead.next(true)).toEqual(none)
  // In the same turn, by the other connection.
  ahead.onMarker()
  expect(await ahead.next(true)).toEqual(job('a'))
})

test('the worker asks on instead of waiting when an answer did not say that there are no more jobs', async () => {
  const { ahead } = open([job('a'), job('b')])
  await ahead.next(true)
  await ahead.next(true)
  expect(await ahead.next(true)).toEqual([])
  expect(ahead.takeMayBeMore()).toBe(true)
  expect(ahead.takeMayBeMore()).toBe(false)
})

test('a slot that asks by itself gets one job, and none is fetched ahead', async () => {
  const { ahead, putBack, seen } = open([job('a'), job('b')])
  expect(await ahead.next(false)).toEqual(job('a'))
  await nextTurn()
  await nextTurn()
  expect(seen.fetches).toBe(1)
  expect(putBack).toEqual([])
})

test('is settled when what was put back is back', async () => {
  const { ahead, putBack, seen } = open([job('a'), job('b')])
  const back = Promise.withResolvers<void>()
  seen.putBackDone = back.promise
  await ahead.next(true)
  const settled = ahead.settle()
  expect(putBack).toEqual(['b'])
  expect(await Promise.race([settled.then(() => 'settled'), nextTurn('waits')])).toBe('waits')
  back.resolve()
  await settled
})

test('the kept answer that there are no jobs does not hold once the next delayed job is due', async () => {
  const due = [null, 0, 0, Date.now() - 1]
  const { ahead, seen } = open([due, due, due, due], due)
  expect(await ahead.next(true)).toEqual(due)
  const before = seen.fetches
  // In the same turn: BullMQ's loop does not wait for a job that is due.
  expect(await ahead.next(true)).toEqual(due)
  expect(seen.fetches).toBeGreaterThan(before)
})
