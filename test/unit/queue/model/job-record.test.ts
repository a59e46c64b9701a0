import { expect, test } from 'vitest'
import { parseRecord, recordSchema } from '../../../../src/queue/model/job-record.ts'

const bare = { v: 1, tenant: 'acme', requestId: 'r1', traceparent: 't', input: { url: 'https://example.com' } }

test.each([
  ['without options', bare],
  ['without input', { v: 1, tenant: 'acme' }],
  ['with an option', { ...bare, timeoutMs: 1000 }],
  ['with a field of a later version', { ...bare, later: 1 }],
  ['of an earlier version, without a tenant', { v: 1, input: null }],
  ['of another version', { ...bare, v: 2 }],
  ['without a version', { tenant: 'acme', input: 1 }],
  ['with a tenant that is no text', { ...bare, tenant: 7 }],
  ['with a request id that is no text', { ...bare, requestId: {} }],
  ['that is a list', [1]],
  ['that is a text', 'record'],
  ['that is null', null],
])('a record %s is read as its schema says', (_, data) => {
  expect(parseRecord(data)).toEqual(recordSchema.safeParse(data).data)
})
