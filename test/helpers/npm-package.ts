import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** A file of the package. */
interface PackedFile {
  path: string
  size: number
}

/** What `npm pack` made. */
export interface NpmPackage {
  /** In a temporary folder of its own. */
  tarball: string
  /** In bytes, of the tarball. */
  size: number
  files: PackedFile[]
}

/** Builds the code and packs it, as a release does. */
export async function packDrover(): Promise<NpmPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-package-'))
  const { stdout } = await run('npm', ['pack', '--silent', '--json', '--pack-destination', folder], { cwd: root })
  // What the build prints comes first.
  const all: Record<string, NpmPackage & { filename: string }> = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  const [packed] = Object.values(all)
  if (packed === undefined) throw new Error(`npm pack made nothing: ${stdout}`)
  return { ...packed, tarball: join(folder, packed.filename) }
}

/** Installs a package into `project` without the network: what it depends on is linked from this checkout. */
export async function installDrover({ tarball }: NpmPackage, project: string): Promise<void> {
  const modules = join(project, 'node_modules')
  await mkdir(join(modules, 'drover'), { recursive: true })
  await mkdir(join(modules, '.bin'))
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'drover')])
  await symlink('../drover/bin/drover', join(modules, '.bin/drover'))
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    await readFile(join(modules, 'drover/package.json'), 'utf8'),
  )
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
}
