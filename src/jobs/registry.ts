import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { mistakesInUse } from './check-definition.ts'
import { isJob, type Job } from './define-job.ts'
import { DefinitionError } from './definition-error.ts'
import { describeProblems } from './load-problems.ts'
import { resolveCommand } from './program/resolve-command.ts'

/**
 * A job type and the file that declares it; threads and processes load the handler from that file. `version` tells apart what the file has
 * contained: the beginning of its SHA-256. Absent for a job type that has no file of its own.
 */
export interface LoadedJob {
  job: Job
  file: string
  version?: string
}

export type Registry = ReadonlyMap<string, LoadedJob>

/** One or more job files are not usable. `message` has a line for each mistake, with its file. */
export class BrokenJobsError extends Error {
  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.name = 'BrokenJobsError'
  }
}

const catalogDir = join(import.meta.dirname, 'catalog')

/** Without a limit, a file whose top-level await never settles would hang the boot or end the process silently. */
const defaultLoadTimeoutMs = 30_000

/**
 * Loads every job type: the catalog, the diagnostic types if requested (of both only those in `builtIn`), and each file directly inside `jobsDir`
 * (modules, and `.job.yaml` files of programs). Ignores
 * subfolders, dot files, declaration files and tests.
 *
 * @throws BrokenJobsError with each file that does not load, takes too long, has no job as its default export, repeats a type, or has
 * mistakes in its definition: see DefinitionError.
 */
export async function loadRegistry(options: {
  diagnosticJobs: boolean
  jobsDir?: string | undefined
  /** The built-in types to keep. Default: all. */
  builtIn?: readonly string[] | undefined
  /** How long a file may take to load, in ms. Default 30,000. */
  loadTimeoutMs?: number
  /** Of which job types the programs must be there: those that this process runs. Default: none. */
  startsProgramsOf?: (job: Job) => boolean
  /** Aborts when the process stops: an exit after that is not the fault of the file that is being loaded. */
  stopping?: AbortSignal
}): Promise<Registry> {
  const dirs = [catalogDir]
  if (options.diagnosticJobs) dirs.push(join(catalogDir, 'diagnostic'))
  if (options.jobsDir !== undefined) dirs.push(resolve(options.jobsDir))

  const registry = new Map<string, LoadedJob>()
  const problems: string[] = []
  for (const dir of dirs) {
    for (const file of await jobFiles(dir, problems)) {
      const loaded = blameForExit(file, options.stopping)
      try {
        const job = await within(options.loadTimeoutMs ?? defaultLoadTimeoutMs, loadJob(file))
        if (dir.startsWith(catalogDir) && options.builtIn && !options.builtIn.includes(job.type)) continue
        const earlier = registry.get(job.type)
        if (earlier) throw new Error(`the type "${job.type}" is already declared by ${earlier.file}`)
        if (job.program && options.startsProgramsOf?.(job)) {
          const at = { folder: dirname(file), path: process.env['PATH'] }
          const { missing } = resolveCommand(job.program.command, at)
          if (missing !== undefined) throw new Error(missing)
        }
        registry.set(job.type, { job, file, version: await versionOf(file) })
      } catch (error) {
        problems.push(...describeProblems(error, file).map((problem) => `${file}: ${problem}`))
      } finally {
        loaded()
      }
    }
  }
  for (const type of options.builtIn ?? [])
    if (!registry.has(type)) problems.push(`JOB_TYPES: there is no job type "${type}"`)
  if (problems.length > 0) throw new BrokenJobsError(problems)
  return registry
}

/** The queues of these job types, each once. */
export function queuesOf(registry: Registry): string[] {
  return [...new Set([...registry.values()].map(({ job }) => job.queue))]
}

/** Loads one job file. @throws when it does not declare a usable job. */
export async function loadJob(file: string): Promise<Job> {
  if (isJobFile(file)) return readYaml(file)
  const module: { default?: unknown } = await import(pathToFileURL(file).href)
  if (!isJob(module.default)) throw new Error('its default export is not the result of defineJob()')
  const mistakes = mistakesInUse(module.default)
  if (mistakes.length > 0) throw new DefinitionError(mistakes)
  describeSchemas(module.default)
  return module.default
}

const isJobFile = (file: string): boolean => /\.job\.ya?ml$/.test(file)

async function readYaml(file: string): Promise<Job> {
  // Most processes load no such file, nor the parser.
  const { readJobFile } = await import('./program/read-job-file.ts')
  return readJobFile(await readFile(file, 'utf8'))
}

async function versionOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 8)
}

/** The JSON Schemas (2020-12) of the input that clients send and the output that they get. */
export function describeSchemas(job: Job): { input: Record<string, unknown>; output: Record<string, unknown> } {
  return {
    input: z.toJSONSchema(job.input, { io: 'input', unrepresentable: 'any' }),
    output: z.toJSONSchema(job.output, { io: 'output', unrepresentable: 'any' }),
  }
}

/**
 * Names `file` on stderr and makes the exit code 1 when the process exits before the returned function is called: a file that
 * calls `process.exit(0)` when it is imported would end the boot silently.
 */
function blameForExit(file: string, stopping: AbortSignal | undefined): () => void {
  const onExit = (): void => {
    if (stopping?.aborted) return
    process.stderr.write(`drover: ${file}: ended the process while it was being loaded\n`)
    process.exitCode = 1
  }
  process.once('exit', onExit)
  return () => void process.off('exit', onExit)
}

async function within<T>(ms: number, loading: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(ms, undefined, timer).then(() => {
    throw new Error(`did not load within ${ms} ms`)
  })
  try {
    return await Promise.race([loading, late])
  } finally {
    timer.abort()
  }
}

async function jobFiles(dir: string, problems: string[]): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    return entries
      .filter((entry) => !entry.isDirectory() && /^[^.].*\.(ts|mts|js|mjs|job\.ya?ml)$/.test(entry.name))
      .filter((entry) => !/\.(d|test|spec)\.m?[tj]s$/.test(entry.name))
      .map((entry) => join(dir, entry.name))
      .sort()
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    problems.push(`JOBS_DIR: "${dir}" cannot be read (${why})`)
    return []
  }
}
