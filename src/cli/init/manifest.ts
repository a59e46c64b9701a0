import { relative } from 'node:path'
import { isPackage } from '../../module-path.ts'

type Manifest = Record<string, unknown>

/** What `npm init` writes, and nobody wants to keep. */
const emptyTest = 'echo "Error: no test specified" && exit 1'

/**
 * What the package.json of a project needs beside what it has: what it has wins, but for `type` and the test script that npm init writes.
 *
 * @param drover the package.json of Drover, whose versions the project gets
 * @param places the folders of both
 */
export function completeManifest(
  given: Manifest,
  drover: unknown,
  { folder, root }: { folder: string; root: string },
): Manifest {
  const { version, dependencies, devDependencies } = Object(drover) as Manifest
  const versionOf = (name: string) => Object({ ...Object(dependencies), ...Object(devDependencies) })[name]
  const scripts: Manifest = { ...Object(given['scripts']) }
  if (scripts['test'] === emptyTest) delete scripts['test']
  const fetchedNode = process.env['DROVER_FETCHED_NODE']
  const hasDrover = ['dependencies', 'devDependencies'].some((kind) => 'drover' in Object(given[kind]))
  return {
    name: 'jobs',
    version: '1.0.0',
    private: true,
    ...given,
    type: 'module',
    scripts: { dev: 'drover dev', test: 'node --test', check: 'drover check && tsc', ...scripts },
    dependencies: {
      ...(hasDrover ? {} : { drover: isPackage ? `^${String(version)}` : `file:${relative(folder, root)}` }),
      zod: versionOf('zod'),
      ...Object(given['dependencies']),
    },
    devDependencies: {
      '@types/node': versionOf('@types/node'),
      typescript: versionOf('typescript'),
      // The Node.js of this machine is too old for the tests, too.
      ...(fetchedNode ? { node: fetchedNode } : {}),
      ...Object(given['devDependencies']),
    },
    ...(fetchedNode ? { allowScripts: { node: true, ...Object(given['allowScripts']) } } : {}),
  }
}
