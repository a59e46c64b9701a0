import type { IncomingMessage, ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { serve } from './local-site.ts'
import { waitFor } from './wait-for.ts'

/** A secret in the format of WEBHOOK_SECRETS. The same letter gives the same secret. */
export function webhookSecret(letter: string): string {
  return `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`
}

export interface Message {
  id: string
  /** The body as it was sent. */
  body: string
  payload: { type: string; timestamp: string; data: Record<string, unknown> }
  headers: Record<string, string>
  at: number
}

/** Answers the nth message, from 0. A response that it does not end stays open. */
type Answer = (response: ServerResponse, nth: number) => void

export interface Receiver {
  url: string
  messages: Message[]
  /** Resolves to the messages once there are `count`. */
  received(count: number, withinMs?: number): Promise<Message[]>
}

/** A receiver of webhooks that is closed after its test. By default it answers 204. */
export async function receiveWebhooks(answer: Answer = (response) => response.writeHead(204).end()): Promise<Receiver> {
  const messages: Message[] = []
  const site = await serve((request, response) => {
    void read(request).then((message) => answer(response, messages.push(message) - 1))
  })
  return {
    url: `${site.url}/hook`,
    messages,
    received: (count, withinMs = 10_000) =>
      waitFor(
        `${count} webhooks`,
        () => messages,
        ({ length }) => length >= count,
        { withinMs },
      ),
  }
}

async function read(request: IncomingMessage): Promise<Message> {
  const body = Buffer.concat(await Array.fromAsync(request)).toString()
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  return { id: headers['webhook-id'] ?? '', body, payload: JSON.parse(body), headers, at: Date.now() }
}

/** Verifies a message like its receiver. @throws if the signature is not from this secret */
export function verify({ body, headers }: Message, secret: string): unknown {
  return new Webhook(secret).verify(body, headers)
}
