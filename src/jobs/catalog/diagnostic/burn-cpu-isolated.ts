import { burn, burnOutput, burnTimeoutMs, isolatedBurnInput } from '../../burn.ts'
import { defineJob } from '../../define-job.ts'

/** The same as `burn-cpu` in a process of its own, which may also crash without taking anything with it. */
export default defineJob({
  type: 'burn-cpu-isolated',
  title: 'Burn CPU in a process',
  description:
    'Diagnostic. Computes for a while, or loops for ever, fills its memory, throws or aborts its process, as `behavior` says.',
  runsOn: 'process',
  input: isolatedBurnInput,
  output: burnOutput,
  timeoutMs: burnTimeoutMs,
  examples: [{ input: { duration_ms: 200, steps: 4 }, output: { burned_ms: 200 } }, { input: { behavior: 'crash' } }],
  run: burn,
})
