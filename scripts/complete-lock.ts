import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Completes package-lock.json after an "npm install": adds the optional packages for other platforms that npm left out because
// its registry (a mirror, for example) does not serve them. Without them "npm ci" refuses the file as out of date. The added
// entries have no checksum; npm adds it if it can.

interface Package {
  version?: string
  dev?: boolean
  optionalDependencies?: Record<string, string>
}

const file = join(import.meta.dirname, '..', 'package-lock.json')
const lock: { packages: Record<string, Package> } = JSON.parse(readFileSync(file, 'utf8'))

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

let added = 0
for (const [path, { dev, optionalDependencies }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    const places = [`${path}/node_modules/${name}`, `node_modules/${name}`]
    if (places.some((place) => place in lock.packages)) continue
    lock.packages[`node_modules/${name}`] = describe(name, version, dev)
    added += 1
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')))
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(`package-lock.json: ${added} added`)

/** The names of such packages contain their platform: `@scope/binding-linux-x64-musl`. */
function describe(name: string, version: string, dev: boolean | undefined): Package & Record<string, unknown> {
  const words = name.replace(/^@[^/]+\//, '').split('-')
  const cpu = words.filter((word) => processors.includes(word))
  const os = words.filter((word) => systems.includes(word))
  if (cpu.length !== 1 || os.length !== 1 || !/^\d/.test(version)) {
    throw new Error(`${name}@${version} is missing from package-lock.json, and its name does not contain a platform`)
  }
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : undefined
  return { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os }
}
