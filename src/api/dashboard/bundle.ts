import { posix } from 'node:path'

// All modules of the dashboard as one: half the bytes of many compressed files, and one request. The modules are this project's own, in its
// format, so a few patterns take the place of a parser; what they do not know is an error, which the tests would show.

const importStatement = /^import \{([^}]*)\} from '([^']+)'\n/gm
const exported = /^export (?:(?:async )?function\*?|const|class) (\w+)/gm
const otherStatement = /^(?:import|export) (?!(?:async )?function|const|class).*$/m

interface Module {
  code: string
  imports: { names: string; from: string }[]
  exports: string[]
}

/**
 * @param modules by their paths: `views/job.ts`, JavaScript with imports by the paths of their TypeScript
 * @param packages the URLs of what they import by other names
 * @returns one module, which runs `entry` last
 * @throws Error where modules import each other in a circle, or have a statement that it does not know
 */
export function bundle(modules: ReadonlyMap<string, string>, packages: Record<string, string>, entry: string): string {
  const parsed = new Map([...modules].map(([path, code]) => [path, parse(path, code)]))
  const variables = new Map<string, string>()
  const parts: string[] = []
  const external = new Map<string, string>()
  const nameOf = (specifier: string): string => {
    const url = packages[specifier]
    if (url === undefined) throw new Error(`the dashboard imports ${specifier}, which it is not served`)
    const name = external.get(url) ?? `p${external.size}`
    external.set(url, name)
    return name
  }
  const add = (path: string, above: readonly string[]): string => {
    const known = variables.get(path)
    if (known !== undefined) return known
    const module = parsed.get(path)
    if (!module || above.includes(path)) throw new Error(`${[...above, path].join(' imports ')}: missing, or a circle`)
    const lines = module.imports.map(({ names, from }) => {
      const source = from.startsWith('.') ? add(posix.join(posix.dirname(path), from), [...above, path]) : nameOf(from)
      return `const {${names.replaceAll(' as ', ': ')}} = ${source}`
    })
    const variable = `m${variables.size}`
    variables.set(path, variable)
    parts.push(
      `const ${variable} = (() => {\n${lines.join('\n')}\n${module.code}\nreturn {${module.exports.join(',')}}\n})()`,
    )
    return variable
  }
  add(entry, [])
  const loads = Array.from(external, ([url, name]) => `import * as ${name} from '${url}'`)
  return `${[...loads, ...parts].join('\n')}\n`
}

function parse(path: string, source: string): Module {
  const imports: Module['imports'] = []
  const exports = Array.from(source.matchAll(exported), ([, name = '']) => name)
  const code = source
    .replaceAll(importStatement, (_, names: string, from: string) => {
      imports.push({ names: names.replaceAll(/\s+/g, ' ').replaceAll(/(, )+|^ ?, ?/g, ', '), from })
      return ''
    })
    .replaceAll(/^export (?=(?:async )?function|const|class)/gm, '')
  const [other] = otherStatement.exec(code) ?? []
  if (other !== undefined) throw new Error(`${path}: ${other}`)
  return { code, imports, exports }
}
