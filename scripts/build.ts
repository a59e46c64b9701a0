import { spawnSync } from 'node:child_process'
import { cpSync, globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

// Builds dist/, the code of the npm package: JavaScript and declarations by the TypeScript compiler, and what is no TypeScript or is
// served to browsers. Node.js strips no types below node_modules.

const root = join(import.meta.dirname, '..')
const source = join(root, 'src')
const dist = join(root, 'dist')

/** The modules that `exports` of package.json names. */
const entries = ['jobs/define-job', 'testing/index', 'client/index']

rmSync(dist, { recursive: true, force: true })
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
if (status !== 0) process.exit(1)
cpSync(source, dist, { recursive: true, filter: isReadAtRunTime })
removeInnerDeclarations()

/** Scripts of Redis and what else is no TypeScript; and the dashboard, whose types the API strips when a browser asks for it first. */
function isReadAtRunTime(path: string): boolean {
  const isOfBrowsers = path.startsWith(join(source, 'dashboard/'))
  return isOfBrowsers ? !path.endsWith('tsconfig.json') : !path.endsWith('.ts')
}

/** Declarations that no entry leads to are a quarter of the package. */
function removeInnerDeclarations(): void {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    // Without comments, which may show imports of others.
    const code = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//g, '')
    for (const [, path = ''] of code.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.ts['"]/g))
      visit(join(dirname(file), `${path}.d.ts`))
  }
  for (const entry of entries) visit(join(dist, `${entry}.d.ts`))
  for (const file of globSync('**/*.d.ts', { cwd: dist })) if (!reached.has(join(dist, file))) rmSync(join(dist, file))
  console.log(`built ${relative(process.cwd(), dist) || '.'}`)
}
