import { relative } from 'node:path'
import type { JobType } from './job-types.ts'

/** For people: the built-in job types, and those of `jobsDir` with their queues. */
export function describeTypes(types: readonly JobType[], jobsDir: string | undefined): string[] {
  const builtIn = types.filter(({ isBuiltIn }) => isBuiltIn).map(({ type }) => type)
  const own = types.filter(({ isBuiltIn }) => !isBuiltIn).map(({ type, queue }) => `${type} (queue ${queue})`)
  const lines = [`built-in job types: ${builtIn.join(', ')}`]
  if (jobsDir !== undefined)
    lines.push(`job types of ${relative(process.cwd(), jobsDir) || '.'}/: ${own.join(', ') || 'none'}`)
  return lines
}

/** For people: what the second list has that the first has not, and the other way round. */
export function describeChange(before: readonly JobType[], after: readonly JobType[]): string {
  const names = (types: readonly JobType[]) => new Set(types.map(({ type, queue }) => `${type} in queue ${queue}`))
  const added = [...names(after).difference(names(before))].map((name) => `new: ${name}`)
  const removed = [...names(before).difference(names(after))].map((name) => `gone: ${name}`)
  return [...added, ...removed].join(', ') || 'the same job types'
}
