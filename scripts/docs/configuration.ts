import { z } from 'zod'
import { startDefaults } from '../../src/dev/settings.ts'
import { apiVariables } from '../../src/environment/api-variables.ts'
import { workerVariables } from '../../src/environment/worker-variables.ts'
import { table } from './table.ts'

/** What the tables say of a variable. JSON Schema calls it a property. */
const property = z.object({
  description: z.string(),
  default: z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.object({})]).optional(),
  defaultText: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
})
const schemaShape = z.object({ properties: z.record(z.string(), property), required: z.array(z.string()) })

interface Variable {
  name: string
  default: string
  allowed: string
  meaning: string
}

/** The ten settings that README.md shows. */
const essentials = [
  'REDIS_URL',
  'HOST',
  'PORT',
  'API_KEYS_FILE',
  'WORKER_QUEUES',
  'JOBS_DIR',
  'EGRESS_ALLOW_CIDRS',
  'RESULT_TTL_MS',
  'LOCK_MS',
  'SHUTDOWN_GRACE_MS',
]

function variablesOf(schema: z.ZodObject): Variable[] {
  const { properties, required } = schemaShape.parse(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output' }))
  return Object.entries(properties).map(([name, one]) => ({
    name,
    default: defaultOf(one, required.includes(name)),
    allowed: allowedValues(one),
    meaning: one.description,
  }))
}

function defaultOf(one: z.output<typeof property>, required: boolean): string {
  if (one.defaultText !== undefined) return code(one.defaultText)
  if (one.default === undefined) return required ? 'required' : 'none'
  if (one.default === false) return 'off'
  if (Array.isArray(one.default)) return one.default.length === 0 ? 'none' : code(one.default.join(','))
  if (typeof one.default === 'object') throw new Error('a default that is an object needs a text: see about()')
  return code(String(one.default))
}

function allowedValues(one: z.output<typeof property>): string {
  if (one.type === 'integer') return `${one.minimum} to ${one.maximum}`
  if (one.default === false) return '`0`, `1`'
  return ''
}

const code = (text: string) => `\`${text}\``

const api = variablesOf(apiVariables)
const worker = variablesOf(workerVariables)
const names = (list: Variable[]) => new Set(list.map(({ name }) => name))
const shared = api.filter(({ name }) => names(worker).has(name))

function rows(list: readonly Variable[]): string {
  return table(
    ['name', 'default', 'allowed', 'meaning'],
    list.map((one) => [code(one.name), one.default, one.allowed, one.meaning]),
  )
}

/** Tables of all environment variables, by the role that reads them. */
export const configurationBlocks = {
  'variables of both roles': () => rows(shared),
  'variables of the API': () => rows(api.filter(({ name }) => !names(worker).has(name))),
  'variables of workers': () => rows(worker.filter(({ name }) => !names(api).has(name))),
  'defaults of npm start': () =>
    table(
      ['name', '`npm start`'],
      Object.entries(startDefaults).map(([name, value]) => [code(name), code(value)]),
    ),
  'settings that matter': () =>
    table(
      ['name', 'default', 'meaning'],
      essentials.map((wanted) => {
        const one = [...api, ...worker].find(({ name }) => name === wanted)
        if (one === undefined) throw new Error(`no role reads ${wanted}: correct the list of essentials`)
        return [code(one.name), one.default, one.meaning.replaceAll(/\]\((\w+\.md)/g, '](docs/$1')]
      }),
    ),
}
