import { pointerTo } from '../../../jobs/json-pointer.ts'
import { parseBoundedValue } from '../../../jobs/parse-value.ts'
import type { LoadedJob } from '../../../jobs/registry.ts'
import { maxLineLength, protocolVersion } from './messages.ts'
import { SpokenProgram } from './spoken-program.ts'

/** One case of docs/handler-protocol.md: `warn` is allowed, and worth to know. */
export interface CaseResult {
  case: string
  result: 'ok' | 'warn' | 'fail'
  detail: string
}

/** How long the program may take for what it should do at once. */
const soonMs = 2000

/** Speaks the cases of the protocol to the program of a job type, one process for each. `input` must satisfy the schema. */
export async function* checkProgram(loaded: LoadedJob, input: unknown): AsyncGenerator<CaseResult, void, undefined> {
  const cases = loaded.job.program?.mode === 'once' ? onceCases : warmCases
  for (const [name, run] of Object.entries(cases)) {
    const program = new SpokenProgram(loaded)
    try {
      yield { case: name, ...(await run(program, { loaded, input })) }
    } catch (error) {
      yield { case: name, result: 'fail', detail: error instanceof Error ? error.message : 'it failed' }
    } finally {
      await program.end()
    }
  }
}

type Result = Omit<CaseResult, 'case'>
type Case = (program: SpokenProgram, given: { loaded: LoadedJob; input: unknown }) => Promise<Result>

const ok = (detail: string): Result => ({ result: 'ok', detail })
const warn = (detail: string): Result => ({ result: 'warn', detail })
const fail = (detail: string): Result => ({ result: 'fail', detail })

const warmCases: Record<string, Case> = {
  async hello(program, { loaded }) {
    const { protocol, types } = await program.hello()
    if (protocol !== protocolVersion)
      return fail(`it speaks version ${protocol}, and Drover version ${protocolVersion}`)
    if (!types) return warn('it does not name its job types')
    return types.includes(loaded.job.type) ? ok(`after ${program.elapsedMs} ms`) : fail(`it has no ${loaded.job.type}`)
  },
  async 'a job'(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    const last = await program.lastWord('job-1', loaded.job.timeoutMs)
    if (last.kind === 'error') return fail(`it failed: ${last.message ?? ''}`)
    return checkOutput(loaded, last.output)
  },
  async 'one last word'(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    const more = await program.next(({ kind }) => kind !== 'pong', 300)
    return more ? fail(`it sent ${more.kind} after the last word`) : ok('nothing follows')
  },
  async 'a second job in the same process'(program, { loaded, input }) {
    await program.hello()
    for (const id of ['job-1', 'job-2']) {
      program.start(id, input)
      await program.lastWord(id, loaded.job.timeoutMs)
    }
    return ok('it stays for the next job')
  },
  async 'what it does not know'(program, { loaded, input }) {
    await program.hello()
    program.send({ wave: { id: 'job-1' } })
    program.send({ cancel: { id: 'nobody', reason: 'canceled', colour: 'red' } })
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    return ok('unknown messages, and a cancel of a job that does not run, are ignored')
  },
  async 'a long line'(program, { loaded, input }) {
    await program.hello()
    program.send({ wave: { text: 'x'.repeat(maxLineLength + 1) } })
    program.start('job-1', input)
    await program.lastWord('job-1', loaded.job.timeoutMs)
    return ok('it reads lines longer than 8 MiB')
  },
  async 'a job of another type'(program, { input }) {
    await program.hello()
    program.start('job-1', input, 'no-such-type')
    const last = await program.lastWord('job-1', soonMs).catch(() => undefined)
    if (last?.kind === 'error') return ok(`it answers an error: ${last.message ?? ''}`)
    return warn(last ? 'it runs jobs of any type' : 'it does not answer')
  },
  async ping(program) {
    await program.hello()
    program.send({ ping: { n: 1 } })
    const pong = await program.next(({ kind }) => kind === 'pong', soonMs)
    return pong
      ? ok('it answers')
      : warn('it does not answer: Drover cannot tell a busy program from one that is stuck')
  },
  async cancel(program, { loaded, input }) {
    await program.hello()
    program.start('job-1', input)
    program.send({ cancel: { id: 'job-1', reason: 'canceled' } })
    const last = await program.lastWord('job-1', loaded.job.cancelGraceMs + soonMs).catch(() => undefined)
    if (last)
      return ok(
        `it ended the job with ${last.kind === 'error' ? `the error ${last.code ?? 'job_failed'}` : 'a result'}`,
      )
    return warn('it did not end the job within its grace: Drover ends the process, and every job in it')
  },
  async SIGTERM(program) {
    await program.hello()
    program.launched.end(60_000)
    return (await program.isGoneIn(soonMs)) ? ok('it ends') : warn('it goes on: Drover sends SIGKILL after 5 s')
  },
  async 'the end of the channel'(program) {
    await program.hello()
    program.launched.channel?.write.end()
    return (await program.isGoneIn(soonMs)) ? ok('it leaves') : warn('it stays: Drover sends SIGTERM')
  },
}

const onceCases: Record<string, Case> = {
  async 'a job'(program, { loaded, input }) {
    const { code, output } = await program.runOnce(input, loaded.job.timeoutMs)
    if (code !== 0) return fail(`exit code ${code}`)
    return checkOutput(loaded, output.trim() === '' ? null : JSON.parse(output))
  },
  async SIGTERM(program) {
    program.launched.end(60_000)
    return (await program.isGoneIn(soonMs)) ? ok('it ends') : warn('it goes on: Drover sends SIGKILL after 5 s')
  },
}

function checkOutput(loaded: LoadedJob, output: unknown): Result {
  const [issue] = parseBoundedValue(loaded.job.output, output ?? null).error?.issues ?? []
  return issue ? fail(`${pointerTo('/output', issue.path)}: ${issue.message}`) : ok('its output satisfies the schema')
}
