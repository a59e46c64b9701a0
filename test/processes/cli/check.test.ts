import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { drover } from '../../helpers/run-drover.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-cli-'))
})
afterEach(() => rm(folder, { recursive: true }))

const job = (type: string, more = '') => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: '${type}', title: 'A job', runsOn: 'thread', ${more}
    input: z.object({}), output: z.object({}), run: async () => ({}),
  })`

test('drover check lists the job types of a folder with their queues', async () => {
  await writeFile(join(folder, 'report.ts'), job('report', "queue: 'reports',"))
  const { code, stdout } = await drover(['check', folder, '--output', 'json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toContainEqual({
    type: 'report',
    queue: 'reports',
    runs_on: 'thread',
    file: expect.stringMatching(/report\.ts$/),
  })
  const table = (await drover(['check'], { env: { JOBS_DIR: folder } })).stdout
  expect(table).toMatch(/^report +reports +thread +\S+report\.ts$/m)
})

test('drover check names every broken file and exits with 1', async () => {
  await writeFile(join(folder, 'good.ts'), job('good'))
  await writeFile(join(folder, 'broken.ts'), 'export default {{{')
  await writeFile(join(folder, 'twice.ts'), job('good'))
  const { code, stdout, stderr } = await drover(['check', folder])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^drover: .*broken\.ts: /m)
  expect(stderr).toMatch(/^drover: .*twice\.ts: the type "good" is already declared by .*good\.ts$/m)
})
