import { setImmediate } from 'node:timers/promises'
import { defineJob } from 'drover'
import { z } from 'zod'

/** Roots between two checks of the signal. */
const slice = 2_000_000

/** The loop of `burn-cpu` with a fixed count instead of a fixed time, so that two threads can be faster than one. */
export default defineJob({
  type: 'burn-turns',
  title: 'Compute a number of roots',
  runsOn: 'thread',
  queue: 'cpu',
  input: z.strictObject({ turns: z.int().min(1) }),
  output: z.number(),
  async run({ turns }, job) {
    let value = 1
    for (let done = 0; done < turns; done += slice) {
      for (let i = done; i < Math.min(turns, done + slice); i++) value = Math.sqrt(value + i)
      await setImmediate()
      job.signal.throwIfAborted()
    }
    return value
  },
})
