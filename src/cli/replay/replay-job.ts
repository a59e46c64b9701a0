import { existsSync } from 'node:fs'
import { findProject, useProject } from '../../dev/project.ts'
import { fenceOf } from '../../jobs/fence.ts'
import { BrokenJobsError, type LoadedJob, loadRegistry } from '../../jobs/registry.ts'
import type { Reported } from '../../testing/held-job.ts'
import { runAttempt, thisMachine } from '../../testing/run-attempt.ts'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage } from '../flags.ts'
import { endAs } from '../jobs/job-end.ts'
import { JobView } from '../jobs/job-view.ts'
import { readJson } from '../jobs/read-input.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText, toSafeJson } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'
import { pathOf } from '../things.ts'
import { debugged, readOnly } from './around-handler.ts'
import { withSecrets } from './with-secrets.ts'

interface ReplayFlags extends FormatFlags, ServerFlags {
  live: boolean
  fromStart: boolean
  inspectBrk: boolean
  inspectPort: number
  secrets?: string | undefined
  jobs?: string | undefined
}

/** Longer than anybody debugs. */
const noLimitMs = 7 * 86_400_000

/** Runs one attempt of a job that a server knows, in this process. @throws CommandFailure unless it succeeds */
export const replay = reporting(async (flags: ReplayFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  const secrets = flags.secrets === undefined ? {} : docOf(await readJson(flags.secrets, '--secrets'))
  const path = `${pathOf(id)}/replay`
  if (!path.startsWith('/v1/jobs/')) usage('only jobs can be replayed: name one of the flow')
  const given = await client.call('POST', path)
  const loaded = await localJob(textOf(given['type']), flags.jobs)
  const screen = new Screen()
  try {
    for (const line of notesOf(given, secrets, loaded, flags.fromStart)) screen.note(escapeText(line))
    const ended = await run(flags, { given, secrets, loaded, screen })
    if (formatOf(flags) === 'json') screen.json(ended)
    else if (ended['state'] === 'succeeded' && formatOf(flags) === 'table') screen.data(toSafeJson(ended['output']))
    endAs(ended)
  } finally {
    screen.stop()
  }
})

async function localJob(type: string, jobs: string | undefined): Promise<LoadedJob> {
  useProject(findProject(process.cwd()))
  const folder = jobs ?? process.env['JOBS_DIR']
  try {
    const registry = await loadRegistry({ diagnosticJobs: true, jobsDir: folder })
    const loaded = registry.get(type)
    if (loaded) return loaded
  } catch (error) {
    if (error instanceof BrokenJobsError) throw new CommandFailure('failed', escapeText(error.message))
    throw error
  }
  const where = folder !== undefined && existsSync(folder) ? `no file in ${folder}` : 'no file here'
  throw new CommandFailure('failed', escapeText(`${where} declares the job type "${type}"`))
}

/** What differs from the attempt on the server. */
function* notesOf(given: Doc, secrets: Doc, { job, file }: LoadedJob, fromStart: boolean): Generator<string> {
  yield `replays ${textOf(given['id'])} by ${file}`
  const version = given['type_version']
  if (typeof version === 'number' && version > (job.version ?? 0))
    yield `the job has version ${version} of its type, and this file ${job.version ?? 'none'}`
  const missing = pointersOf(given).filter((pointer) => !(pointer in secrets))
  if (missing.length > 0) yield `secrets are *** in ${missing.join(', ')}: give them by --secrets`
  if (fromStart) return
  const steps = Object.keys(docOf(given['steps'])).length
  const signals = Object.keys(docOf(given['signals']))
  const found = [
    ...(restoredOf(given) === undefined ? [] : ['its last checkpoint']),
    ...(signals.length === 0 ? [] : [`the signals ${signals.join(', ')}`]),
    ...(steps === 0 ? [] : [`the ${steps === 1 ? 'result of 1 step' : `results of ${steps} steps`}`]),
  ]
  if (found.length > 0) yield `goes on with ${found.join(' and ')}; --from-start leaves that`
}

async function run(
  { live, fromStart, inspectBrk, inspectPort, output, json }: ReplayFlags,
  { given, secrets, loaded, screen }: { given: Doc; secrets: Doc; loaded: LoadedJob; screen: Screen },
): Promise<Doc> {
  const id = textOf(given['id'])
  const attempt = Math.max(1, Number(given['attempt'] ?? 1))
  const input = withSecrets(given['input'], pointersOf(given), secrets)
  const job = await debugged(loaded.job, inspectBrk ? inspectPort : undefined)
  const isDebugged = job !== loaded.job
  const timeoutMs = isDebugged ? noLimitMs : given['timeout_ms']
  const stop = new AbortController()
  const cancel = (): void => stop.abort()
  process.once('SIGINT', cancel)
  const view = new JobView(screen, formatOf({ output, json }))
  const reported: Reported = {
    progress: [],
    yields: [],
    logs: [],
    checkpoint: fromStart ? undefined : restoredOf(given),
    steps: fromStart ? {} : docOf(given['steps']),
  }
  try {
    const end = await runAttempt({
      ...{ job, id, attempt, maxAttempts: Number(given['max_attempts'] ?? attempt), reported, signal: stop.signal },
      signals: fromStart ? {} : docOf(given['signals']),
      fence: Number(given['fence'] ?? fenceOf(1, attempt)),
      record: { input, ...(typeof timeoutMs === 'number' && { timeoutMs }) },
      onEvent: (event, data) => view.on({ event, data: docOf(data) }),
      allowCidrs: process.env['EGRESS_ALLOW_CIDRS']?.split(',').map((block) => block.trim()) ?? thisMachine,
      fetchOver: live ? (fetch) => fetch : readOnly,
    })
    return { id, state: end.state, output: end.output, error: end.error }
  } finally {
    process.off('SIGINT', cancel)
    view.stop()
  }
}

const pointersOf = (given: Doc): string[] => (Array.isArray(given['secrets']) ? given['secrets'].map(String) : [])

/** The server says null where there is none. */
const restoredOf = ({ restored }: Doc): unknown => restored ?? undefined
