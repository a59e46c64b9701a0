import type { ChildCall, ChildResult, ChildrenPort } from '../jobs/child-job.ts'
import { describeFailure } from '../jobs/job-failure.ts'
import { newJobRef } from '../queue/model/job-id.ts'
import { redisNow } from '../queue/model/redis-time.ts'

/** Answers what a handler asks of a child: returns its output, or throws as it fails. */
export type ChildAnswer = (type: string, input: unknown) => unknown

/** Children that have ended as soon as they are submitted, each with what `answer` says, which is asked once for each. */
export function testChildren(answer: ChildAnswer): ChildrenPort {
  const ended = new Map<number, Promise<ChildResult>>()
  const end = async ({ type, input }: ChildCall): Promise<ChildResult> => {
    const { id } = newJobRef('child', redisNow())
    try {
      const json = JSON.stringify((await answer(type, input)) ?? null)
      return { id, status: 'succeeded', output: JSON.parse(json) }
    } catch (error) {
      const { code, message } = describeFailure(error)
      return { id, status: 'failed', code, message }
    }
  }
  return async ({ calls }) => {
    const results = calls.map((call) => {
      const known = ended.get(call.n) ?? end(call)
      ended.set(call.n, known)
      return known
    })
    return { status: 'ready', results: await Promise.all(results) }
  }
}
