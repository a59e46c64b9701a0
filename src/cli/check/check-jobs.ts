import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import type { CommandContext } from '@stricli/core'
import { BrokenJobsError, loadRegistry } from '../../jobs/registry.ts'
import { type FormatFlags, writeRows } from '../output.ts'

const fields = ['type', 'queue', 'runs_on', 'file'] as const

/** A job type, as `drover check` lists it. */
export type CheckedType = Record<(typeof fields)[number], string>

/** Loads the job files of `folder` (default: JOBS_DIR, else ./jobs if it exists) and lists all job types. @returns the mistakes, one line each, as an Error */
export async function checkJobs(
  this: CommandContext,
  format: FormatFlags,
  folder = process.env['JOBS_DIR'] || (existsSync('jobs') ? 'jobs' : undefined),
): Promise<Error | undefined> {
  try {
    const registry = await loadRegistry({
      diagnosticJobs: process.env['DIAGNOSTIC_JOBS'] === '1',
      jobsDir: folder,
      startsProgramsOf: () => true,
    })
    const rows = [...registry.values()].map(({ job, file }): CheckedType => {
      const { type, queue, runsOn } = job
      return { type, queue, runs_on: runsOn, file: relative(process.cwd(), file) }
    })
    writeRows(this, format, fields, rows)
    return undefined
  } catch (error) {
    if (error instanceof BrokenJobsError) return error
    throw error
  }
}
