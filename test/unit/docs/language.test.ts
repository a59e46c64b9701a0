import { expect, test } from 'vitest'
import { findPhrases } from '../../../scripts/language/phrases.ts'

test('a phrase is found with its line, also across a line break of a comment', () => {
  const text = 'one\n * Whoever asks.\n * It brings\n * the flow on.\n const mostJobs = 3'
  expect(findPhrases(text).map(({ line, text: found }) => [line, found])).toEqual([
    [2, 'Whoever'],
    [3, 'brings * the flow on'],
    [5, 'mostJobs'],
  ])
})

test('words that only look like a phrase are not found', () => {
  expect(findPhrases('mostly, aforesaid, untold, most jobs, bring an online store, impatient, not nowadays')).toEqual(
    [],
  )
})
