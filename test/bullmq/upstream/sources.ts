import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

/** What stands in a package.json and is read here. */
interface Manifest {
  name?: string
  version: string
  devDependencies?: Record<string, string>
}

/** BullMQ's sources with its tests. */
export interface Sources {
  folder: string
  version: string
  manifest: Manifest
}

const root = join(import.meta.dirname, '../../..')
const bullmqManifest = createRequire(import.meta.url).resolve('bullmq/package.json')

/** The installed BullMQ, whose compiled modules the tests import in place of the sources. */
export const installed = { folder: join(bullmqManifest, '..'), version: readManifest(bullmqManifest).version }

/** Packages that BullMQ's tests import and that neither BullMQ nor this project depends on. */
export const testPackages = ['sinon', 'progress', 'rrule', 'moment']

/** Where {@link installTestPackages} puts them. */
export const cacheFolder = join(root, 'node_modules/.cache/bullmq-tests')

export const whereToGetThem = `BullMQ's tests are not part of this repository. Get its sources, then name their folder:

    git clone --depth 1 --branch v${installed.version} https://github.com/taskforcesh/bullmq <folder>
    npm run test:upstream -- <folder> [--stock] [part of a test file's name ...]
`

/** @returns undefined where `folder` does not hold BullMQ's sources */
export function openSources(folder: string): Sources | undefined {
  const path = resolve(folder)
  const file = join(path, 'package.json')
  const manifest = existsSync(file) ? readManifest(file) : undefined
  if (manifest?.name !== 'bullmq' || !existsSync(join(path, 'tests/utils/connection-factory.ts'))) return undefined
  return { folder: path, version: manifest.version, manifest }
}

/** Installs what the tests alone import, in the versions that BullMQ names, into a cache folder: once for each version. */
export function installTestPackages({ manifest }: Sources): void {
  const dependencies = Object.fromEntries(testPackages.map((name) => [name, manifest.devDependencies?.[name] ?? '*']))
  const wanted = `${JSON.stringify({ private: true, dependencies }, undefined, 2)}\n`
  const file = join(cacheFolder, 'package.json')
  const lock = join(cacheFolder, 'node_modules/.package-lock.json')
  if (existsSync(lock) && existsSync(file) && readFileSync(file, 'utf8') === wanted) return
  mkdirSync(cacheFolder, { recursive: true })
  writeFileSync(file, wanted)
  const { status, error } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: cacheFolder,
    stdio: 'inherit',
  })
  if (status === 0) return
  throw new Error(`installing ${testPackages.join(', ')} failed`, { cause: error })
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8'))
}
