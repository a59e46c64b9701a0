import { z } from 'zod'
import type { NewJob } from '../../queue/model/new-job.ts'
import type { Caller } from '../access/api-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem, problemSchema } from '../http/problem.ts'
import { jobGone, uniqueConflict } from './find-job.ts'
import { shownJoined } from './shown-joined.ts'
import { type Parsed, type Shown, validOf } from './store-batch.ts'

/** `id`: the job that stands for one, or that holds its key; `code`: why it was refused. */
const otherSchema = z.object({ id: z.string().optional(), code: problemSchema.shape.code.optional() })
/** By the place among the valid ones. The version before wrote `1`. */
const noteSchema = z.record(z.string(), otherSchema).catch({})

/** What became of the valid jobs of a batch that are not stored themselves, as JSON: a repeated request is answered likewise. */
export function notStored(parsed: Parsed[], results: (Shown | Problem)[]): string {
  const valid = validOf(parsed)
  const others = results.flatMap((result, n): [number, z.input<typeof otherSchema>][] => {
    if (result instanceof Problem) return [[n, { code: result.code, id: result.job?.job_id }]]
    return result.id === valid[n]?.ref.id ? [] : [[n, { id: result.id }]]
  })
  return JSON.stringify(Object.fromEntries(others))
}

/** The jobs of an earlier request, as they are now. `note`: of {@link notStored}. @throws QueueUnavailableError */
export async function readAll(
  parsed: Parsed[],
  note: string,
  { queue, caller }: Pick<RouteDeps, 'queue'> & { caller: Caller },
): Promise<(Shown | Problem)[]> {
  const others = noteSchema.parse(JSON.parse(note))
  const asked = validOf(parsed).map((given, n) => {
    const { id, code } = others[n] ?? {}
    const joined = id === undefined || code !== undefined ? undefined : queue.refOf(id)
    return { given, ref: joined ?? given.ref, isJoined: joined !== undefined, refusal: code && refusedBefore(code, id) }
  })
  const found = queue.readMany(asked.map(({ ref }) => ref))
  const results: (Shown | Problem)[] = []
  for (const { given, ref, isJoined, refusal } of asked) {
    const { value } = await found.next()
    const job = value?.job
    if (refusal) results.push(refusal)
    else if (!job) results.push(await jobGone(queue, ref, caller.tenant))
    else results.push(isJoined ? asJoined(job, given, caller) : job)
  }
  return results
}

const asJoined = (job: Shown, given: NewJob, caller: Caller): Shown => ({
  ...shownJoined(job, given, caller),
  deduplicated: { how: 'joined', id: job.id },
})

const refusedBefore = (code: Problem['code'], id: string | undefined): Problem =>
  code === 'unique_conflict' && id !== undefined
    ? uniqueConflict(id)
    : new Problem(code, 'It was refused when the batch was sent first.')
