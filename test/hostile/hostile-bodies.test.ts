import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { webhookSecret } from '../helpers/webhook-receiver.ts'
import { type HostileBody, hostileBodies } from './bodies.ts'
import { startMeasuredApi } from './measured-api.ts'

/** What any body may cost. The least hold of some tries counts: a busy machine makes the same work slower, never faster. */
const bounds = { holdMs: 150, refusalBytes: 65_536, memoryMb: 512 }
const maxTries = 4

async function send(apiUrl: string, { method, path, headers = {} }: HostileBody, body: string) {
  const response = await fetch(apiUrl + path, {
    method,
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, answerBytes: (await response.arrayBuffer()).byteLength }
}

test('no body holds the event loop, is refused at length or uses up the memory', async () => {
  const { api, measure } = await startMeasuredApi({ WEBHOOK_SECRETS: webhookSecret('a') })
  const mistakes: string[] = []
  const rows: string[] = []
  const most = { holdMs: 0, refusalBytes: 0, memoryMb: 0 }
  for (const hostile of hostileBodies) {
    const body = hostile.body()
    const attempt = () => measure(() => send(api.url, hostile, body))
    let { holdMs, memoryMb, result } = await attempt()
    for (let tries = 1; tries < maxTries && holdMs > bounds.holdMs; tries++) {
      const again = await attempt()
      holdMs = Math.min(holdMs, again.holdMs)
      memoryMb = Math.max(memoryMb, again.memoryMb)
    }
    const { status, answerBytes } = result
    const cells = [
      hostile.name.padEnd(50),
      String(status),
      `${holdMs.toFixed(0)} ms`.padStart(7),
      `${answerBytes} B`.padStart(10),
      `${memoryMb.toFixed(0)} MiB`.padStart(8),
    ]
    rows.push(cells.join('  '))
    if (!hostile.statuses.includes(status)) mistakes.push(`${hostile.name}: answered ${status}`)
    if (holdMs > bounds.holdMs) mistakes.push(`${hostile.name}: held the loop for ${holdMs.toFixed(0)} ms`)
    if (status >= 400 && answerBytes > bounds.refusalBytes)
      mistakes.push(`${hostile.name}: was refused with ${answerBytes} bytes`)
    most.holdMs = Math.max(most.holdMs, holdMs)
    if (status >= 400) most.refusalBytes = Math.max(most.refusalBytes, answerBytes)
    most.memoryMb = Math.max(most.memoryMb, memoryMb)
  }
  const summary = `longest hold ${most.holdMs.toFixed(0)} ms, largest refusal ${most.refusalBytes} bytes, most memory ${most.memoryMb.toFixed(0)} MiB`
  console.log([...rows, `${hostileBodies.length} bodies: ${summary}`].join('\n'))
  expect(mistakes).toEqual([])
  expect(most.memoryMb).toBeLessThan(bounds.memoryMb)
}, 400_000)

test('the measure finds a body that holds the event loop where the limit that refuses it is off', async () => {
  const limits = ['BODY_MEMBERS_LIMIT', 'BODY_OBJECT_MEMBERS_LIMIT', 'BODY_NAMES_LIMIT', 'BODY_VALUES_LIMIT']
  const off = Object.fromEntries(limits.map((name) => [name, '100000000']))
  const { api, measure } = await startMeasuredApi(off)
  const hostile = hostileBodies.find(({ name }) => name === 'distinct members')
  const { holdMs } = await measure(async () => hostile && send(api.url, hostile, hostile.body()))
  expect(holdMs).toBeGreaterThan(bounds.holdMs)
}, 120_000)

test('sixty unfinished bodies of one key take the memory of a few', async () => {
  const acme = makeKey('acme', ['submit', 'read', 'cancel', 'admin'])
  const { path } = await keysFile([acme])
  const { api, measure } = await startMeasuredApi({ API_KEYS_FILE: path })
  const { hostname, port } = new URL(api.url)
  const head = [
    'POST /v1/jobs HTTP/1.1',
    'host: 127.0.0.1',
    'content-type: application/json',
    'content-length: 8000000',
    `authorization: ${acme.headers.authorization}`,
  ].join('\r\n')
  const part = Buffer.alloc(7_000_000, 'x')
  let refused = 0
  let written = 0
  const before = await measure(async () => (await fetch(`${api.url}/livez`)).status)
  const after = await measure(async () => {
    for (let n = 0; n < 60; n++) {
      const socket = connect(Number(port), hostname)
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => (refused += /^HTTP\/1.1 429 /.test(String(chunk)) ? 1 : 0))
      socket.write(`${head}\r\n\r\n`)
      socket.write(part, () => (written += 1))
    }
    await waitFor(
      'all bodies to be sent or refused',
      () => written,
      (count) => count === 60,
      { withinMs: 60_000 },
    )
  })
  expect(refused).toBe(54)
  const grown = after.memoryMb - before.memoryMb
  console.log(`60 unfinished bodies of 7 MB: ${grown.toFixed(0)} MiB more, hold ${after.holdMs.toFixed(0)} ms`)
  expect(grown).toBeLessThan(250)
  expect(after.holdMs).toBeLessThan(bounds.holdMs)
}, 120_000)

test('many bodies at once are stored or refused, and fit into the memory', async () => {
  const { api, measure } = await startMeasuredApi()
  const names = ['400,000 arrays', '400,000 nested arrays', 'as many distinct members as allowed', 'numbers']
  const bodies = hostileBodies.filter(({ name }) => names.includes(name))
  expect(bodies.length).toBe(names.length)
  const texts = bodies.map((hostile) => ({ hostile, text: hostile.body() }))
  const { holdMs, memoryMb, result } = await measure(() =>
    Promise.all(
      Array.from({ length: 10 }, () => texts)
        .flat()
        .map(({ hostile, text }) => send(api.url, hostile, text)),
    ),
  )
  const statuses = Map.groupBy(result, ({ status }) => status)
  console.log(`40 bodies at once: hold ${holdMs.toFixed(0)} ms, ${memoryMb.toFixed(0)} MiB`)
  expect([...statuses.keys()].every((status) => [202, 503].includes(status))).toBe(true)
  expect(statuses.get(202)?.length).toBeGreaterThan(0)
  expect(memoryMb).toBeLessThan(bounds.memoryMb)
}, 120_000)
