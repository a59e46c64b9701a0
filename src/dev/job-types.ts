import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

const jobTypeSchema = z.object({ type: z.string(), queue: z.string(), runs_on: z.string(), file: z.string() })
export type JobType = z.output<typeof jobTypeSchema>

/** The job types as files have them now, or the mistakes in the files, one line each. */
export type ReadJobTypes = { status: 'ok'; types: JobType[] } | { status: 'broken'; mistakes: string[] }

/**
 * Loads the job files in a process of its own, by `drover check`: this process has its first version of each module for ever, and a file
 * may end the process that loads it.
 *
 * @param env has JOBS_DIR and DIAGNOSTIC_JOBS
 */
export async function readJobTypes(root: string, env: NodeJS.ProcessEnv): Promise<ReadJobTypes> {
  const args = ['--import', './src/jobs/module-hooks.ts', 'src/cli/main.ts', 'check', '--output', 'json']
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [code, listed, mistakes] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (code === 0) return { status: 'ok', types: z.array(jobTypeSchema).parse(lastLine(listed)) }
  return { status: 'broken', mistakes: mistakes.split('\n').flatMap((line) => line.replace(/^drover: /, '') || []) }
}

/** A job file may print when it is loaded. */
function lastLine(output: string): unknown {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
}
