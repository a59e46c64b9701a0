import { expect, test } from 'vitest'
import { shownWorkerName, workerNameOf } from '../../../../src/queue/model/worker-name.ts'

test('only admins see the host and process of a worker, everybody a configured name', () => {
  const name = workerNameOf('node-7', 12, undefined)
  expect(name).toMatch(/^node-7:12:[0-9a-f]{8}$/)
  expect(shownWorkerName(name, true)).toBe('node-7:12')
  expect(shownWorkerName(name, false)).toBe(`worker-${name.slice(-8)}`)
  expect(shownWorkerName(workerNameOf('node-7', 12, 'blue'), false)).toBe('blue')
  // As earlier versions stored it.
  expect(shownWorkerName('node-7:12', true)).toBe('node-7:12')
  expect(shownWorkerName('node-7:12', false)).toBe('worker')
})
