import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
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

const builder = fileURLToPath(new URL('./build-assets.ts', import.meta.url))
const maxBytes = 16 * 1024 * 1024

/**
 * Builds the files of the dashboard in a process of their own, once. What a first visitor starts, others wait for; a failed build is tried again.
 */
export class DashboardAssets {
  readonly #stopping = new AbortController()
  #built: Promise<BuiltAssets> | undefined

  /** @throws if a file cannot be read or compiled */
  built(): Promise<BuiltAssets> {
    this.#built ??= build(this.#stopping.signal).catch((error: unknown) => {
      this.#built = undefined
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

async function build(signal: AbortSignal): Promise<BuiltAssets> {
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
