import assert from 'node:assert/strict'
import test from 'node:test'
import { testJob } from 'drover/testing'
import wordCount from './word-count.ts'

const input = { url: 'https://example.com/' }

test('counts the words of a page', async () => {
  const { output, progress } = await testJob(wordCount, input, {
    fetch: async () => new Response('a page with five words'),
  })
  assert.deepEqual(output, { words: 5, longest: 'words' })
  assert.equal(progress.at(-1)?.message, 'downloaded')
})

test('a page that is not there is not asked for again', async () => {
  const { error } = await testJob(wordCount, input, {
    fetch: async () => new Response('', { status: 404 }),
  })
  assert.deepEqual([error?.code, error?.retryable], ['no_page', false])
})

test('a server that fails is asked again', async () => {
  const { error, retryDelayMs } = await testJob(wordCount, input, {
    fetch: async () => new Response('', { status: 503 }),
  })
  assert.equal(error?.message, 'the page answered 503')
  assert.ok(Number(retryDelayMs) > 0)
})
