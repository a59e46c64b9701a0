import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a Debian or Ubuntu without Redis lacks, as a rule. The first is required. */
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1']
/** Libraries that most systems have. They are fetched where the server does not start without them. */
const libraries = ['libatomic1', 'libssl3', 'libssl3t64', 'libsystemd0', 'liblua5.1-0', 'lua-cjson', 'lua-bitop']

/** Runs the server with the libraries beside it. */
const launcher = `#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
for folder in "$here"/usr/lib/*/ "$here"/lib/*/; do libraries=$libraries\${libraries:+:}$folder; done
LD_LIBRARY_PATH=$libraries\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/usr/bin/redis-server" "$@"
`

/**
 * Fetches Redis with apt-get, which checks its packages, and unpacks it into `folder` without installing it: that needs no rights. Runs
 * as `folder`/redis-server. @returns whether the server starts
 */
export function unpackRedis(folder: string): boolean {
  const part = `${folder}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(join(part, 'packages'), { recursive: true })
  try {
    const apt = ['-o', `Dir::State::Lists=${part}/lists`, '-o', `Dir::Cache=${part}/cache`]
    // The lists of the system may be missing, as in a slim image, or older than the archive.
    const isFetched =
      fetch(part, packages, []) || (run(part, 'apt-get', [...apt, 'update']) && fetch(part, packages, apt))
    if (!isFetched) return false
    unpack(part)
    writeFileSync(join(part, 'redis-server'), launcher)
    chmodSync(join(part, 'redis-server'), 0o755)
    if (!starts(part)) {
      for (const name of libraries) if (!fetch(part, [name], [])) fetch(part, [name], apt)
      unpack(part)
      if (!starts(part)) return false
    }
    for (const rest of ['packages', 'lists', 'cache']) rmSync(join(part, rest), { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
    renameSync(part, folder)
    return true
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

function fetch(part: string, names: readonly string[], options: readonly string[]): boolean {
  return run(join(part, 'packages'), 'apt-get', [...options, 'download', ...names])
}

function unpack(part: string): void {
  const files = readdirSync(join(part, 'packages')).filter((name) => name.endsWith('.deb'))
  for (const name of files) run(part, 'dpkg', ['-x', join(part, 'packages', name), part])
}

const starts = (part: string): boolean => run(part, join(part, 'redis-server'), ['--version'])

function run(cwd: string, command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { cwd, stdio: 'ignore', timeout: 120_000 }).status === 0
}
