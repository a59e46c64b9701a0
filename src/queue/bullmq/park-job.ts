import type { Answer, Wait } from '../../jobs/job-wait.ts'
import { loadScript } from '../redis/load-script.ts'
import type { Held } from './put-back.ts'

const parkScript = loadScript('bullmq/park-job')

/**
 * Parks a running job until `needed` of its waits are answered or over, or returns the answers, in the order of the waits, where that is so now.
 *
 * @returns lost: the job is not held by `token` any more, which is so, too, when the reply to the call before was lost
 */
export async function parkJob(
  { redis, backend }: Held,
  id: string,
  token: string,
  waits: readonly Wait[],
  needed: number,
): Promise<'parked' | 'lost' | Answer[]> {
  const key = backend.toKey(id)
  const names = [key, `${key}:lock`, backend.toKey('active'), backend.toKey('stalled')]
  const args = waits.flatMap(({ fields, step, timeoutMs }) => [fields.join(','), step, timeoutMs ?? ''])
  const reply = await parkScript(redis, names, [id, token, backend.toKey(''), needed, ...args])
  if (!Array.isArray(reply)) return 'lost'
  const [word, ...answers] = reply
  return word === 'parked' ? 'parked' : answers.map(answerOf)
}

/** Lua's false arrives as null. */
function answerOf(answer: unknown): Answer {
  if (Array.isArray(answer)) return { status: 'arrived', field: String(answer[0]), value: String(answer[1]) }
  return { status: answer === null ? 'missing' : 'over' }
}
