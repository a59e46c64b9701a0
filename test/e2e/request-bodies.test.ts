import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'

interface Refusal {
  code: string
  detail: string
  errors?: { pointer: string; detail: string }[]
}

/** Each route that accepts a document, with a place in it for any value. */
const routes: [name: string, method: string, path: string, body: (value: string) => string, pointer: string][] = [
  ['a job', 'POST', '/v1/jobs', (value) => `{"type":"echo","input":{"a":[0,${value}]}}`, '/input/a/1'],
  ['a priority', 'POST', '/v1/jobs', (value) => `{"type":"echo","input":1,"priority":${value}}`, '/priority'],
  [
    'a flow',
    'POST',
    '/v1/flows',
    (value) => `{"flow":{"chain":[{"type":"echo","input":${value}}]}}`,
    '/flow/chain/0/input',
  ],
  [
    'a schedule',
    'PUT',
    '/v1/schedules/a',
    (value) => `{"every_ms":60000,"job":{"type":"echo","input":${value}}}`,
    '/job/input',
  ],
]

test.each(routes)('a number that a double cannot hold is refused: %s', async (_, method, path, body, pointer) => {
  const { api } = await startStack({ workers: 0 })
  for (const number of ['1e400', '-1e400', '12345678901234567890', '9007199254740993']) {
    const answer = await send<Refusal>(method, api.url + path, { body: body(number) })
    expect(answer, number).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        errors: [{ pointer, detail: 'is a number that a double cannot hold: send it as a string' }],
      },
    })
  }
})

test('numbers that a double holds come back as they were sent', async () => {
  const { api } = await startStack({ workers: 0 })
  const numbers = '[9007199254740992,-9007199254740992,100000000000000000000,1e+22,1.7976931348623157e+308,5e-324,0.1]'
  const body = `{"type":"echo","input":${numbers}}`
  const response = await fetch(`${api.url}/v1/jobs`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(202)
  expect(await response.text()).toContain(`"input":${numbers}`)
})

test('text that is not Unicode is refused at its place, and no answer contains it', async () => {
  const { api } = await startStack({ workers: 0 })
  const post = (body: string) => send<Refusal>('POST', `${api.url}/v1/jobs`, { body })
  const detail = 'has half of a surrogate pair: it is no Unicode text'
  expect(await post('{"type":"echo","input":["\\ud83d\\ude00","a\\ud83d"]}')).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/input/1', detail }] },
  })
  expect(await post('{"type":"echo","input":1,"tags":["\\udc00"]}')).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/tags/0', detail }] },
  })
  const named = await post('{"type":"echo","input":{"\\ud800":1}}')
  expect(named).toMatchObject({ status: 400, body: { errors: [{ pointer: '/input/\ufffd', detail }] } })
  expect((await post('{"type":"echo","input":"\\ud83d\\ude00"}')).status).toBe(202)
  // Text that is shortened for an answer is cut between characters.
  const long = await post(JSON.stringify({ type: `x${'\u{1f600}'.repeat(5000)}`, input: 1 }))
  expect(long).toMatchObject({ status: 404, body: { code: 'unknown_job_type' } })
  expect(JSON.stringify(long.body).isWellFormed()).toBe(true)
})

const members = (count: number, prefix = 'k') =>
  `{${Array.from({ length: count }, (_, n) => `"${prefix}${n}":1`).join(',')}}`

test('a body with too many members is refused before it is parsed', async () => {
  const { api } = await startStack({ workers: 0 })
  const post = (input: string) =>
    send<Refusal>('POST', `${api.url}/v1/jobs`, { body: `{"type":"echo","input":${input}}` })
  const refused = (detail: string) => ({ status: 413, body: { code: 'too_many_members', detail } })
  expect((await post(members(20_000))).status).toBe(202)
  expect(await post(members(20_001))).toMatchObject(refused('The body has more than 20000 members in one object.'))
  // The two members of the submission count too.
  const many = (last: number) => `[${`${members(20_000)},`.repeat(9)}${members(last)}]`
  expect((await post(many(19_998))).status).toBe(202)
  expect(await post(many(19_999))).toMatchObject(
    refused('The body has more than 200000 members in all objects together.'),
  )
  const names = (objects: number) => `[${Array.from({ length: objects }, (_, n) => members(1, `k${n}-`)).join(',')}]`
  expect((await post(names(75_000))).status).toBe(202)
  expect(await post(names(100_000))).toMatchObject(refused('The body has more than 80000 different names of members.'))
  expect(await post(`[${'[],'.repeat(400_000)}1]`)).toMatchObject(
    refused('The body has more than 400000 strings, arrays and objects.'),
  )
  for (const [method, path] of [
    ['POST', '/v1/flows'],
    ['PUT', '/v1/schedules/a'],
    ['POST', '/v1/queues/io/pause'],
  ] as const)
    expect((await send<Refusal>(method, api.url + path, { body: members(20_001) })).body.code).toBe('too_many_members')
}, 120_000)

test('the maximum number of members is a setting', async () => {
  const { api } = await startStack({
    workers: 0,
    env: { BODY_OBJECT_MEMBERS_LIMIT: '100', BODY_MEMBERS_LIMIT: '200', BODY_VALUES_LIMIT: '300' },
  })
  const post = (input: string) =>
    send<Refusal>('POST', `${api.url}/v1/jobs`, { body: `{"type":"echo","input":${input}}` })
  expect((await post(members(100))).status).toBe(202)
  for (const input of [members(101), `[${members(100)},${members(99)}]`, `[${'"",'.repeat(298)}""]`])
    expect((await post(input)).body.code).toBe('too_many_members')
})

test('bodies of eight megabytes are accepted: a long text, numbers, fifty thousand objects', async () => {
  const { api } = await startStack({ workers: 0 })
  const room = 8_388_608 - 100
  const objects = Array.from({ length: 50_000 }, (_, n) => ({ id: n, name: `item ${n}`, note: 'x'.repeat(110) }))
  for (const input of [
    `"${'x'.repeat(room)}"`,
    `[${'1,'.repeat(room / 2)}1]`,
    JSON.stringify(objects).slice(0, room),
  ]) {
    const answer = await send('POST', `${api.url}/v1/jobs`, { body: `{"type":"echo","input":${input}}` })
    expect(answer.status).toBe(202)
  }
}, 120_000)
