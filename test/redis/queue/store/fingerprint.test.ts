import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fingerprintOf, messagePattern } from '../../../../src/queue/model/fingerprint.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const lib = new URL('../../../../src/queue/bullmq/lua/lib/', import.meta.url)

test('a script of Redis computes the fingerprint that the API computes, whatever the message', async () => {
  const redis = await redisClient()
  const parts = await Promise.all(['retention.lua', 'labels.lua'].map((name) => readFile(new URL(name, lib), 'utf8')))
  const script = `${parts.join('\n')}\nreturn fingerprintOf(ARGV[1], ARGV[2], ARGV[3])`
  const word = fc.oneof(
    fc.constantFrom(
      '"',
      '"a b"',
      'https://x.example/1?q=ä b',
      'id_01k-7',
      'é7',
      '\u00a0',
      '\n',
      '\u2028',
      '*',
      '-',
      '💥',
    ),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
  )
  const message = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('echo', 'tüp'), fc.string(), message, async (type, code, text) => {
      expect(await redis.eval(script, 0, type, code, text)).toBe(fingerprintOf(type, { code, message: text }))
    }),
    { numRuns: 300 },
  )
})

test('messages that differ in numbers, quoted text and addresses have one fingerprint, others do not', () => {
  const of = (message: string) => fingerprintOf('echo', { code: 'job_failed', message })
  expect(of('read 12 of 40 bytes of "a.png" from https://a.example/1')).toBe(
    of('read 7 of 9000 bytes of "b c.png" from https://b.example/x?y=2'),
  )
  expect(of('order 6f1c2a9e-7d0b-4a51-9c43-0b6d9f1e2a33 is gone')).toBe(of('order 12 is gone'))
  expect(of('order 12 is gone')).not.toBe(of('order 12 is late'))
  expect(messagePattern('order 12 of "Ada" is gone')).toBe('order * of * is gone')
  expect(messagePattern(`${'ä'.repeat(249)}x💥`)).toBe(`${'ä'.repeat(249)}x`)
})
