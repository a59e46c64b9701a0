import { expect, test } from 'vitest'
import { CancelInbox } from '../../../../src/queue/consume/cancel-inbox.ts'

test('a cancel is kept for the job and the token that it names, and taken once', () => {
  const inbox = new CancelInbox({ keepMs: 1000 })
  inbox.keep('io_1', 'mine', 0)
  expect(inbox.take('io_1', 'other')).toBe(false)
  expect(inbox.take('io_1', 'mine')).toBe(true)
  expect(inbox.take('io_1', 'mine')).toBe(false)
})

test('cancels are forgotten after their time, and beyond ten thousand the oldest', () => {
  const inbox = new CancelInbox({ keepMs: 1000 })
  inbox.keep('io_1', 'a', 0)
  inbox.keep('io_2', 'a', 900)
  inbox.keep('io_3', 'a', 1000)
  expect(inbox.size).toBe(2)
  for (let n = 0; n < 20_000; n++) inbox.keep(`io_${n}`, 'b', 1000)
  expect(inbox.size).toBe(10_000)
  expect(inbox.take('io_19999', 'b')).toBe(true)
  inbox.clear()
  expect(inbox.size).toBe(0)
})
