import { burn, burnInput, burnOutput, burnTimeoutMs } from '../../burn.ts'
import { defineJob } from '../../define-job.ts'

/** Computes or misbehaves in a thread, to try out progress, cancel, timeouts and the memory limit. */
export default defineJob({
  type: 'burn-cpu',
  title: 'Burn CPU in a thread',
  description:
    'Diagnostic. Computes for a while, or loops forever, fills its memory or throws, depending on `behavior`.',
  runsOn: 'thread',
  input: burnInput,
  output: burnOutput,
  timeoutMs: burnTimeoutMs,
  examples: [{ input: { duration_ms: 200, steps: 4 }, output: { burned_ms: 200 } }],
  run: burn,
})
