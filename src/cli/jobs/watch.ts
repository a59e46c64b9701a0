import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, type WatchFlags } from '../flags.ts'
import { followFlow } from '../flows/follow-flow.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { Screen } from '../terminal/screen.ts'
import { kindOf } from '../things.ts'
import { followJob } from './follow-job.ts'

/** Follows a job or a flow to its end, and exits as it ends. */
export const watch = reporting(async (flags: ServerFlags & FormatFlags & WatchFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  const screen = new Screen({ isQuiet: flags.quiet })
  const watching = { client, screen, format: formatOf(flags), timeoutMs: flags.timeout }
  try {
    await (kindOf(id) === 'flow' ? followFlow(id, watching) : followJob(id, watching))
  } finally {
    screen.stop()
  }
})
