import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isEnd, type JobMove, jobMoves, next, type Standing } from '../../../../src/queue/model/job-states.ts'

const moves = Object.keys(jobMoves) as JobMove[]
const states = [...new Set(Object.values(jobMoves).flatMap(({ from, to }) => [...from, to]))]
const ends = ['succeeded', 'failed', 'canceled', 'expired']

test('docs/job-lifecycle.md has the moves that there are', () => {
  const page = readFileSync(new URL('../../../../docs/job-lifecycle.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('\n## Moves\n')
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` +\| ([^|]+) \| `(\w+)` +\|/gm)
  const documented = [...rows].map(([, move = '', from = '', to]) => [move, { from: from.match(/\w+/g), to }])
  expect(Object.fromEntries(documented)).toEqual(jobMoves)
})

test('docs/job-lifecycle.md has the states that there are', () => {
  const page = readFileSync(new URL('../../../../docs/job-lifecycle.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('\n## States\n')
  const documented = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, state]) => state)
  expect(new Set([...documented, 'absent'])).toEqual(new Set(states))
})

test('the ends are the four that clients know, and only a retry or their removal leads out of them', () => {
  for (const state of states) {
    if (state === 'absent') continue
    expect(isEnd(state), state).toBe(ends.includes(state))
    const waysOut = moves.filter((move) => next(state, move) !== undefined)
    if (isEnd(state))
      expect(waysOut, state).toEqual(state === 'succeeded' ? ['remove'] : ['retry', 'retry_in_flow', 'remove'])
    else expect(waysOut, state).not.toContain('remove')
  }
})

test('a move that is not allowed in a state has no next state', () => {
  expect(next('queued', 'start')).toBe('running')
  expect(next('scheduled', 'start')).toBeUndefined()
  expect(next('queued', 'succeed')).toBeUndefined()
  expect(next('canceled', 'start')).toBeUndefined()
  expect(next('succeeded', 'retry')).toBeUndefined()
  expect(next('blocked', 'start')).toBeUndefined()
})

test('a job reaches every state, and from every other state it reaches each end', () => {
  const reached = (from: Standing, been = new Set<Standing>()): Set<Standing> => {
    for (const move of moves) {
      const then = next(from, move)
      if (then === undefined || been.has(then)) continue
      reached(then, been.add(then))
    }
    return been
  }
  expect(reached('absent')).toEqual(new Set(states))
  for (const state of ['blocked', 'scheduled', 'queued', 'running'] as const) {
    expect([...reached(state)], state).toEqual(expect.arrayContaining(ends))
  }
})
