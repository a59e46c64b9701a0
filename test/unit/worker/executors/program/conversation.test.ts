import { expect, test } from 'vitest'
import type { JobContext } from '../../../../../src/jobs/define-job.ts'
import { Conversation } from '../../../../../src/worker/executors/program/conversation.ts'

function begin() {
  const stop = new AbortController()
  const kept: unknown[] = []
  const stored: number[] = []
  const refused: number[] = []
  const context = {
    signal: stop.signal,
    checkpoint: async (state: unknown) => void kept.push(state),
  } satisfies Partial<JobContext>
  const conversation = new Conversation({
    context: context as unknown as JobContext,
    onStored: (count) => stored.push(count),
    onRefused: (count) => refused.push(count),
    onPressure: () => {},
  })
  const say = (message: Parameters<Conversation['take']>[0]) => conversation.take(message, 1)
  return { conversation, say, stop, kept, stored, refused, values: conversation.run() }
}

test('keeps a checkpoint of a stopped job when all values before it were taken', async () => {
  const { say, stop, kept, stored, refused, values } = begin()
  say({ kind: 'yield', id: '1', value: 'a' })
  expect(await values.next()).toEqual({ done: false, value: 'a' })
  stop.abort()
  say({ kind: 'checkpoint', id: '1', n: 2, state: 'after a' })
  say({ kind: 'result', id: '1' })
  await values.return(undefined)
  expect({ kept, stored, refused }).toEqual({ kept: ['after a'], stored: [2], refused: [] })
})

test('refuses a checkpoint of a stopped job by its own number when a value before it was dropped', async () => {
  const { say, stop, kept, stored, refused, values } = begin()
  stop.abort()
  say({ kind: 'yield', id: '1', value: 'a' })
  await values.next()
  say({ kind: 'yield', id: '1', value: 'b' })
  say({ kind: 'checkpoint', id: '1', n: 3, state: 'after b' })
  say({ kind: 'result', id: '1' })
  await values.return(undefined)
  expect({ kept, stored, refused }).toEqual({ kept: [], stored: [], refused: [3] })
})
