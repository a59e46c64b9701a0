import { expect, test } from 'vitest'
import { EndedJobs } from '../../src/queue/ended-jobs.ts'

const ended = (n: number) => ({ type: `type-${n}`, token: `token-${n}`, attempt: 1, isEndUntold: false })

test('the last thousand are remembered, and no more than twice as many', () => {
  const jobs = new EndedJobs()
  for (let n = 0; n < 12_345; n++) {
    jobs.add(`io_${n}`, ended(n))
    expect(jobs.get(`io_${Math.max(0, n - 999)}`)?.token).toBe(`token-${Math.max(0, n - 999)}`)
  }
  expect(jobs.get('io_1')).toBeUndefined()
  expect(jobs.ids().size).toBeLessThanOrEqual(2000)
  expect(jobs.lastTypes(2)).toEqual(['type-12343', 'type-12344'])
})

test('of two runs of a job the later is remembered', () => {
  const jobs = new EndedJobs()
  jobs.add('io_again', ended(1))
  for (let n = 10; n < 1009; n++) jobs.add(`io_${n}`, ended(n))
  jobs.add('io_again', ended(2))
  expect(jobs.get('io_again')?.token).toBe('token-2')
  expect([...jobs.ids()].filter((id) => id === 'io_again')).toHaveLength(1)
})
