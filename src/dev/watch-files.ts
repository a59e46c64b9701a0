import { existsSync, type FSWatcher, globSync, watch } from 'node:fs'

/** The next change in some folders. */
export interface FileChange {
  /** Resolves at the first change after the call. */
  readonly happened: Promise<void>
  close(): void
}

/**
 * Watches `folders` and the folders in them, those that exist. `node --watch` watches files, and loses a file that is saved by renaming,
 * as git and vim do (Node.js 24.21).
 */
export function nextChange(folders: readonly string[]): FileChange {
  const watchers: FSWatcher[] = []
  const happened = new Promise<void>((resolve) => {
    for (const folder of folders.flatMap(withSubfolders)) {
      watchers.push(watch(folder, () => resolve()).on('error', () => resolve()))
    }
  })
  return { happened, close: () => watchers.forEach((watcher) => watcher.close()) }
}

const withSubfolders = (folder: string): string[] =>
  existsSync(folder) ? [folder, ...globSync(`${folder}/**/`, { exclude: ['**/node_modules'] })] : []
