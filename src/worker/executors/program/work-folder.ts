import { chownSync, mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The folder in which a program runs: its working directory and `TMPDIR`. Only its user can read it. */
export class WorkFolder {
  readonly path: string

  /** @throws the error of the system when it cannot be made */
  constructor(user: { uid: number; gid: number } | undefined) {
    this.path = mkdtempSync(join(tmpdir(), 'drover-job-'))
    if (user) chownSync(this.path, user.uid, user.gid)
  }

  /** Removes what is in it. What cannot be removed stays: the system cleans its folder of temporary files. */
  async empty(): Promise<void> {
    const names = await readdir(this.path).catch(() => [])
    await Promise.all(names.map((name) => remove(join(this.path, name))))
  }

  async remove(): Promise<void> {
    await remove(this.path)
  }
}

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true }).catch(() => undefined)
