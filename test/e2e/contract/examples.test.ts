import { expect, test } from 'vitest'
import { loadRegistry } from '../../../src/jobs/registry.ts'
import { startStack } from '../../helpers/stack.ts'
import { ApiDocument } from './api-document.ts'

test('each documented example of an answer matches its schema', async () => {
  const { api } = await startStack({ workers: 0 })
  const document = await ApiDocument.load(api.url)
  let seen = 0
  for (const { operation } of document.endpoints) {
    for (const [status, { content }] of document.responses(operation)) {
      for (const media of Object.values(content ?? {})) {
        for (const value of document.examples(media)) {
          expect(document.mistake(media.schema ?? {}, value), `${operation.operationId} ${status}`).toBeUndefined()
          seen++
        }
      }
    }
  }
  for (const [name, schema] of Object.entries(document.schemas)) {
    for (const example of (schema['examples'] ?? []) as unknown[]) {
      expect(document.mistake(schema, example), name).toBeUndefined()
      seen++
    }
  }
  expect(seen).toBeGreaterThan(100)
}, 120_000)

test('each documented example of a submission is accepted, and its job returns the example of its output', async () => {
  const { api } = await startStack()
  const document = await ApiDocument.load(api.url)
  const endpoint = document.endpoint('POST', '/v1/jobs')
  const outputs = new Map<string, unknown>()
  for (const { job } of (await loadRegistry({ diagnosticJobs: true })).values())
    for (const { input, output } of job.examples) outputs.set(JSON.stringify([job.type, input]), output)
  const submissions = Object.entries(document.schemas)
    .filter(([name]) => name.startsWith('Submit'))
    .flatMap(([, { examples }]) => examples as { type: string; input: unknown }[])
  expect(new Set(submissions.map(({ type }) => type)).size).toBe(8)
  expect(submissions.length).toBeGreaterThan(2 * 8)

  await Promise.all(
    submissions.map(async (submission) => {
      // A job that fetches from another host is accepted and tried. Whether it succeeds depends on the network.
      const needsNetwork = JSON.stringify(submission.input).includes('https://example.com')
      const response = await fetch(`${api.url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: needsNetwork ? 'wait=1' : 'wait=15' },
        body: JSON.stringify(submission),
      })
      const { status, headers } = response
      const body = await response.text()
      const contentType = headers.get('content-type') ?? undefined
      expect(
        document.undocumented(endpoint, { status, contentType, headers: Object.fromEntries(headers), body }),
        body,
      ).toBeUndefined()
      expect(needsNetwork ? [200, 202] : [200]).toContain(status)
      const output = outputs.get(JSON.stringify([submission.type, submission.input]))
      if (output === undefined || needsNetwork) return
      // The time is measured.
      const expected = submission.type.startsWith('burn-') ? { burned_ms: expect.any(Number) } : output
      expect(JSON.parse(body)).toMatchObject({ state: 'succeeded', output: expected })
    }),
  )
}, 120_000)
