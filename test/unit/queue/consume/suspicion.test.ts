import { expect, test } from 'vitest'
import { suspicion } from '../../../../src/queue/consume/suspicion.ts'

const queues = [{ name: 'io' }, { name: 'cpu' }]
const lease = (slot: number, queue: number, id: string) => ({ slot, queue, id, token: 't', heldSince: 0, version: 0 })
const leases = [lease(1, 0, 'a'), lease(2, 0, 'b'), lease(3, 1, 'a')]
const blocker = { queue: 'cpu', id: 'a', type: 'x' }

test.each([
  ['the job that is being started, also where another was named in the same turn', { starting: 2, blocker }, [2]],
  ['the job that the main thread named', { starting: 0, blocker }, [3]],
  ['all jobs where nobody knows', { starting: 0, blocker: undefined }, [1, 2, 3]],
])('suspected of a block is %s', (_what, known, slots) => {
  expect(leases.filter(suspicion({ ...known, queues })).map(({ slot }) => slot)).toEqual(slots)
})
