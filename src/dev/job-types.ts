import { spawn } from 'node:child_process'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { modulePath } from '../module-path.ts'

/** The folder of the built-in job types. */
export const catalogDir = join(import.meta.dirname, '../jobs/catalog')

const jobTypeSchema = z.object({ type: z.string(), queue: z.string(), runs_on: z.string(), file: z.string() })
export type JobType = z.output<typeof jobTypeSchema> & { isBuiltIn: boolean }

/** The job types as files have them now, or the mistakes in the files, one line each. */
export type ReadJobTypes = { status: 'ok'; types: JobType[] } | { status: 'broken'; mistakes: string[] }

/**
 * Loads the job files in a process of its own, by `drover check`: this process has its first version of each module for ever, and a file
 * may end the process that loads it.
 *
 * @param folder the current folder of that process
 * @param env has JOBS_DIR and DIAGNOSTIC_JOBS
 */
export async function readJobTypes(folder: string, env: NodeJS.ProcessEnv): Promise<ReadJobTypes> {
  const args = ['--import', modulePath('jobs/module-hooks'), modulePath('cli/main'), 'check', '--output', 'json']
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [code, listed, mistakes] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (code === 0) {
    const types = z.array(jobTypeSchema).parse(lastLine(listed))
    return { status: 'ok', types: types.map((type) => ({ ...type, isBuiltIn: isBuiltIn(join(folder, type.file)) })) }
  }
  return { status: 'broken', mistakes: mistakes.split('\n').flatMap((line) => line.replace(/^drover: /, '') || []) }
}

const isBuiltIn = (file: string): boolean => !relative(catalogDir, file).startsWith('..')

/** A job file may print when it is loaded. */
function lastLine(output: string): unknown {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
}
