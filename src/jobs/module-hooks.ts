import { registerHooks } from 'node:module'

/**
 * Lets a job file say `import { defineJob } from 'drover'` and `import { z } from 'zod'` wherever its folder lies, without
 * a node_modules of its own; and makes sure that it gets this process's copies, since a second Zod would be a stranger.
 * Loaded with `--import` by the main, thread and child processes alike.
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
