import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ServerSentEvent } from './client.ts'
import { jsonLines } from './json-lines.ts'

export const executors = ['event-loop', 'thread', 'process'] as const

/** What a job of type `yield-<executor>` does. */
export interface YieldInput {
  count: number
  /** Characters of each value beside its number. */
  size?: number
  /** Progress is reported before each value of this interval. */
  progress_every?: number
  /** The pause before each value. */
  pause_ms?: number
  /** The first so many attempts throw before the value of this index. */
  fail_at?: number
  failures?: number
}

const definition = (runsOn: string) => `
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'yield-${runsOn}', title: 'Yields values', runsOn: '${runsOn}', timeoutMs: 300_000,
    input: z.object({
      count: z.int(), size: z.int().default(0), progress_every: z.int().default(0), pause_ms: z.int().default(0),
      fail_at: z.int().default(-1), failures: z.int().default(1),
    }),
    output: z.int(),
    async *run({ count, size, progress_every, pause_ms, fail_at, failures }, job) {
      for (let n = 0; n < count; n++) {
        if (pause_ms > 0) await sleep(pause_ms)
        if (n === fail_at && job.attempt <= failures) throw new Error('at ' + n)
        if (progress_every > 0 && n % progress_every === 0) job.progress(n / count)
        yield size === 0 ? n : n + 'x'.repeat(size)
      }
      return count
    },
  })`

/** A folder of job types that yield values, for JOBS_DIR. */
export async function yieldingJobs(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const runsOn of executors) await writeFile(join(dir, `${runsOn}.ts`), definition(runsOn))
  return dir
}

/** The whole numbers below `count`. */
export const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

/** The values in events, as `[list, index, value]`. */
export function valuesIn(events: ServerSentEvent[]): unknown[] {
  return events.flatMap(({ event, data }) => {
    const { list, index, value } = Object(data)
    return event === 'output' ? [[list, index, value]] : []
  })
}

/** What {@link valuesIn} gives for a whole list of a job of size 0. */
export const wholeList = (list: number, count: number) => upTo(count).map((n) => [list, n, n])

/** All values of a job, page by page. */
export async function readAllValues(apiUrl: string, id: string, limit = 1000): Promise<unknown[]> {
  const items: unknown[] = []
  for (let after: string | null = ''; after !== null; ) {
    const query: string = `limit=${limit}${after === '' ? '' : `&after=${after}`}`
    const response = await fetch(`${apiUrl}/v1/jobs/${id}/values?${query}`)
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
    const page: { items: unknown[]; next_cursor: string | null } = JSON.parse(await response.text())
    items.push(...page.items)
    after = page.next_cursor
  }
  return items
}

/** The lines of a job's values as they come, parsed. @throws when the server breaks them off */
export function valueLines(apiUrl: string, id: string, after?: string): AsyncGenerator<unknown, void, undefined> {
  return jsonLines(`${apiUrl}/v1/jobs/${id}/values${after === undefined ? '' : `?after=${after}`}`)
}
