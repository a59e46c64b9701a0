/** What runs inside every thread and process. */
export const childFile = new URL('./child.ts', import.meta.url)

/** Threads and processes do not take over the parent's `--import`: job files find `drover` and `zod` by these hooks. */
export const childImports = ['--import', new URL('../../jobs/module-hooks.ts', import.meta.url).href]
