import { extname, join } from 'node:path'

const extension = extname(import.meta.filename)

/** Whether this is the npm package, which has JavaScript, and not the code of a checkout or of the image. */
export const isPackage = extension === '.js'

/** The path of a module of this program that another thread or process loads, as `api/main`: Node.js strips no types below node_modules. */
export function modulePath(name: string): string {
  return join(import.meta.dirname, `${name}${extension}`)
}
