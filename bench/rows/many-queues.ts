import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder with a job type for each of many queues, of the same name. The caller removes it. */
export async function makeQueues(count: number): Promise<{ folder: string; names: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-queues-'))
  const names = Array.from({ length: count }, (_, n) => `q${n}`)
  await Promise.all(names.map((name) => writeFile(join(folder, `${name}.ts`), jobType(name))))
  return { folder, names }
}

const jobType = (name: string) => `import { defineJob } from 'drover'
import { z } from 'zod'
export default defineJob({
  type: '${name}', title: '${name}', runsOn: 'event-loop', queue: '${name}', input: z.unknown(), output: z.null(),
  async run() { return null },
})
`
