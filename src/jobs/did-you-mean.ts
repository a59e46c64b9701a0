/** What other systems and other spellings call an option of ours. */
const synonyms: Record<string, string> = {
  retries: 'attempts',
  retry: 'attempts',
  maxattempts: 'attempts',
  maxretries: 'attempts',
  name: 'type',
  id: 'type',
  summary: 'title',
  label: 'title',
  handler: 'run',
  handle: 'run',
  process: 'run',
  execute: 'run',
  perform: 'run',
  schema: 'input',
  params: 'input',
  payload: 'input',
  result: 'output',
  returns: 'output',
  timeout: 'timeoutMs',
  maxduration: 'timeoutMs',
  executor: 'runsOn',
  runtime: 'runsOn',
  graceperiod: 'cancelGraceMs',
  grace: 'cancelGraceMs',
  memory: 'memoryLimitMb',
  maxmemory: 'memoryLimitMb',
  delay: 'delayMs',
  kind: 'type',
  strategy: 'type',
}

/** The known name that `unknown` was probably meant to be; undefined when none is near. */
export function didYouMean(unknown: string, known: readonly string[]): string | undefined {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const synonym = synonyms[plain(unknown)]
  if (synonym !== undefined && known.includes(synonym)) return synonym
  const distances = known.map((name) => ({ name, distance: editDistance(plain(unknown), plain(name)) }))
  const [nearest] = distances.toSorted((a, b) => a.distance - b.distance)
  return nearest && nearest.distance <= Math.max(2, nearest.name.length / 3) ? nearest.name : undefined
}

/** How many letters have to be added, removed or replaced (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
