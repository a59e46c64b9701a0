/** The main module of every thread and process. */
export const childFile = new URL('./child/child.ts', import.meta.url)

/** Threads and processes do not inherit `--import`: job files resolve `drover` and `zod` by these hooks. */
export const childImports = ['--import', new URL('../../jobs/module-hooks.ts', import.meta.url).href]
