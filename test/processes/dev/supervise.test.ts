import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../../../src/dev/free-ports.ts'
import { launchNode } from '../../../src/dev/node-process.ts'
import { NeverReadyError } from '../../../src/dev/running.ts'
import { restartDelay, type Supervised, supervise } from '../../../src/dev/supervise.ts'
import { waitFor } from '../../helpers/wait-for.ts'

/** Answers every request with the id of its process. */
const server = `
  import { createServer } from 'node:http'
  createServer((request, response) => {
    response.end(String(process.pid))
  }).listen(Number(process.env.TEST_PORT), '127.0.0.1')
  process.once('disconnect', () => process.exit())`

const stubborn = `${server}; process.on('SIGTERM', () => {})`

const open: Supervised[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop(0)))
})

async function start(code: string): Promise<{ one: Supervised; said: string[]; pid: () => Promise<number> }> {
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const said: string[] = []
  const one = supervise({
    name: 'the server',
    say: (line) => said.push(line),
    bootWithinMs: 10_000,
    launch: () =>
      launchNode({
        args: ['--input-type=module', '-e', code],
        cwd: import.meta.dirname,
        env: { ...process.env, TEST_PORT: String(port) },
        readyUrl: url,
        lease: undefined,
      }),
  })
  open.push(one)
  return { one, said, pid: async () => Number(await (await fetch(url)).text()) }
}

test('a process that dies is started again, and said so', async () => {
  const { one, said, pid } = await start(server)
  await one.ready
  const first = await pid()
  process.kill(first, 'SIGKILL')
  const second = await waitFor('another process', pid, (id) => id !== first)
  expect(second).not.toBe(first)
  expect(said).toEqual(['the server ended unexpectedly (SIGKILL), starting it again in 250 ms'])
})

test('a process that ends before it was ever ready is not', async () => {
  const { one, said } = await start('process.exit(7)')
  await expect(one.ready).rejects.toBeInstanceOf(NeverReadyError)
  await expect(one.ready).rejects.toMatchObject({ ending: { code: 7 } })
  await one.stop(1000)
  expect(said).toEqual([])
})

test('a stop is final, and kills what does not stop', async () => {
  const { one, said, pid } = await start(stubborn)
  await one.ready
  const id = await pid()
  await one.stop(100)
  await one.stop(100)
  expect(() => process.kill(id, 0)).toThrow('ESRCH')
  expect(said).toEqual([])
})

test('a stop during the wait for the next start prevents it', async () => {
  const { one, said, pid } = await start(server)
  await one.ready
  process.kill(await pid(), 'SIGKILL')
  await waitFor(
    'the announcement',
    () => said.length,
    (lines) => lines === 1,
  )
  await one.stop(1000)
  await expect(pid()).rejects.toThrow('fetch failed')
})

test('the wait before a start doubles up to ten seconds', () => {
  expect([0, 1, 2, 5, 6, 50].map(restartDelay)).toEqual([250, 500, 1000, 8000, 10_000, 10_000])
})
