import { registerHooks } from 'node:module'

/**
 * Resolves `drover` and `zod` in job files in any folder, without a node_modules of their own, to this process's copies: schemas
 * of a second copy of Zod would not work. Loaded with `--import` by main processes, threads and child processes alike.
 */
const ours: Record<string, string> = {
  drover: new URL('./define-job.ts', import.meta.url).href,
  zod: import.meta.resolve('zod'),
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = ours[specifier]
    return url === undefined ? nextResolve(specifier, context) : { url, shortCircuit: true }
  },
})
