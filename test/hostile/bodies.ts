/** A body that is meant to hurt: the request, and what a route may answer to it. */
export interface HostileBody {
  name: string
  method: 'POST' | 'PUT'
  path: string
  headers?: Record<string, string>
  body: () => string
  statuses: readonly number[]
}

const bodyLimit = 8_388_608
const room = bodyLimit - 2000

/** Text of one unit after the other, as long as a body may be. */
const fill = (unit: string, bytes = room) => unit.repeat(Math.floor(bytes / Buffer.byteLength(unit)))
/** Items from 0 on, joined by commas, as many as a body may hold, or `count`. */
function list(item: (n: number) => string, count = Number.POSITIVE_INFINITY, bytes = room): string {
  const items: string[] = []
  let left = bytes
  for (let n = 0; n < count; n++) {
    const text = item(n)
    left -= Buffer.byteLength(text) + 1
    if (left < 0) break
    items.push(text)
  }
  return items.join(',')
}
const members = (count: number, value = '1', prefix = 'k') => list((n) => `"${prefix}${n}":${value}`, count)
/** As many members as a body may have, as many different names as it may have. */
const maxMembers = () => list((o) => `{${members(19_000, '1', `k${o % 3}_`)}}`, 10)
const echo = (input: string) => `{"type":"echo","input":${input}}`
const job = (fields: string) => `{"type":"echo","input":1,${fields}}`
const flow = (node: string) => `{"flow":${node}}`

const jobs = (name: string, body: () => string, statuses: number[], headers?: Record<string, string>): HostileBody => ({
  name,
  method: 'POST',
  path: '/v1/jobs',
  body,
  statuses,
  ...(headers && { headers }),
})
const flows = (name: string, body: () => string, statuses: number[]): HostileBody => ({
  name: `flow: ${name}`,
  method: 'POST',
  path: '/v1/flows',
  body,
  statuses,
})
const schedules = (name: string, body: () => string, statuses: number[]): HostileBody => ({
  name: `schedule: ${name}`,
  method: 'PUT',
  path: '/v1/schedules/a',
  body,
  statuses,
})

const shapes: [name: string, body: () => string, statuses: number[]][] = [
  ['a long text', () => `"${fill('x')}"`, [202]],
  ['a long text of escapes', () => `"${fill('\\n')}"`, [202]],
  ['a long text of surrogate pairs', () => `"${fill('\\ud83d\\ude00')}"`, [202]],
  ['numbers', () => `[${list(() => '1')}]`, [202]],
  ['numbers with long exponents', () => `[${list(() => '1e307')}]`, [202]],
  ['numbers that change', () => `[${list(() => '12345678901234567890')}]`, [400]],
  ['one number', () => fill('9'), [400]],
  ['short texts', () => `[${list((n) => `"${n.toString(36)}"`)}]`, [413]],
  ['400,000 short texts', () => `[${list((n) => `"${n.toString(36)}"`, 399_000)}]`, [202]],
  ['400,000 arrays', () => `[${list(() => '[]', 399_000)}]`, [202]],
  ['400,000 nested arrays', () => `[${list(() => '[[[[[[[[[[1]]]]]]]]]]', 39_900)}]`, [202]],
  ['many arrays', () => `[${list(() => '[[[[[[1]]]]]]')}]`, [413]],
  ['many objects', () => `[${list(() => '{}')}]`, [413]],
  ['distinct members', () => `{${members(Number.POSITIVE_INFINITY)}}`, [413]],
  ['as many distinct members as allowed', () => `[${maxMembers()}]`, [202]],
  ['distinct members of small objects', () => `[${list((n) => `{"k${n}":1}`, 199_000)}]`, [413]],
  ['as many small objects with distinct members as allowed', () => `[${list((n) => `{"k${n}":1}`, 78_000)}]`, [202]],
  ['small objects of one shape', () => `[${list((n) => `{"k":${n}}`, 199_000)}]`, [202]],
  ['members of one name', () => `{${list(() => '"a":1')}}`, [413]],
  ['a deep text', () => fill('['), [400]],
  ['sixty levels, many times', () => `[${list(() => `${'['.repeat(60)}${']'.repeat(60)}`)}]`, [413]],
  ['spaces', () => `${fill(' ')}1`, [202]],
]

export const hostileBodies: HostileBody[] = [
  ...shapes.map(([name, input, statuses]) => jobs(name, () => echo(input()), statuses)),
  ...shapes
    .filter(([, , [status]]) => status === 202)
    .map(([name, input]) =>
      jobs(`${name}, with a key`, () => echo(input()), [202], { 'idempotency-key': name.replaceAll(' ', '-') }),
    ),
  jobs('no JSON at its end', () => `${echo(`"${fill('x')}"`)}!`, [400]),
  jobs('no JSON at all', () => fill('"\\'), [400]),
  jobs('unknown fields', () => job(members(19_900)), [400]),
  jobs('wrong metadata keys', () => job(`"metadata":{${members(19_900, '1', 'k'.repeat(200))}}`), [400]),
  jobs('wrong metadata values', () => job(`"metadata":{${members(19_900)}}`), [400]),
  jobs('a long metadata key', () => job(`"metadata":{"${fill('k')}":"v"}`), [400]),
  jobs('a long unknown field', () => job(`"${fill('k')}":1`), [400]),
  jobs('a long unknown field of controls', () => job(`"${fill('\\u0001')}":1`), [400]),
  jobs('wrong tags', () => job(`"tags":[${list(() => '1')}]`), [400]),
  jobs('many tags', () => job(`"tags":[${list((n) => `"t${n}"`, 399_000)}]`), [400]),
  jobs('a long type', () => `{"type":"${fill('x')}","input":1}`, [404]),
  jobs('a long time', () => job(`"run_at":"${fill('1')}"`), [400]),
  jobs('a long webhook', () => job(`"webhook":{"url":"http://x/${fill('y')}"}`), [400]),
  jobs('wrong webhook events', () => job(`"webhook":{"url":"http://x/","events":[${list(() => '0')}]}`), [400]),
  jobs('unknown fields of the backoff', () => job(`"backoff":{${members(19_900)}}`), [400]),
  jobs(
    'wrong headers of http-request',
    () => `{"type":"http-request","input":{"url":"http://x/","headers":{${members(19_900, '1', ' ')}}}}`,
    [400],
  ),
  jobs(
    'wrong statuses of http-request',
    () => `{"type":"http-request","input":{"url":"http://x/","expect_status":[${list(() => '1')}]}}`,
    [400],
  ),
  jobs('a long URL of http-request', () => `{"type":"http-request","input":{"url":"http://x/${fill('y')}"}}`, [400]),
  jobs(
    'wrong URLs of extract-links',
    () => `{"type":"extract-links","input":{"urls":[${list((n) => `"${n}"`, 399_000)}]}}`,
    [400],
  ),
  jobs('numbers for URLs', () => `{"type":"extract-links","input":{"urls":[${list(() => '1')}]}}`, [400]),
  jobs('unknown fields of an input', () => `{"type":"sleep","input":{"duration_ms":1,${members(19_900)}}}`, [400]),
  jobs('an array for a body', () => `[${list(() => '1')}]`, [400]),
  jobs('a text for a body', () => `"${fill('x')}"`, [400]),
  flows('unknown fields', () => `{"flow":{"type":"echo","input":1},${members(19_900)}}`, [400]),
  flows('unknown fields of a job', () => flow(`{"type":"echo","input":1,${members(19_900)}}`), [400]),
  flows(
    'unknown fields of jobs',
    () => flow(`{"gather":[${list((o) => `{"type":"echo","input":1,${members(19_000, '1', `k${o % 3}_`)}}`, 10)}]}`),
    [400],
  ),
  flows('unknown fields of a gather', () => flow(`{"gather":[],${members(19_900)}}`), [400]),
  flows('wrong jobs', () => flow(`{"gather":[${list(() => '{"type":"echo","input":1,"x":1}', 60_000)}]}`), [400]),
  flows('numbers for nodes', () => flow(`{"gather":[${list(() => '1')}]}`), [400]),
  flows(
    'chains of chains',
    () => flow(`{"chain":[${list(() => '{"chain":[{"chain":[{"chain":[1]}]}]}', 50_000)}]}`),
    [400],
  ),
  flows('many references', () => flow(`{"type":"echo","input":[${list(() => '{"$output":""}', 190_000)}]}`), [400]),
  flows(
    'many good references',
    () =>
      flow(`{"chain":[{"type":"echo","input":1},{"type":"echo","input":[${list(() => '{"$output":""}', 190_000)}]}]}`),
    [202],
  ),
  flows(
    'many wrong references',
    () => flow(`{"type":"echo","input":[${list(() => '{"$output":1}', 190_000)}]}`),
    [400],
  ),
  flows(
    'a reference of a long pointer',
    () => flow(`{"chain":[{"type":"echo","input":1},{"type":"echo","input":{"$output":"${fill('/a')}"}}]}`),
    [202, 400],
  ),
  flows(
    'a map over numbers',
    () => flow(`{"map":{"over":[${list(() => '1')}],"node":{"type":"echo","input":1}}}`),
    [202, 400],
  ),
  flows(
    'unknown fields of a map',
    () => flow(`{"map":{"over":[],"node":{"type":"echo","input":1},${members(19_900)}}}`),
    [400],
  ),
  flows('a large input', () => flow(echo(`[${list(() => '1')}]`)), [202]),
  flows('wrong metadata', () => `{"flow":{"type":"echo","input":1},"metadata":{${members(19_900)}}}`, [400]),
  flows('wrong tags', () => `{"flow":{"type":"echo","input":1},"tags":[${list(() => '1')}]}`, [400]),
  schedules('a long cron expression', () => `{"cron":"${fill('1,')}1 * * * *","job":{"type":"echo","input":1}}`, [400]),
  schedules(
    'a long list of hours',
    () => `{"cron":"* ${fill('*/2,', 190)}1 * * *","job":{"type":"echo","input":1}}`,
    [400, 200, 201],
  ),
  schedules(
    'a long time zone',
    () => `{"cron":"* * * * *","timezone":"${fill('x')}","job":{"type":"echo","input":1}}`,
    [400],
  ),
  schedules('a large input', () => `{"every_ms":60000,"job":${echo(`[${list(() => '1')}]`)}}`, [413]),
  schedules('unknown fields', () => `{"every_ms":60000,"job":{"type":"echo","input":1},${members(19_900)}}`, [400]),
  schedules(
    'unknown fields of a job',
    () => `{"every_ms":60000,"job":{"type":"echo","input":1,${members(10_000)}}}`,
    [400],
  ),
  schedules(
    'wrong metadata',
    () => `{"every_ms":60000,"job":{"type":"echo","input":1,"metadata":{${members(10_000)}}}}`,
    [400],
  ),
  {
    name: 'a cancel with members',
    method: 'POST',
    path: '/v1/jobs/io_01m82n0yt6a17zs46knkfzwasz/cancel',
    body: () => `[${maxMembers()}]`,
    statuses: [404],
  },
  {
    name: 'a pause with distinct members',
    method: 'POST',
    path: '/v1/queues/io/pause',
    body: () => `{${members(Number.POSITIVE_INFINITY)}}`,
    statuses: [413],
  },
]
