// Prepares a bare clone, and does nothing if it is ready: installs the packages of package-lock.json and the Node.js among them.
// With --redis it also finds or installs a Redis server.
//
// Plain JavaScript for Node.js 20 and later, without imports of packages: it runs before they are installed.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(root, 'node_modules', '.bin', 'node')

const lock = readJson('package-lock.json')
installPackages()
placeRuntime()
if (process.argv.includes('--redis')) run('finding a Redis server', bin, ['scripts/ensure-redis.ts'], { quiet: true })

function installPackages() {
  if (isInstalled()) return
  say('installing packages with "npm ci" (half a minute, once)')
  // The warnings are about packages that need a later Node.js than the one that installs. They get it below.
  run('"npm ci"', 'npm', ['ci', '--include=dev', '--loglevel=error'])
}

/**
 * Whether node_modules has the packages of the lock file. npm writes the list of installed packages last, so this is also correct
 * after an "npm ci" or "npm install" by hand, and after an interrupted one.
 */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const installed = readJson('node_modules/.package-lock.json').packages
  return Object.entries(lock.packages).every(([path, { version, optional }]) => {
    if (path === '') return true
    // Optional packages for other platforms are not installed.
    return path in installed ? installed[path].version === version : optional === true
  })
}

/**
 * The package "node" downloads the binary for this platform in its install script, which npm may be configured not to run
 * (ignore-scripts; from npm 11 on unless allowScripts in package.json has the package).
 */
function placeRuntime() {
  const wanted = `v${lock.packages['node_modules/node'].version}`
  if (runtimeVersion() === wanted) return
  say(`fetching Node.js ${wanted}`)
  run(`fetching Node.js ${wanted}`, 'npm', ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'])
  const found = runtimeVersion()
  if (found !== wanted)
    fail(
      `${bin} should be Node.js ${wanted} but ${found ? `is ${found}` : 'does not run'}: allow npm to run the install script of the package node (allowScripts in package.json), or remove node_modules and try again`,
    )
}

function runtimeVersion() {
  return spawnSync(bin, ['--version'], { encoding: 'utf8' }).stdout?.trim()
}

function run(what, command, args, { quiet = false } = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  if (quiet && status !== null) process.exit(status)
  fail(`${what} failed (${error?.message ?? signal ?? `exit code ${status}`})`)
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'))
  } catch (error) {
    return fail(`cannot read ${path}: ${error.message}`)
  }
}

function say(line) {
  console.log(`setup: ${line}`)
}

function fail(line) {
  console.error(`setup: ${line}`)
  process.exit(1)
}
