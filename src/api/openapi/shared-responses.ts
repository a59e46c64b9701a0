import { asJson, entries, type Json } from './json-values.ts'
import { pascalCase } from './pascal-case.ts'

/** The responses and examples that several operations share. */
export class SharedResponses {
  readonly components = { responses: {} as Json, examples: {} as Json }

  /** Replaces the problems among the responses of an operation by references. */
  take(operation: Json): Json {
    const responses = entries(operation['responses']).map(([status, response]) => {
      const media = asJson(asJson(asJson(response)['content'])['application/problem+json'])
      const problems = Object.keys(asJson(media['examples']))
      if (problems.length === 0) return [status, response]
      const name = problems.map(pascalCase).join('Or')
      this.components.responses[name] ??= this.#withSharedExamples(asJson(response), media)
      return [status, { $ref: `#/components/responses/${name}` }]
    })
    return { ...operation, responses: Object.fromEntries(responses) }
  }

  #withSharedExamples(response: Json, media: Json): Json {
    const references = entries(media['examples']).map(([code, example]) => {
      this.components.examples[code] = example
      return [code, { $ref: `#/components/examples/${code}` }]
    })
    const content = { 'application/problem+json': { ...media, examples: Object.fromEntries(references) } }
    return { ...response, content }
  }
}
