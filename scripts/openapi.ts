import { readFile, writeFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { generateOpenapi } from '../src/api/generate-openapi.ts'

/** Generates openapi.yaml and the types of a client, or with `--check` reports which of them are out of date. */
const document = await generateOpenapi()
const generated: [path: string, text: string][] = [
  ['openapi.yaml', document],
  ['test/e2e/contract/api-types.ts', await generateTypes(document)],
]
for (const [path, text] of generated) {
  const file = new URL(`../${path}`, import.meta.url)
  if (!process.argv.includes('--check')) await writeFile(file, text)
  else if ((await readFile(file, 'utf8')) !== text) {
    console.error(`${path} is out of date: run \`npm run openapi\` and review the difference`)
    process.exitCode = 1
  }
}

/** openapi-typescript needs the compiler API, which TypeScript 7 does not have: it gets TypeScript 5. */
async function generateTypes(text: string): Promise<string> {
  const typescript5 = import.meta.resolve('typescript5')
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'typescript' ? { url: typescript5, shortCircuit: true } : next(specifier, context),
  })
  const { default: openapiTypescript, astToString } = await import('openapi-typescript')
  const head = '// Generated from openapi.yaml by `npm run openapi`.\n'
  return head + astToString(await openapiTypescript(text))
}
