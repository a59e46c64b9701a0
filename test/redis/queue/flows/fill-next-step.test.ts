import { expect, onTestFinished, test } from 'vitest'
import { read } from '../../../helpers/client.ts'
import { echo, job, readFlow, results, submitFlow } from '../../../helpers/flows.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** A stack, and which steps of a flow of one chain were released with the end of the one before. */
async function world() {
  const stack = await startStack()
  const redis = await redisClient()
  const hints: string[] = []
  redis.on('message', (_channel: string, message: string) => void hints.push(message))
  await redis.subscribe(`${stack.env['KEY_PREFIX']}:{flows}:hints`)
  onTestFinished(async () => void (await redis.unsubscribe()))
  const run = async (steps: unknown[]) => {
    const { body } = await submitFlow(stack.api.url, { chain: steps }, { waitS: 20 })
    const members = await results(stack.api.url, body.id)
    const hintsOf = (id: string) => hints.filter((hint) => hint.startsWith(`${body.id} ${id}`))
    // A map is a member without an id.
    const ran = members.flatMap(({ id, state }) => (id !== null && state === 'succeeded' ? [id] : []))
    await waitFor(
      'the hints',
      async () => ran.every((id) => hintsOf(id).length > 0),
      (all) => all,
    )
    const released = ran.map((id) => hintsOf(id).some((hint) => hint.endsWith(' released')))
    return { flow: (await readFlow(stack.api.url, body.id)).body, members, released }
  }
  return { ...stack, run }
}

test('a step that takes the output of the job before it is released with the end of that job', async () => {
  const { api, run } = await world()
  const literal = { $literal: { $output: '' } }
  const { flow, members, released } = await run([
    echo({ a: [], n: 1e21, deep: { 'x/y': [null, 'ü'] } }),
    echo({ whole: { $output: '' }, last: { $output: '/deep/x~1y/1' }, literal }, { tags: ['second'] }),
    echo([{ $output: '/whole/a' }, { $output: '/literal' }]),
    echo('end'),
  ])
  expect(flow.state).toBe('succeeded')
  expect(released).toEqual([true, true, true, false])
  expect(members.map(({ output }) => output).slice(1, 3)).toEqual([
    { whole: { a: [], n: 1e21, deep: { 'x/y': [null, 'ü'] } }, last: 'ü', literal: { $output: '' } },
    [[], { $output: '' }],
  ])
  const second = (await read(api.url, members[1]?.id ?? '')).body
  expect(second).toMatchObject({ tags: ['second'], flow_id: flow.id, state: 'succeeded' })
})

test('the coordinator releases a step that the worker cannot complete, or says why it fails', async () => {
  const { run } = await world()
  const large = await run([echo('x'.repeat(20_000)), echo({ $output: '' }), echo('end')])
  expect([large.flow.state, large.released]).toEqual(['succeeded', [false, true, false]])
  expect(large.members[1]?.output).toHaveLength(20_000)

  const missing = await run([echo({ a: 1 }), echo({ got: { $output: '/b' } })])
  expect([missing.flow.state, missing.released]).toEqual(['failed', [false]])
  expect(missing.flow.error).toMatchObject({ code: 'invalid_input', path: '/flow/chain/1' })
  expect(missing.flow.error?.message).toContain('has nothing at "/b"')

  const refused = await run([echo('soon'), job('sleep', { duration_ms: { $output: '' } })])
  expect([refused.flow.state, refused.released]).toEqual(['failed', [false]])
  expect(refused.flow.error?.message).toContain('/input/duration_ms')

  const elsewhere = await run([
    echo([1, 2]),
    { map: { over: { $output: '' }, node: { chain: [echo({ $item: '' }), echo({ n: { $output: '' } })] } } },
    echo({ all: { $output: '' } }),
  ])
  expect(elsewhere.flow.state).toBe('succeeded')
  expect(elsewhere.members.at(-1)?.output).toEqual({ all: [{ n: 1 }, { n: 2 }] })
})
