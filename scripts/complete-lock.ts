import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findGaps, type LockFile } from './lock/find-gaps.ts'

// Completes package-lock.json after an "npm install". npm leaves out optional packages for other platforms that its registry did not
// serve at that time, and keeps entries without a checksum as they are. "npm ci" refuses the first and does not verify the second.
// So entries without a checksum are removed, and npm resolves again what is missing. Exit code 1 if gaps remain.

const root = join(import.meta.dirname, '..')
const file = join(root, 'package-lock.json')
const read = (): LockFile => JSON.parse(readFileSync(file, 'utf8'))

const before = findGaps(read())
if (before.length > 0) {
  const lock = read()
  for (const [path, { integrity }] of Object.entries(lock.packages)) {
    if (path !== '' && integrity === undefined) delete lock.packages[path]
  }
  writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
  const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
}
const after = findGaps(read())
console.log(`package-lock.json: ${before.length - after.length} entries completed`)
if (after.length > 0) {
  for (const gap of after) console.error(`package-lock.json: ${gap}`)
  console.error('The registry does not serve these packages. Run this again with one that does.')
  process.exitCode = 1
}
