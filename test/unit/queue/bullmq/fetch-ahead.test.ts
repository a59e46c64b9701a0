import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FetchAhead } from '../../../../src/queue/bullmq/fetch-ahead.ts'

const job = (id: string) => [{ id, lockToken: `token of ${id}` }, id, 0, 0]
const none: unknown[] = []

/** Fetches get `answers` one after the other, then nothing. */
function open(answers: (unknown[] | Error)[]) {
  const errors: unknown[] = []
  const putBack: string[] = []
  const ahead = new FetchAhead({
    concurrency: 10,
    fetch: async () => {
      const answer = answers.shift() ?? none
      if (answer instanceof Error) throw answer
      return answer
    },
    onError: (error) => void errors.push(error),
    putBack: (id) => void putBack.push(id),
  })
  return { ahead, errors, putBack }
}

test('a job is not lost when the first fetch finds none and the second brings it', async () => {
  const { ahead, putBack } = open([none, job('a')])
  expect(await ahead.next()).toEqual(job('a'))
  // The worker asks again and learns that there is no more.
  expect(await ahead.next()).toEqual(none)
  await nextTurn()
  expect(putBack).toEqual([])
})

test('a fetch that fails does not take along what another brought', async () => {
  const failure = new Error('refused')
  const { ahead, errors } = open([failure, job('a')])
  expect(await ahead.next()).toEqual(job('a'))
  expect(errors).toEqual([failure])
})

test('fails when all fetches fail', async () => {
  const { ahead, errors } = open([new Error('refused'), new Error('refused')])
  await expect(ahead.next()).rejects.toThrow('refused')
  expect(errors).toEqual([])
})

test('what the worker does not ask for is put back', async () => {
  const { ahead, putBack } = open([job('a'), job('b')])
  expect(await ahead.next()).toEqual(job('a'))
  await nextTurn()
  await nextTurn()
  expect(putBack).toEqual(['b'])
})
