import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { messagePattern } from '../../queue/model/fingerprint.ts'
import type { FailureGroup } from '../../queue/store/job-queue.ts'
import { readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { timestamp } from '../http/timestamp.ts'
import { limitParameter, named, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { jobPath } from './find-job.ts'

const query = z.strictObject({
  type: z.string().min(1).max(100).optional(),
  queue: z.string().regex(queueNamePattern).optional(),
  tenant: tenantParameter,
  limit: limitParameter,
})

const groupSchema = named(
  'FailureGroup',
  z.object({
    fingerprint: z.string(),
    type: z.string(),
    queue: z.string(),
    code: z.string().describe('`error.code` of its jobs'),
    message: z
      .string()
      .describe('`error.message` of its jobs with `*` for what differs: quoted text, addresses, numbers'),
    count: z.int().describe('Failed jobs that are kept'),
    total: z.int().describe('Failures since it was first seen; a job that failed again after a retry counts again'),
    first_seen_at: timeField,
    last_seen_at: timeField,
    latest_job_id: z.string(),
    links: z.object({ jobs: z.string(), latest_job: z.string() }),
  }),
)

const exampleGroup = {
  fingerprint: '3f9a1c0b77de2415',
  type: 'resize-image',
  queue: 'cpu',
  code: 'job_failed',
  message: 'the image has * pixels, more than *',
  count: 212,
  total: 215,
  first_seen_at: '2026-12-01T07:50:00.000Z',
  last_seen_at: '2026-12-01T08:00:00.000Z',
  latest_job_id: 'cpu_01k7p3x9v2m4q6r8s0t1w3y5z7',
  links: {
    jobs: '/v1/jobs?state=failed&fingerprint=3f9a1c0b77de2415',
    latest_job: '/v1/jobs/cpu_01k7p3x9v2m4q6r8s0t1w3y5z7',
  },
}

/** `GET /v1/failures`: failed jobs by what their failures have in common. */
export function listFailures(app: FastifyInstance, { queue }: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/failures', {
    config: { access: 'read' },
    schema: {
      operationId: 'listFailures',
      summary: 'List failed jobs by what their failures have in common',
      description:
        'Groups of failed jobs of the tenant that have the type, the code and the message in common, but for the variable parts of the message. The last seen first. A group is left out when none of its jobs is kept any more.',
      tags: ['jobs'],
      querystring: query,
      response: {
        200: jsonResponse('The groups', named('FailureList', z.object({ items: z.array(groupSchema) })), {
          example: { items: [exampleGroup] },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request) => {
      const { type, queue: only, tenant, limit } = request.query
      const queues = queue.names.filter((name) => only === undefined || only === name)
      const groups = await queue.failureGroups({ tenant: readableTenant(request, tenant), queues, type, limit })
      return { items: groups.map(groupResource) }
    },
  })
}

function groupResource(group: FailureGroup): z.output<typeof groupSchema> {
  const { fingerprint, queue, count, total, firstSeen, lastSeen, latest } = group
  return {
    fingerprint,
    type: latest.type,
    queue,
    code: latest.code,
    message: messagePattern(latest.message),
    count,
    total: Math.max(total, count),
    first_seen_at: timestamp(firstSeen),
    last_seen_at: timestamp(lastSeen),
    latest_job_id: latest.id,
    links: { jobs: `/v1/jobs?state=failed&fingerprint=${fingerprint}`, latest_job: jobPath(latest.id) },
  }
}
