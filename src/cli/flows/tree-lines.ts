import { type Doc, docOf, listOf, textOf } from '../client/document.ts'
import { bar } from '../terminal/bar.ts'
import { escapeText } from '../terminal/escape.ts'
import { onStderr, styleOf } from '../terminal/screen.ts'

const ends: ReadonlySet<string> = new Set(['succeeded', 'failed', 'canceled', 'expired'])
/** A larger group shows the members that run or failed, and counts the others. */
const maxMembers = 8

interface Count {
  ended: number
  all: number
}

/** A flow as lines: a bar for each group, by how many of its jobs have ended, and for each job that runs, by its progress. */
export function treeLines(tree: Doc, progress: ReadonlyMap<string, number>): string[] {
  const lines: string[] = []
  draw(tree, '')
  return lines

  function draw(node: Doc, indent: string): void {
    const members = membersOf(node)
    const state = textOf(node['state'])
    const mark = onStderr(styleOf(state), escapeText(state))
    if (members === undefined) {
      const fraction = state === 'running' ? progress.get(textOf(node['id'])) : undefined
      const share = fraction === undefined ? '' : `${bar(fraction)}  `
      lines.push(`${indent}${share}${escapeText(textOf(node['type']))}  ${mark}`)
      return
    }
    const { ended, all } = countEnded(node)
    const share = all === 0 ? undefined : ended / all
    lines.push(`${indent}${bar(share)}  ${escapeText(textOf(node['kind']))}  ${ended} of ${all}  ${mark}`)
    const shown = members.length <= maxMembers ? members : members.filter(isNotable).slice(0, maxMembers)
    for (const member of shown) draw(member, `${indent}  `)
    if (shown.length < members.length) lines.push(`${indent}  and ${members.length - shown.length} more`)
  }
}

/** The jobs of a tree that run, at most `limit`. */
export function runningJobs(node: Doc, limit: number): string[] {
  const members = membersOf(node)
  if (members === undefined) return textOf(node['state']) === 'running' ? [textOf(node['id'])] : []
  return members.flatMap((member) => runningJobs(member, limit)).slice(0, limit)
}

/** The tree with the state of one of its jobs. */
export function withState(node: Doc, id: string, state: string): Doc {
  const kind = textOf(node['kind'])
  const members = membersOf(node)
  if (members === undefined) return textOf(node['id']) === id ? { ...node, state } : node
  return { ...node, [kind]: members.map((member) => withState(member, id, state)) }
}

const isNotable = (node: Doc): boolean => ['running', 'failed'].includes(textOf(node['state']))

/** The members of a group; undefined for a job. */
function membersOf(node: Doc): Doc[] | undefined {
  const kind = textOf(node['kind'])
  return kind === 'job' || kind === '' ? undefined : listOf(node[kind]).map(docOf)
}

function countEnded(node: Doc): Count {
  const members = membersOf(node)
  if (members === undefined) return { ended: ends.has(textOf(node['state'])) ? 1 : 0, all: 1 }
  return members.map(countEnded).reduce((sum, { ended, all }) => ({ ended: sum.ended + ended, all: sum.all + all }), {
    ended: 0,
    all: 0,
  })
}
