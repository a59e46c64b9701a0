import { z } from 'zod'
import { cutText } from '../../../jobs/cut-text.ts'
import type { Attempt } from '../../handler/attempt.ts'
import type { BrokenLine } from '../json-lines.ts'

/** The version of the protocol: docs/handler-protocol.md. */
export const protocolVersion = 1
/** The longest line of a program, in UTF-16 units. */
export const maxLineLength = 8 * 1024 * 1024

/** What a program has sent that ends its channel, in words. */
export const brokenLines: Record<BrokenLine, string> = {
  not_json: 'a line that is no JSON',
  not_utf8: 'bytes that are no UTF-8',
  too_long: `a line longer than ${maxLineLength} characters`,
}

const id = z.string()
const text = z.string().nullish()
const contents = {
  hello: z.object({ protocol: z.int(), sdk: text, types: z.array(z.string()).nullish() }),
  progress: z.object({ id, fraction: z.number().nullish(), message: text, data: z.unknown().optional() }),
  yield: z.object({ id, value: z.unknown().optional() }),
  log: z.object({ id, level: text, message: z.string() }),
  checkpoint: z.object({ id, n: z.number().nullish(), state: z.unknown().optional() }),
  result: z.object({ id, output: z.unknown().optional() }),
  error: z.object({
    id,
    message: text,
    code: text,
    retryable: z.boolean().nullish(),
    retry_after_ms: z.number().nullish(),
    stack: text,
  }),
  pong: z.object({ n: z.number().nullish() }),
}

type Contents = { [K in keyof typeof contents]: { kind: K } & z.output<(typeof contents)[K]> }

/** A message of a program. */
export type FromProgram = Contents[keyof Contents]
/** A message about one job. */
export type JobMessage = Extract<FromProgram, { id: string }>

/** `unknown`: of a kind that this version does not know. `invalid`: one that cannot be understood. */
export type ReadMessage =
  | { status: 'read'; message: FromProgram }
  | { status: 'unknown'; kind: string }
  | { status: 'invalid'; reason: string }

const isKind = (name: string): name is keyof typeof contents => Object.hasOwn(contents, name)

/** Reads one line: an object with one member, whose name is the kind of the message. */
export function readMessage(line: unknown): ReadMessage {
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    return { status: 'invalid', reason: 'a line that is no object' }
  }
  const kinds = Object.keys(line)
  const kind = kinds.find(isKind)
  if (kind === undefined) return { status: 'unknown', kind: kinds[0] ?? '' }
  const parsed = contents[kind].safeParse(Reflect.get(line, kind))
  if (parsed.success) return { status: 'read', message: { kind, ...parsed.data } as FromProgram }
  const [issue] = parsed.error.issues
  return { status: 'invalid', reason: `${[kind, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'invalid'}` }
}

/** What a program gets of a job. */
export function startOf(attempt: Attempt, input: unknown, restored: unknown) {
  const { id, type, tenant, maxAttempts, timeoutMs, deadlineAt, traceparent, fence } = attempt
  return {
    id,
    type,
    attempt: attempt.attempt,
    max_attempts: maxAttempts,
    input,
    restored: restored ?? null,
    fence,
    tenant,
    timeout_ms: timeoutMs ?? null,
    deadline_at: deadlineAt === undefined ? null : new Date(deadlineAt).toISOString(),
    traceparent: traceparent ?? null,
  }
}

/** Why a program that says this cannot run jobs of a type; undefined if it can. */
export function mistakeInHello({ protocol, types }: FromProgram & { kind: 'hello' }, type: string): string | undefined {
  if (protocol !== protocolVersion)
    return `the program speaks version ${protocol} of the protocol, and this worker version ${protocolVersion}`
  if (!types || types.includes(type)) return undefined
  const handlers = types.slice(0, 20).join(', ') || 'none'
  return cutText(`the program has no handler of the job type "${type}"; it has ${handlers}`, 1000)
}
