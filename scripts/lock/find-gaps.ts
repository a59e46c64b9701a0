/** The part of package-lock.json that is checked. */
export interface LockFile {
  packages: Record<string, { integrity?: string; optionalDependencies?: Record<string, string> }>
}

/** Entries without a checksum, and optional packages without an entry; one line each. */
export function findGaps({ packages }: LockFile): string[] {
  const entries = Object.entries(packages).filter(([path]) => path !== '')
  const unchecked = entries
    .filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-'))
    .map(([path]) => `${path} has no checksum`)
  const missing = entries.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !places(path, name).some((place) => place in packages))
      .map((name) => `${name}, optional for ${path}, has no entry`),
  )
  return [...unchecked, ...new Set(missing)]
}

/** Where the dependency `name` of the package at `path` may be installed, from the inside out. */
function places(path: string, name: string): string[] {
  const parts = path.split('/node_modules/')
  const above = parts.map((_, n) => parts.slice(0, parts.length - n).join('/node_modules/'))
  return [...above.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`]
}
