import { globSync } from 'node:fs'
import { constants, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { CommandContext } from '@stricli/core'
import { CommandFailure } from '../command-failure.ts'
import { completeManifest } from './manifest.ts'

const root = join(import.meta.dirname, '../../..')
const templates = join(root, 'templates/project')

/** npm packs no such files under their own names. */
const dotFiles = new Set(['env', 'gitignore', 'dockerignore'])

/** Writes the files of a project into `folder` and says what comes next. Files that exist stay as they are. */
export async function initProject(this: CommandContext, _flags: object, folder = '.'): Promise<Error | undefined> {
  const { stdout } = this.process
  const say = (line: string): void => stdout.write(`${line}\n`)
  const target = resolve(folder)
  for (const path of globSync('**/*.*', { cwd: templates })
    .concat([...dotFiles], 'Dockerfile')
    .toSorted()) {
    const name = dotFiles.has(path) ? `.${path}` : path
    await mkdir(dirname(join(target, name)), { recursive: true })
    say(`${(await copyNew(join(templates, path), join(target, name))) ? 'wrote' : 'kept '} ${name}`)
  }
  if (!(await completePackage(join(target, 'package.json'))))
    return new CommandFailure('failed', `${join(target, 'package.json')} is not a JSON object`)
  say('wrote package.json')
  say(`\nNext: ${folder === '.' ? '' : `cd ${folder} && `}npm install && npm test && npm run dev`)
  return undefined
}

/** @returns false if the file exists */
async function copyNew(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** @returns false if it cannot be completed */
async function completePackage(path: string): Promise<boolean> {
  const given = readObject(await readFile(path, 'utf8').catch(emptyIfMissing))
  if (given === undefined) return false
  const own: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const complete = completeManifest(given, own, { folder: dirname(path), root })
  await writeFile(path, `${JSON.stringify(complete, undefined, 2)}\n`)
  return true
}

function emptyIfMissing(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '{}'
  throw error
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    // Not JSON: the caller says so.
    return undefined
  }
}
