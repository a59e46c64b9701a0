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

async function start(code: string): Promise<{ one: Supervised; printed: string[]; pid: () => Promise<number> }> {
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const printed: string[] = []
  const one = supervise({
    name: 'the server',
    print: (line) => printed.push(line),
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
  return { one, printed, pid: async () => Number(await (await fetch(url)).text()) }
}

test('a process that ends is restarted, and the restart is reported', async () => {
  const { one, printed, pid } = await start(server)
  await one.ready
  const first = await pid()
  process.kill(first, 'SIGKILL')
  const second = await waitFor('another process', pid, (id) => id !== first)
  expect(second).not.toBe(first)
  expect(printed).toEqual(['the server ended unexpectedly (SIGKILL), restarting it in 250 ms'])
})

test('a process that ends before it was ever ready is not restarted', async () => {
  const { one, printed } = await start('process.exit(7)')
  await expect(one.ready).rejects.toBeInstanceOf(NeverReadyError)
  await expect(one.ready).rejects.toMatchObject({ ending: { code: 7 } })
  await one.stop(1000)
  expect(printed).toEqual([])
})

test('a stop is final and kills a process that ignores SIGTERM', async () => {
  const { one, printed, pid } = await start(stubborn)
  await one.ready
  const id = await pid()
  await one.stop(100)
  await one.stop(100)
  expect(() => process.kill(id, 0)).toThrow('ESRCH')
  expect(printed).toEqual([])
})

test('a stop during the delay before a restart prevents the restart', async () => {
  const { one, printed, pid } = await start(server)
  await one.ready
  process.kill(await pid(), 'SIGKILL')
  await waitFor(
    'the announcement',
    () => printed.length,
    (lines) => lines === 1,
  )
  await one.stop(1000)
  await expect(pid()).rejects.toThrow('fetch failed')
})

test('the delay before a restart doubles up to ten seconds', () => {
  expect([0, 1, 2, 5, 6, 50].map(restartDelay)).toEqual([250, 500, 1000, 8000, 10_000, 10_000])
})
