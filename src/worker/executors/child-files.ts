import { pathToFileURL } from 'node:url'
import { modulePath } from '../../module-path.ts'

/** The main module of every thread and process. */
export const childFile = modulePath('worker/executors/child/child')

/** Threads and processes do not inherit `--import`: job files resolve `drover` and `zod` by these hooks. */
export const childImports = ['--import', pathToFileURL(modulePath('jobs/module-hooks')).href]
