import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { table } from './table.ts'

const folder = join(import.meta.dirname, '../../docs/adr')

/** The index of docs/adr: each record with its title and status. */
export const decisionBlocks = {
  decisions: () => {
    const files = globSync('[0-9]*.md', { cwd: folder }).toSorted()
    const rows = files.map((file) => {
      const text = readFileSync(join(folder, file), 'utf8')
      const [, number, title] = /^# (\d+)\. (.+)$/m.exec(text) ?? []
      const [, status] = /^Status: (.+)$/m.exec(text) ?? []
      if (number === undefined || title === undefined || status === undefined)
        throw new Error(`docs/adr/${file}: expected "# N. Title" and "Status: …"`)
      return [number, `[${title}](${file})`, status]
    })
    return table(['number', 'decision', 'status'], rows)
  },
}
