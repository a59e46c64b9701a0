import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import type { CliOptions, Reporter, Vite } from 'vitest/node'
import { cacheFolder, installed, type Sources, testPackages } from './sources.ts'

const root = join(import.meta.dirname, '../../..')

/**
 * Topics that say nothing about a backend on ioredis: other Redis clients and other databases, the clients' own connections,
 * child processes, the loader of scripts, telemetry.
 */
const leftOut = [
  'adapter-conformance',
  'bun-*',
  'child-pool',
  'child_stdio_null',
  'cluster',
  'connection',
  'ioredis-client',
  'node-redis',
  'postgres-*',
  'sandboxed_process',
  'script_loader',
  'telemetry_interface',
  'valkey-glide-client',
]

/** Vitest's options: as BullMQ's own configuration has them, one file at a time since the tests listen and measure. */
export function testOptions(
  sources: Sources,
  provide: NonNullable<CliOptions['provide']>,
  reporters: Reporter[],
): CliOptions {
  return {
    watch: false,
    config: false,
    root: sources.folder,
    include: ['tests/*.test.ts'],
    exclude: leftOut.map((name) => `tests/${name}.test.ts`),
    setupFiles: [join(import.meta.dirname, 'setup.ts')],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 10_000,
    hookTimeout: 10_000,
    // Many of them measure time: on a busy machine some fail once. The report names them.
    retry: 1,
    // The compiled modules import each other without extensions, which Node.js itself does not resolve.
    server: { deps: { inline: [/\/bullmq\/dist\/esm\//] } },
    provide,
    // A line for each file; what a test prints only where it fails.
    silent: 'passed-only',
    slowTestThreshold: 60_000,
    reporters: ['default', ...reporters],
  }
}

/** Vite's options: the tests get the installed BullMQ in place of its sources. */
export function viteOptions(sources: Sources): Vite.UserConfig {
  return { cacheDir: join(cacheFolder, '.vite'), plugins: [useInstalled(sources)] }
}

/**
 * `../src/x` of a test is the installed BullMQ's compiled `x`, and `bullmq`, wherever it is imported, is the same copy: classes and
 * the default backend factory must not exist twice. Other packages come from the cache folder or from this project.
 */
function useInstalled({ folder }: Sources): Vite.Plugin {
  const compiled = join(installed.folder, 'dist/esm')
  const replaced = join(folder, 'src')
  return {
    name: 'installed-bullmq',
    enforce: 'pre',
    resolveId(source, importer) {
      if (source === 'bullmq') return join(compiled, 'index.js')
      if (importer === undefined || !importer.startsWith(folder + sep) || source.startsWith('node:')) return null
      if (source.startsWith('.')) {
        const path = join(dirname(importer), source)
        return path.startsWith(replaced + sep) ? compiledFile(join(compiled, path.slice(replaced.length))) : null
      }
      if (source.startsWith('/')) return null
      const home = testPackages.includes(source) ? cacheFolder : root
      return this.resolve(source, join(home, 'importer.js'), { skipSelf: true })
    },
  }
}

function compiledFile(path: string): string {
  const candidates = [`${path}.js`, join(path, 'index.js')]
  const found = candidates.find((file) => existsSync(file))
  if (found === undefined)
    throw new Error(`the installed BullMQ ${installed.version} has no ${candidates.join(' or ')}`)
  return found
}
