import { burn, burnOutput, burnTimeoutMs, isolatedBurnInput } from '../../burn.ts'
import { defineJob } from '../../define-job.ts'

/** Like `burn-cpu`, but in a process, which may also crash alone. */
export default defineJob({
  type: 'burn-cpu-isolated',
  title: 'Burn CPU in a process',
  description:
    'Diagnostic. Computes for a while, or loops forever, fills its memory, throws or aborts its process, depending on `behavior`.',
  runsOn: 'process',
  input: isolatedBurnInput,
  output: burnOutput,
  timeoutMs: burnTimeoutMs,
  examples: [{ input: { duration_ms: 200, steps: 4 }, output: { burned_ms: 200 } }, { input: { behavior: 'crash' } }],
  run: burn,
})
