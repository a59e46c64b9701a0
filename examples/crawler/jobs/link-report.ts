import { defineJob } from 'drover'
import { z } from 'zod'

/** A check that failed is a problem document in the place of its output. */
const check = z.union([z.object({ url: z.string(), status: z.int() }), z.object({ detail: z.string() })])

export default defineJob({
  type: 'link-report',
  title: 'Count the broken links',
  runsOn: 'event-loop',
  input: z.object({ checks: z.array(check) }),
  output: z.object({ checked: z.int(), broken: z.array(z.string()) }),
  run: async ({ checks }) => ({
    checked: checks.length,
    broken: checks.flatMap((one) => {
      if ('detail' in one) return [one.detail]
      return one.status < 400 ? [] : [`${one.url} answers ${one.status}`]
    }),
  }),
})
