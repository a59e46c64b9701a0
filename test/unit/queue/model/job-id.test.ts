import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newJobRef, parseJobId } from '../../../../src/queue/model/job-id.ts'

test('an id names its queue, and ids of one process rise', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/), (queue) => {
      const [first, second] = [newJobRef(queue, Date.now()), newJobRef(queue, Date.now())]
      expect(parseJobId(first.id)).toEqual(first)
      expect(first.id < second.id).toBe(true)
    }),
  )
})

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
