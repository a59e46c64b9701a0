import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder with the job type `once-failing`: it fails until `repair` is called, and then returns its input. */
export async function onceFailing(): Promise<{ dir: string; repair: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-once-failing-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const repaired = join(dir, 'repaired.txt')
  const source = `
import { existsSync } from 'node:fs'
import { defineJob, PermanentError } from 'drover'
import { z } from 'zod'
export default defineJob({
  type: 'once-failing',
  title: 'Fail until repaired',
  runsOn: 'event-loop',
  input: z.unknown(),
  output: z.unknown(),
  async run(input) {
    if (!existsSync(${JSON.stringify(repaired)})) throw new PermanentError('not repaired yet')
    return input
  },
})
`
  await writeFile(join(dir, 'once-failing.ts'), source)
  return { dir, repair: () => writeFile(repaired, '') }
}
