/**
 * `npm run test:upstream -- <folder with BullMQ's sources>`: BullMQ's own tests over our backend, on a Redis of their own.
 * `--stock`: over the backend that BullMQ takes by itself, to compare. Further arguments choose files by a part of their name; `-t` a test.
 * Ends with code 1 where a test fails that known-failures.ts does not list.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { startVitest } from 'vitest/node'
import { startTestRedis } from '../../helpers/redis-server.ts'
import SummaryReporter from '../../summary-reporter.ts'
import { testOptions, viteOptions } from './config.ts'
import { BackendReporter } from './report.ts'
import { cacheFolder, installed, installTestPackages, openSources, whereToGetThem } from './sources.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { stock: { type: 'boolean', default: false }, testNamePattern: { type: 'string', short: 't' } },
})
const [folder, ...files] = positionals
const sources = folder === undefined ? undefined : openSources(folder)
if (!sources) {
  if (folder !== undefined) console.error(`${folder} does not hold BullMQ's sources.`)
  console.error(whereToGetThem)
  process.exit(2)
}

installTestPackages(sources)
const backend = values.stock ? 'stock' : 'ours'
const redis = await startTestRedis(process.env)
// One of the tests counts on how Redis stores a small hash by its own defaults.
const client = new Redis(redis.url)
await client.config('SET', 'hash-max-listpack-value', '64', 'stream-node-max-bytes', '4096')
client.disconnect()
const scratch = mkdtempSync(join(tmpdir(), 'drover-bullmq-tests-'))
try {
  console.log(
    `BullMQ's tests of ${sources.version}, BullMQ ${installed.version}, backend: ${backend}, Redis: ${redis.description}`,
  )
  const servedFile = join(scratch, 'served.ndjson')
  const reporter = new BackendReporter(backend, servedFile)
  const provide = { bullmqTests: { sourcesFolder: sources.folder, redisUrl: redis.url, backend, servedFile } } as const
  const options = testOptions(sources, provide, [reporter, new SummaryReporter()])
  // One of the test files requires a package by itself, past Vitest's resolver.
  process.env['NODE_PATH'] = join(cacheFolder, 'node_modules')
  const { testNamePattern } = values
  const vitest = await startVitest(
    files,
    { ...options, ...(testNamePattern && { testNamePattern }) },
    viteOptions(sources),
  )
  await vitest.close()
  // Vitest says 1 for any failure; the known ones are none.
  process.exitCode = reporter.problems > 0 ? 1 : 0
} finally {
  await redis.close()
  rmSync(scratch, { recursive: true })
}
