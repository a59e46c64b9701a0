import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder with the job type `once-failing`: it fails until it is mended, and then gives its input back. */
export async function onceFailing(): Promise<{ dir: string; mend: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-once-failing-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const mended = join(dir, 'mended.txt')
  const source = `
import { existsSync } from 'node:fs'
import { defineJob, PermanentError } from 'drover'
import { z } from 'zod'
export default defineJob({
  type: 'once-failing',
  title: 'Fail until mended',
  runsOn: 'event-loop',
  input: z.unknown(),
  output: z.unknown(),
  async run(input) {
    if (!existsSync(${JSON.stringify(mended)})) throw new PermanentError('not mended so far')
    return input
  },
})
`
  await writeFile(join(dir, 'once-failing.ts'), source)
  return { dir, mend: () => writeFile(mended, '') }
}
