import type { JobContext, LogLevel } from '../../../jobs/job-context.ts'
import { JobError, PermanentError } from '../../../jobs/job-error.ts'
import { termGraceMs } from '../../../jobs/program/program.ts'
import type { Attempt } from '../../handler/attempt.ts'
import { forwardLines } from '../forward-lines.ts'
import type { HostEnd } from '../host.ts'
import { toJsonLine } from '../json-lines.ts'
import { type LaunchOptions, launch } from './launch.ts'
import type { ProgramRun } from './program-run.ts'

/** EX_DATAERR of sysexits.h: the input will never do. */
const permanentExit = 65
/** The longest output, in UTF-16 units: the default of OUTPUT_LIMIT_BYTES. */
const maxOutputLength = 64 * 1024 * 1024

/** Starts a program for one job: the input is on its stdin, and its output is what it prints. @throws when the system refuses */
export function startOnce(
  options: Omit<LaunchOptions, 'speaksProtocol' | 'env'> & { attempt: Attempt; input: unknown; context: JobContext },
): ProgramRun {
  const { attempt, input, context } = options
  const line = toJsonLine(input ?? null)
  const program = launch({ ...options, speaksProtocol: false, env: variablesOf(attempt) })
  const { promise: signaled, resolve: onSignal } = Promise.withResolvers<HostEnd>()
  let lastLine = ''
  const log = (level: LogLevel) => (text: string) => context.log(text, level)
  forwardLines(
    program.stderr,
    { onLine: log('warn'), onDropped: (n) => log('warn')(`${n} lines were dropped`) },
    (text) => {
      if (text.trim() !== '') lastLine = text.trim()
    },
  )
  const printed = collect(program.stdout, maxOutputLength, () => program.end(0))
  program.stdin.end(line)
  let isKilled = false
  const ended = program.gone.then((end) => {
    if (isKilled || (end.kind !== 'exit' && !printed().isTooLong)) onSignal(end)
    return end
  })
  const run = async (): Promise<unknown> => {
    const end = await ended
    const { text, isTooLong } = printed()
    if (isTooLong)
      throw new PermanentError(`the output is longer than ${maxOutputLength} characters`, { code: 'invalid_output' })
    if (end.kind !== 'exit') throw new JobError('the program is gone', { code: 'crashed' })
    if (end.code === 0) return parseOutput(text)
    const message = lastLine || `the program ended with exit code ${end.code}`
    throw end.code === permanentExit ? new PermanentError(message) : new JobError(message)
  }
  return {
    name: program.name,
    run,
    stop: () => program.end(termGraceMs),
    kill(graceMs) {
      isKilled = true
      program.end(graceMs)
    },
    gone: signaled,
    release() {},
  }
}

function parseOutput(text: string | undefined): unknown {
  if (text === undefined)
    throw new PermanentError('/output: what the program printed is no UTF-8', { code: 'invalid_output' })
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch {
    // The parser quotes the output, which no message should.
    throw new PermanentError('/output: what the program printed is no JSON', { code: 'invalid_output' })
  }
}

/** Collects a text. It is undefined where it is no UTF-8. */
function collect(stream: NodeJS.ReadableStream, maxLength: number, onTooLong: () => void) {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let pieces: string[] | undefined = []
  let length = 0
  const take = (chunk: Buffer, isLast: boolean) => {
    try {
      const piece = decoder.decode(chunk, { stream: !isLast })
      length += piece.length
      pieces?.push(piece)
    } catch {
      pieces = undefined
    }
  }
  stream.on('data', (chunk: Buffer) => {
    if (length > maxLength || pieces === undefined) return
    take(chunk, false)
    if (length <= maxLength) return
    pieces = []
    onTooLong()
  })
  return () => {
    if (length <= maxLength && pieces !== undefined) take(Buffer.alloc(0), true)
    return { text: pieces?.join(''), isTooLong: length > maxLength }
  }
}

/** What a program that runs once gets of its job besides the input. */
export function variablesOf({ id, type, tenant, attempt, maxAttempts, timeoutMs, deadlineAt, traceparent }: Attempt) {
  return {
    DROVER_JOB_ID: id,
    DROVER_JOB_TYPE: type,
    DROVER_TENANT: tenant,
    DROVER_ATTEMPT: String(attempt),
    DROVER_MAX_ATTEMPTS: String(maxAttempts),
    ...(timeoutMs !== undefined && { DROVER_TIMEOUT_MS: String(timeoutMs) }),
    ...(deadlineAt !== undefined && { DROVER_DEADLINE_AT: new Date(deadlineAt).toISOString() }),
    ...(traceparent !== undefined && { TRACEPARENT: traceparent }),
  }
}
