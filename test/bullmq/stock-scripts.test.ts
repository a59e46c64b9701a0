import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'

/** The scripts of BullMQ whose work ours do again, or beside which ours write. Read one that has changed before its digest is renewed. */
const known = {
  addStandardJob: '2eee45c9ffc54d24',
  addPrioritizedJob: 'd4652d1be004a3d7',
  addDelayedJob: 'e47c0db3c46bd84a',
  moveToActive: '7d35069db0b831af',
  moveToFinished: '8e744ec5d65dbe9e',
  moveJobFromActiveToWait: 'ac9546cdd23294a2',
  moveToDelayed: '1a7b9311ef92fd66',
  retryJob: '01f75f7604305080',
  moveStalledJobsToWait: 'dad86d89b50d825f',
  pause: 'da797a84855a762e',
  removeOrphanedJobs: '6cf3e0afaefbcd02',
}

test.each(Object.entries(known))("BullMQ's script %s is the one on which ours are built", (name, digest) => {
  const scripts: Record<string, { content: string }> = createRequire(import.meta.url)('bullmq/dist/cjs/scripts')
  const content = scripts[name]?.content ?? ''
  expect(createHash('sha256').update(content).digest('hex').slice(0, 16)).toBe(digest)
})
