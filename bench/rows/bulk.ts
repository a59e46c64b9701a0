import { hold, startApi, startWorker } from '../peers/drover/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import { inTurns, type Row, scaled } from './row.ts'

const width = 1000

/** Jobs per second that are accepted with a thousand in one request. */
export const bulk: Row = async (world, size) => {
  const name = `gather of ${width}, jobs/s`
  const api = await startApi(world, 'drover')
  const origin = `http://127.0.0.1:${api.port}`
  const node = { type: 'echo', input: { hello: 'world' } }
  const call = {
    origin,
    path: '/v1/flows',
    headers: world.headers,
    body: JSON.stringify({ flow: { gather: Array.from({ length: width }, () => node) } }),
    status: 202,
  }
  const tried = await fetch(origin + call.path, { method: 'POST', headers: world.headers, body: call.body })
  if (tried.status === 404) {
    await api.stop()
    return [{ name, skipped: 'there is no POST /v1/flows yet' }]
  }
  const worker = await startWorker(world, 'drover', 'io:100')
  await hold(world, api.port, 'io', true)
  const raw = await startRaw(world, 'raw', 100)
  await raw.call('hold', { held: true })
  const flows = scaled(20, size)
  const ours = (count: number) => async () => width * (await world.load('closedLoop', { call, connections: 1, count }))
  const theirs = (count: number) => () => raw.call('addBulk', { count: count * width })
  await ours(5)()
  await theirs(5)()
  const [mine = [], plain = []] = await inTurns(size.rounds, [ours(flows), theirs(flows)])
  for (const running of [api, worker, raw]) await running.stop()
  return [{ name, yardstick: 'raw addBulk', ours: mine, theirs: plain, target: { of: 'ratio', atLeast: 0.7 } }]
}
