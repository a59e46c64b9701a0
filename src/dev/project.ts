import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isPackage } from '../module-path.ts'

/** Where `drover dev` works. */
export interface Project {
  /** Has the folder jobs/. */
  folder: string
  /** Where Redis keeps its data. */
  dataDir: string
  /** Read by {@link useProject} if it exists. That of a checkout is for Compose. */
  envFile: string | undefined
}

/**
 * The folder in which a command was called. In a checkout of Drover, and in its image: the checkout.
 *
 * @param cwd the current folder, absolute
 */
export function findProject(cwd: string): Project {
  const checkout = join(import.meta.dirname, '../..')
  const isInside = !isPackage && !relative(checkout, cwd).startsWith('..')
  return isInside
    ? { folder: checkout, dataDir: join(checkout, 'data'), envFile: undefined }
    : { folder: cwd, dataDir: join(cwd, '.drover/redis'), envFile: join(cwd, '.env') }
}

/**
 * Completes the environment of this process by what the project has: its .env, and its folder jobs/ as JOBS_DIR. A variable that is set
 * stays.
 */
export function useProject({ folder, envFile }: Project): void {
  if (envFile !== undefined && existsSync(envFile)) process.loadEnvFile(envFile)
  const jobs = join(folder, 'jobs')
  if (!process.env['JOBS_DIR'] && existsSync(jobs)) process.env['JOBS_DIR'] = jobs
}
