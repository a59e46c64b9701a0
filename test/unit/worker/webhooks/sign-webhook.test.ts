import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { secretsOf, signatureHeaders } from '../../../../src/worker/webhooks/sign-webhook.ts'

const secret = (letter: string, tenant?: string) => ({ tenant, key: Buffer.from(letter.repeat(24)) })

test('a body is signed with each secret, as by the library of the standard', () => {
  const now = Date.now()
  const secrets = [secret('a'), secret('b')]
  const headers = signatureHeaders('whd_1', '{"ä":1}', secrets, now)
  const theirs = secrets.map(({ key }) => new Webhook(key.toString('base64')).sign('whd_1', new Date(now), '{"ä":1}'))
  expect(headers).toEqual({
    'webhook-id': 'whd_1',
    'webhook-timestamp': String(Math.floor(now / 1000)),
    'webhook-signature': theirs.join(' '),
  })
})

test('a tenant with secrets of its own never uses the common ones', () => {
  const [all, own, other] = [secret('a'), secret('b', 'acme'), secret('c', 'other')]
  expect(secretsOf('acme', [all, own, other])).toEqual([own])
  expect(secretsOf('-', [all, own, other])).toEqual([all])
  expect(secretsOf('-', [own, other])).toEqual([])
})
