import { expect, test } from 'vitest'
import { send, submit } from '../../helpers/client.ts'
import { startStack } from '../../helpers/stack.ts'
import { receiveWebhooks, webhookSecret } from '../../helpers/webhook-receiver.ts'
import { ApiDocument, type Schema } from './api-document.ts'

test('webhooks have the bodies and headers that the document names, and no others', async () => {
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  const document = await ApiDocument.load(api.url)
  const receiver = await receiveWebhooks()
  const webhook = { url: receiver.url }
  await submit(api.url, 'echo', { a: 1 }, { webhook, tags: ['t'], metadata: { a: 'b' } })
  await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { webhook, attempts: 1 })
  await submit(api.url, 'echo', 1, { webhook, delay_ms: 100, start_within_ms: 1 })
  for (const type of ['echo', 'sleep'])
    await send('POST', `${api.url}/v1/flows`, {
      body: { flow: { chain: [{ type, input: { duration_ms: 1, fail_at: 0 }, attempts: 1 }] }, webhook },
    })
  const messages = await receiver.received(5)
  for (const { payload, headers } of messages) {
    const { schema, parameters } = document.webhook(payload.type.startsWith('job.') ? 'jobEnded' : 'flowEnded')
    expect(document.mistake(schema, payload), payload.type).toBeUndefined()
    const { data } = Object(document.resolve(schema)['properties']) as { data: Schema }
    const fields = Object.keys(Object(document.resolve(data)['properties']))
    expect(new Set(Object.keys(payload.data))).toEqual(new Set(fields))
    for (const { name, required } of parameters) if (required) expect(headers, name).toHaveProperty(name)
  }
})
