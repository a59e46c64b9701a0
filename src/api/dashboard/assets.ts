import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { modulePath } from '../../module-path.ts'
import type { Assets } from './build-assets.ts'

/** A file that browsers load. */
interface Asset {
  type: string
  body: Buffer
  brotli: Buffer
}

/** What the dashboard is made of, ready to be sent. */
export interface BuiltAssets {
  /** Changes with the contents of any file. */
  hash: string
  files: ReadonlyMap<string, Asset>
}

const builder = modulePath('api/dashboard/build-assets')
const maxBytes = 16 * 1024 * 1024
const firstPauseMs = 1000
const longestPauseMs = 60_000

type Build = (signal: AbortSignal) => Promise<BuiltAssets>

/**
 * Builds the files of the dashboard in a process of their own, once. What a first visitor starts, others wait for. A failed build is tried
 * again after a pause, which doubles: until then visitors get its error.
 */
export class DashboardAssets {
  readonly #stopping = new AbortController()
  readonly #build: Build
  readonly #now: () => number
  #built: Promise<BuiltAssets> | undefined
  #failures = 0
  #retryAt = Number.POSITIVE_INFINITY

  constructor(build: Build = buildInProcess, now: () => number = () => performance.now()) {
    this.#build = build
    this.#now = now
  }

  /** @throws if a file cannot be read or compiled */
  built(): Promise<BuiltAssets> {
    if (this.#now() >= this.#retryAt) this.#built = undefined
    if (this.#built) return this.#built
    this.#retryAt = Number.POSITIVE_INFINITY
    this.#built = this.#build(this.#stopping.signal).catch((error: unknown) => {
      this.#retryAt = this.#now() + Math.min(firstPauseMs * 2 ** this.#failures++, longestPauseMs)
      throw error
    })
    return this.#built
  }

  /** Ends a build that is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#built?.catch(() => undefined)
  }
}

async function buildInProcess(signal: AbortSignal): Promise<BuiltAssets> {
  // Without the secrets in this process's environment.
  const options = { env: {}, maxBuffer: maxBytes, signal }
  const { stdout } = await promisify(execFile)(process.execPath, [builder], options)
  const { hash, files }: Assets = JSON.parse(stdout)
  const buffer = (base64: string) => Buffer.from(base64, 'base64')
  return {
    hash,
    files: new Map(
      files.map(({ name, type, body, brotli }) => [name, { type, body: buffer(body), brotli: buffer(brotli) }]),
    ),
  }
}
