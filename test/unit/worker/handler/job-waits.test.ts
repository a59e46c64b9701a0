import { expect, test } from 'vitest'
import type { AwaitAnswers, Wait } from '../../../../src/jobs/job-wait.ts'
import { JobWaits } from '../../../../src/worker/handler/job-waits.ts'

test('of several signals the one that came first is the answer, whatever the order of names and fields', async () => {
  const asked: (readonly Wait[])[] = []
  const ask: AwaitAnswers = async (waits) => {
    asked.push(waits)
    return { status: 'answered', answers: [{ status: 'arrived', field: 'signal:c', value: '3 "asked"' }] }
  }
  const waits = new JobWaits({ answers: { 'signal:a': '10 1', 'signal:b': '9 [2]' } }, ask)
  expect(await waits.waitForSignal(['a', 'b'])).toEqual({ name: 'b', payload: [2] })
  expect(await waits.waitForSignal(['x', 'a'])).toEqual({ name: 'a', payload: 1 })
  expect(await waits.waitForSignal('a')).toBe(1)
  expect(asked).toEqual([])
  expect(await waits.waitForSignal(['d', 'c'], { timeoutMs: 5, step: 's' })).toEqual({ name: 'c', payload: 'asked' })
  expect(await waits.waitForSignal('c')).toBe('asked')
  expect(asked[0]).toEqual([{ fields: ['signal:c', 'signal:d'], step: 's', timeoutMs: 5 }])
})

test('a wait for several signals has one timeout, and is for 1 to 32 distinct names', async () => {
  const waits = new JobWaits({}, async () => ({ status: 'answered', answers: [{ status: 'over' }] }))
  await expect(waits.waitForSignal(['b', 'a'], { timeoutMs: 5 })).rejects.toMatchObject({
    code: 'signal_timeout',
    message: 'no signal a or b came within 5 ms',
  })
  const names = Array.from({ length: 33 }, (_, n) => `n${n}`)
  for (const wrong of [[], ['a', 'a'], ['a', 'a,b'], names, [null] as unknown as string[], null as unknown as string[]])
    await expect(waits.waitForSignal(wrong)).rejects.toMatchObject({ code: 'invalid_wait' })
  const text = { timeoutMs: '5' as unknown as number }
  await expect(waits.waitForSignal('a', text)).rejects.toMatchObject({ code: 'invalid_wait' })
  await expect(waits.waitForSignal(names.slice(1))).rejects.toMatchObject({ code: 'signal_timeout' })
})
