import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandBlocks } from './commands.ts'
import { configurationBlocks } from './configuration.ts'
import { decisionBlocks } from './decisions.ts'
import { jobStateBlocks } from './job-states.ts'
import { problemBlocks } from './problems.ts'

/** The repository. */
const root = join(import.meta.dirname, '../..')

/** Generated parts of the documents, by name. A page includes one between `<!-- generated: NAME -->` and `<!-- /generated -->`. */
const blocks: Record<string, () => string> = {
  ...commandBlocks,
  ...configurationBlocks,
  ...decisionBlocks,
  ...jobStateBlocks,
  ...problemBlocks,
}

export interface Page {
  /** Relative to the repository. */
  path: string
  stored: string
  /** With every generated block renewed. */
  rendered: string
}

/**
 * All Markdown pages that include a generated block.
 *
 * @throws Error when a page names a block that does not exist
 */
export function renderPages(): Page[] {
  const paths = [
    'README.md',
    ...globSync('docs/**/*.md', { cwd: root, exclude: ['docs/site/{node_modules,pages}/**'] }),
  ]
  return paths
    .map((path) => {
      const stored = readFileSync(join(root, path), 'utf8')
      return { path, stored, rendered: render(path, stored) }
    })
    .filter(({ stored }) => stored.includes('<!-- generated: '))
}

function render(path: string, text: string): string {
  return text.replaceAll(/(<!-- generated: (.+?) -->\n)[^]*?(<!-- \/generated -->)/g, (_, head, name, tail) => {
    const block = blocks[name]
    if (block === undefined) throw new Error(`${path}: there is no generated block "${name}"`)
    return `${head}\n${block()}\n\n${tail}`
  })
}
