import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Asset, Assets } from './build-assets.ts'

/** What the dashboard is made of, ready to be sent. */
export interface BuiltAssets {
  hash: string
  files: ReadonlyMap<string, Asset>
}

/**
 * Builds the files of the dashboard in a thread, once. What a first visitor starts, others wait for; a failed build is tried again.
 */
export class DashboardAssets {
  #built: Promise<BuiltAssets> | undefined

  /** @throws if a file cannot be read or compiled */
  built(): Promise<BuiltAssets> {
    this.#built ??= build().catch((error: unknown) => {
      this.#built = undefined
      throw error
    })
    return this.#built
  }

  /** Resolves when no thread runs. */
  async stop(): Promise<void> {
    await this.#built?.catch(() => undefined)
  }
}

async function build(): Promise<BuiltAssets> {
  // Node.js warns that stripping types by a call is experimental: it runs these files by the same means.
  const thread = new Worker(new URL('./build-assets.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const ended = once(thread, 'exit')
  const [assets]: Assets[] = await once(thread, 'message')
  await ended
  if (!assets) throw new Error('the thread that builds the dashboard sent nothing')
  return { hash: assets.hash, files: new Map(assets.files.map((file) => [file.name, file])) }
}
