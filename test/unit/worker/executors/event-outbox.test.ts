import { expect, test, vi } from 'vitest'
import type { JobEvent, KeepRequest } from '../../../../src/jobs/job-event.ts'
import {
  createEventOutbox,
  eventWindow,
  logWindow,
  progressIntervalMs,
} from '../../../../src/worker/executors/child/event-outbox.ts'

function open() {
  const posted: (JobEvent | KeepRequest)[] = []
  const clock = { now: 0 }
  const outbox = createEventOutbox({ attempt: 1, post: (event) => posted.push(event), now: () => clock.now })
  return {
    posted,
    clock,
    outbox,
    log: (message: string) => void outbox.emit({ kind: 'log', at: '', level: 'info', message, attempt: 1 }),
    progress: (fraction: number) => void outbox.emit({ kind: 'progress', fraction, message: null, data: null }),
    last: () => posted.at(-1),
  }
}

test('progress is held back while many events are unacknowledged, and only the newest is kept', () => {
  const { posted, outbox, progress, last } = open()
  for (let step = 0; step < 1000; step++) progress(step / 1000)
  expect(posted.length).toBe(eventWindow)
  outbox.acknowledge(1)
  expect(posted.length).toBe(eventWindow + 1)
  expect(last()).toMatchObject({ fraction: 0.999 })
})

test('held progress is sent a few times per second even without acknowledgements', () => {
  const { posted, clock, progress } = open()
  for (clock.now = 0; clock.now < 10 * progressIntervalMs; clock.now++) progress(clock.now)
  expect(posted.length).toBe(eventWindow + 9)
})

test('held progress keeps its place before a log line', () => {
  const { posted, log, progress } = open()
  for (let step = 0; step <= eventWindow; step++) progress(step)
  log('after it')
  expect(posted.slice(-2)).toMatchObject([{ fraction: eventWindow }, { message: 'after it' }])
})

test('held events and the count of dropped ones are sent at the end', () => {
  const { posted, outbox, log, progress } = open()
  for (let line = 0; line < logWindow + 5; line++) log(`${line}`)
  progress(1)
  progress(0.5)
  outbox.flush()
  outbox.flush()
  const dropped = { kind: 'log', level: 'warn', message: expect.stringMatching(/^5 log lines were dropped/) }
  expect(posted.slice(logWindow)).toMatchObject([{ fraction: 1 }, dropped, { fraction: 0.5 }])
})

test('dropped lines are reported before the next line that is sent', () => {
  const { posted, outbox, log } = open()
  for (let line = 0; line < logWindow + 5; line++) log(`${line}`)
  outbox.acknowledge(2)
  log('through')
  expect(posted.slice(-2)).toMatchObject([{ message: expect.stringMatching(/^5 log lines/) }, { message: 'through' }])
})

test('an output waits while many events are unacknowledged', async () => {
  const { outbox } = open()
  const output = () => outbox.emit({ kind: 'output', value: 1 })
  for (let value = 1; value < eventWindow; value++) expect(output()).toBe(undefined)
  const onTaken = vi.fn<() => void>()
  const waiting = output()?.then(onTaken)
  await Promise.resolve()
  expect(onTaken).not.toHaveBeenCalled()
  outbox.acknowledge(1)
  await waiting
  expect(onTaken).toHaveBeenCalled()
})
