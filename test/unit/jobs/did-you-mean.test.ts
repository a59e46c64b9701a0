import { expect, test } from 'vitest'
import { didYouMean } from '../../../src/jobs/did-you-mean.ts'

const options = ['type', 'title', 'runsOn', 'input', 'output', 'attempts', 'timeoutMs', 'memoryLimitMb', 'run']

test.each([
  ['retries', 'attempts'],
  ['max_retries', 'attempts'],
  ['attempt', 'attempts'],
  ['timeout', 'timeoutMs'],
  ['timeout_ms', 'timeoutMs'],
  ['timeoutms', 'timeoutMs'],
  ['runs_on', 'runsOn'],
  ['handler', 'run'],
  ['inputs', 'input'],
  ['memoryLimit', 'memoryLimitMb'],
  ['titel', 'title'],
  ['somethingElse', undefined],
  ['', undefined],
])('"%s" was probably meant to be %s', (unknown, meant) => {
  expect(didYouMean(unknown, options)).toBe(meant)
})
