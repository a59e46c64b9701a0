import { z } from 'zod'
import { emptyResponse, jsonResponse } from './responses.ts'

/** The documented request headers of a route that answers with a payload: see http/payload.ts. */
export function payloadRequestHeaders(name: 'input' | 'output') {
  return z.object({
    range: z
      .string()
      .optional()
      .describe(`\`bytes=from-to\`, \`bytes=from-\` or \`bytes=-last\`: one part of the ${name}`),
    'if-range': z
      .string()
      .optional()
      .describe(`The \`ETag\` of the ${name} that the client has a part of: a different ${name} is sent whole`),
    'if-none-match': z.string().optional().describe(`The \`ETag\` of the ${name} that the client has`),
  })
}

/** … and its successful answers. */
export function payloadResponses(name: 'input' | 'output', example: unknown) {
  const headers = {
    etag: `Identifies the ${name}`,
    'accept-ranges': '`bytes`',
    'cache-control': '`no-cache`: reuse it after a request with `If-None-Match` only',
  }
  const part = `The part of the ${name} that \`Range\` asks for: bytes, which are not JSON by themselves`
  return {
    200: jsonResponse(`The ${name}`, z.unknown(), { headers, example }),
    206: jsonResponse(part, z.unknown(), { headers: { ...headers, 'content-range': '`bytes from-to/size`' } }),
    304: emptyResponse(`The ${name} is as the client has it`, headers),
  }
}
