import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The last released version, by the commit that cut it: tags are not in every clone. A release renews both. */
export const released = { version: '0.2.0', commit: '4cff47dfa97ba3f1455bdacf4119259969a46117' }

const root = join(import.meta.dirname, '../..')

/** Whether this clone has the released version: a shallow one, or an archive, has not. */
export function hasReleased(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${released.commit}^{commit}`], { cwd: root, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The root of the released version, with the dependencies of this one. `onClose` gets what removes it: `onTestFinished` in a test. */
export async function checkOutReleased(onClose: (close: () => void | Promise<void>) => void): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-released-'))
  onClose(() => rm(folder, { recursive: true, force: true }))
  const files = execFileSync('git', ['archive', released.commit, 'src', 'package.json'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  })
  execFileSync('tar', ['-x', '-C', folder], { input: files })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return pathToFileURL(`${folder}/`)
}
