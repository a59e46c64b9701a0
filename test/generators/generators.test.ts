import { execFile, spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startStack } from '../helpers/stack.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const clients = fileURLToPath(new URL('./clients/', import.meta.url))

/** Where a client is made and run: an empty folder. */
interface Workshop {
  folder: string
  /** Runs a command in the folder; resolves to its standard output. @throws with its output if it fails */
  run: (command: string, ...args: string[]) => Promise<string>
  /** Copies a file of test/generators/clients. */
  copy: (name: string, to?: string) => Promise<void>
  write: (name: string, text: string) => Promise<void>
}

interface Generator {
  name: string
  /** The command without which it cannot be tried. */
  needs: [command: string, ...args: string[]]
  /** Generates a client of `openapi.yaml`, compiles it, runs the calls against an API, and returns what they printed. */
  make: (workshop: Workshop, url: string) => Promise<string>
}

const node = process.execPath

/** Runs a program of npm packages that the folder does not have. */
function npx(run: Workshop['run'], packages: string[], ...program: string[]): Promise<string> {
  return run('npx', '--yes', ...packages.map((name) => `--package=${name}`), ...program)
}

/** Checks the types of a program, with the packages of this repository. */
async function compile({ run, copy, folder }: Pick<Workshop, 'run' | 'copy' | 'folder'>): Promise<void> {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await copy('tsconfig.json')
  await run(node, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
}

const generators: Generator[] = [
  {
    name: 'openapi-typescript',
    needs: ['npm', '--version'],
    make: async ({ run, copy, folder }, url) => {
      await npx(
        run,
        ['openapi-typescript@7.13.0', 'typescript@5.9.3'],
        'openapi-typescript',
        'openapi.yaml',
        '-o',
        'generated.ts',
      )
      await copy('openapi-fetch.ts')
      await compile({ run, copy, folder })
      return run(node, 'openapi-fetch.ts', url)
    },
  },
  {
    name: '@hey-api/openapi-ts 0.95.0',
    needs: ['npm', '--version'],
    make: async ({ run, copy, write, folder }, url) => {
      const config = `export default { input: 'openapi.yaml', output: { path: 'generated', module: { extension: '.ts' } } }`
      await write('openapi-ts.config.mjs', config)
      await npx(run, ['@hey-api/openapi-ts@0.95.0', 'typescript@5.9.3'], 'openapi-ts')
      await copy('hey-api.ts')
      await compile({ run, copy, folder })
      return run(node, 'hey-api.ts', url)
    },
  },
  {
    name: 'openapi-python-client 0.29.1',
    needs: ['python3', '-m', 'venv', '--help'],
    make: async ({ run, copy }, url) => {
      await run('python3', '-m', 'venv', 'venv')
      await run('venv/bin/pip', 'install', '--quiet', 'openapi-python-client==0.29.1')
      const generate = 'venv/bin/openapi-python-client generate --path openapi.yaml --output-path made 2>&1'
      const warnings = await run('sh', '-c', generate)
      // What it cannot read it leaves out, with a warning.
      expect(warnings).not.toMatch(/WARNING|Unable to parse|will not be generated/)
      await copy('client.py', 'made')
      return run('venv/bin/python', 'made/client.py', url)
    },
  },
  {
    name: 'oapi-codegen 2.8.2',
    needs: ['go', 'version'],
    make: async ({ run, copy, folder }, url) => {
      await mkdir(join(folder, 'api'))
      const generator = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2'
      await run(
        'go',
        'run',
        generator,
        '-generate',
        'types,client',
        '-package',
        'api',
        '-o',
        'api/api.go',
        'openapi.yaml',
      )
      await copy('main.go')
      await run('go', 'mod', 'init', 'contract')
      await run('go', 'mod', 'tidy')
      return run('go', 'run', '.', url)
    },
  },
  {
    name: 'openapi-generator 7.19.0 (Java)',
    needs: ['mvn', '--version'],
    make: async ({ run, copy }, url) => {
      const artifact = 'org.openapitools:openapi-generator-cli:7.19.0'
      await run('mvn', '--batch-mode', '--quiet', 'dependency:copy', `-Dartifact=${artifact}`, '-DoutputDirectory=.')
      const options = ['-i', 'openapi.yaml', '-g', 'java', '--library', 'native', '-o', 'made']
      await run('java', '-jar', 'openapi-generator-cli-7.19.0.jar', 'generate', ...options)
      await copy('Contract.java', 'made/src/main/java')
      const exec = 'org.codehaus.mojo:exec-maven-plugin:3.5.0:java'
      const program = [
        '-Dexec.mainClass=Contract',
        `-Dexec.args=${url}`,
        '-Dmaven.javadoc.skip=true',
        '-Dstyle.color=never',
      ]
      return run('mvn', '--batch-mode', '--quiet', '-f', 'made/pom.xml', 'compile', exec, ...program)
    },
  },
]

for (const { name, needs, make } of generators) {
  const [command, ...args] = needs
  const isHere = spawnSync(command, args, { stdio: 'ignore' }).status === 0
  test.skipIf(!isHere)(
    `a client of ${name} compiles and makes its calls${isHere ? '' : `: skipped, no ${command} here`}`,
    async () => {
      const { api } = await startStack()
      const workshop = await openWorkshop()
      const document = await fetch(`${api.url}/openapi.json`)
      await workshop.write('openapi.yaml', await document.text())
      // Maven begins its output with a code for colors, whatever its options.
      expect(JSON.parse(stripVTControlCharacters(await make(workshop, api.url)))).toEqual({
        submitted: 'sleep',
        waited: ['succeeded', { slept_ms: 50 }],
        streamed: 'done',
        listed: [2, 1, 0],
        canceled: 'canceled',
        flow: ['succeeded', 2],
        schedule: 3_600_000,
        run: 25,
        problem: 'job_not_found',
      })
    },
  )
}

async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-generated-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return {
    folder,
    run: async (command, ...args) => {
      const { stdout } = await promisify(execFile)(command, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 })
      return stdout
    },
    copy: (name, to = '.') => copyFile(join(clients, name), join(folder, to, name)),
    write: (name, text) => writeFile(join(folder, name), text),
  }
}
