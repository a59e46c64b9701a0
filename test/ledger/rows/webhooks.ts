import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitFor } from '../../helpers/wait-for.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

const owed = 300
const secret = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`

/** By world: the ids of messages by job. */
const received = new WeakMap<World, Map<string, Set<string>>>()

async function receive(world: World, answer: (response: ServerResponse) => void): Promise<string> {
  const messages = new Map<string, Set<string>>()
  received.set(world, received.get(world) ?? messages)
  const mine = received.get(world) === messages
  const server = createServer(async (request, response) => {
    const { data } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString())
    const ids = messages.get(data.id) ?? new Set()
    if (mine) messages.set(data.id, ids.add(String(request.headers['webhook-id'])))
    answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  world.onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
}

function receiver(name: string, what: string, answer: (response: ServerResponse) => void): Row {
  return {
    name: `webhooks-${name}`,
    title: `Beside ${owed} webhooks that are owed to a receiver that ${what}`,
    setup: { env: { WEBHOOK_SECRETS: secret } },
    webhook: (world) => receive(world, (response) => void response.writeHead(204).end()),
    async cause(world, clients) {
      const bad = await receive(world, answer)
      const webhook = { url: bad }
      await world.fault(async () => {
        let left = owed
        const client = async () => {
          while (left-- > 0) await clients.submit('event-loop', { ms: 1 }, { webhook })
        }
        await Promise.all(Array.from({ length: 20 }, client))
      })
    },
    async check(world, clients) {
      const messages = received.get(world) ?? new Map<string, Set<string>>()
      const expected = [...clients.withWebhook]
      const missing = () => expected.filter((id) => !messages.has(id))
      await waitFor('all webhooks', missing, ({ length }) => length === 0, { withinMs: 10_000 }).catch(() => undefined)
      const twice = [...messages.values()].filter((ids) => ids.size > 1).length
      return { lost: missing().length, endedTwice: twice, note: `${expected.length} webhooks to the other receiver` }
    },
  }
}

/** Receivers of webhooks that misbehave, beside one that does not: its webhooks are counted. */
export const webhookRows: Row[] = [
  receiver('failing', 'answers 500', (response) => void response.writeHead(500).end()),
  receiver('dead', 'never answers', () => undefined),
  receiver('redirecting', 'redirects', (response) => void response.writeHead(302, { location: '/hook' }).end()),
]
