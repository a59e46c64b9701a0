import { expect, test } from 'vitest'
import { readMessage } from '../../../../src/worker/executors/program/messages.ts'

test.each([
  [{ hello: { protocol: 1 } }, { kind: 'hello', protocol: 1 }],
  [
    { progress: { id: 'a', fraction: null, message: null } },
    { kind: 'progress', id: 'a', fraction: null, message: null },
  ],
  [{ yield: { id: 'a', value: [1] } }, { kind: 'yield', id: 'a', value: [1] }],
  [{ result: { id: 'a', output: 1, colour: 'red' } }, { kind: 'result', id: 'a', output: 1 }],
  [{ error: { id: 'a', retryable: false } }, { kind: 'error', id: 'a', retryable: false }],
  [{ checkpoint: { id: 'a', n: 1, state: {} } }, { kind: 'checkpoint', id: 'a', n: 1, state: {} }],
  [{ pong: {} }, { kind: 'pong' }],
])('%j is a message', (line, message) => {
  expect(readMessage(line)).toEqual({ status: 'read', message })
})

test.each([[[1]], ['text'], [null], [{ result: {} }], [{ log: { id: 'a' } }], [{ hello: { protocol: 'one' } }]])(
  '%j is invalid',
  (line) => {
    expect(readMessage(line)).toMatchObject({ status: 'invalid' })
  },
)

test('a kind that is not known is named, also one that every object has', () => {
  expect(readMessage({ wave: {} })).toEqual({ status: 'unknown', kind: 'wave' })
  expect(readMessage({ constructor: {} })).toEqual({ status: 'unknown', kind: 'constructor' })
})
