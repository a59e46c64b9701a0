import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { modulePath } from '../module-path.ts'

/**
 * Resolves `drover` and `zod` in job files in any folder, without a node_modules of their own, to this process's copies. Loaded with
 * `--import` by main processes, threads and child processes alike.
 *
 * Every other package is found as Node.js does it, from the folder of the file. What such a package imports itself is its own affair: it
 * may need another Zod, and gets ours only if it brings none.
 */
const ours: Record<string, string> = {
  drover: pathToFileURL(modulePath('jobs/define-job')).href,
  'drover/client': pathToFileURL(modulePath('client/index')).href,
  'drover/testing': pathToFileURL(modulePath('testing/index')).href,
  zod: import.meta.resolve('zod'),
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = Object.hasOwn(ours, specifier) ? ours[specifier] : undefined
    if (url === undefined) return asModule(nextResolve(specifier, context))
    if (context.parentURL?.includes('/node_modules/')) {
      try {
        return nextResolve(specifier, context)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
      }
    }
    return { url, shortCircuit: true }
  },
})

const moduleFormats: Record<string, string> = { commonjs: 'module', 'commonjs-typescript': 'module-typescript' }

/** `npm init` declares a project as CommonJS, for which Node.js refuses the `import` of a job file. */
function asModule<R extends { url: string; format?: string | null | undefined }>(resolved: R): R {
  const format = moduleFormats[resolved.format ?? '']
  if (format === undefined || !resolved.url.startsWith('file:') || resolved.url.includes('/node_modules/'))
    return resolved
  const text = readFileSync(new URL(resolved.url), 'utf8')
  return /^(import\s*[\w{*'"]|export\s)/m.test(text) ? { ...resolved, format } : resolved
}
