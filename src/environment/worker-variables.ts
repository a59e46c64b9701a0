import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { cidrBlocks, flag, integer, jobUser, port, variableNames, workerNamePattern, workerQueues } from './kinds.ts'
import { refuseShortFailures } from './retention.ts'
import { about, refuseCaWithoutTls, refuseUnknownTracing, sharedVariables } from './shared-variables.ts'

/** What a worker reads. */
export const workerVariables = z
  .object({
    ...sharedVariables,
    WORKER_QUEUES: workerQueues
      .default(
        new Map([
          ['io', 100],
          ['cpu', availableParallelism()],
        ]),
      )
      .meta(
        about(
          'Queues that this worker consumes, and how many jobs of each run at the same time.',
          'io:100,cpu:<cores>',
        ),
      ),
    WEBHOOKS_AT_ONCE: integer(0, 10_000)
      .default(100)
      .meta(
        about('Webhooks that this worker sends at the same time, at most a tenth of them to one origin. `0`: none.'),
      ),
    WORKER_NAME: workerNamePattern
      .optional()
      .meta(
        about(
          'Name of this worker in jobs and logs: letters, digits, `.`, `_` and `-`. Every client sees it. Default: its host and process id, which only keys with the scope `admin` see.',
        ),
      ),
    WORKER_PORT: port
      .optional()
      .meta(about('Port on which this worker serves `/livez`, `/readyz` and `/metrics`. `0`: any free port.')),
    WORKER_HOST: z
      .string()
      .default('127.0.0.1')
      .meta(about('Address on which this worker listens for `WORKER_PORT`. In containers: `0.0.0.0`.')),
    EGRESS_ALLOW_CIDRS: cidrBlocks
      .default([])
      .meta(about('Private address ranges that jobs and webhooks may call, separated by commas.')),
    INLINE_OUTPUT_BYTES: integer(0, 16_777_216)
      .default(262_144)
      .meta(about('Larger outputs are stored beside their job. Clients read them with `GET /v1/jobs/{id}/output`.')),
    OUTPUT_LIMIT_BYTES: integer(1024, 268_435_456)
      .default(67_108_864)
      .meta(about('A job whose output is larger fails with `invalid_output`.')),
    JOB_ENV: variableNames
      .default([])
      .meta(
        about(
          'Environment variables for jobs in threads and processes, separated by commas. These get `PATH`, `HOME`, `TZ`, `LANG`, `TMPDIR`, `NODE_*` and no others.',
        ),
      ),
    JOB_LOGS: z
      .enum(['stdout'], 'must be stdout')
      .optional()
      .meta(
        about(
          '`stdout`: what handlers log is also written to the log of the worker, whatever its `LOG_LEVEL`, as lines with `"from":"job"`, `job`, `type` and `attempt`.',
          'none',
        ),
      ),
    JOB_USER: jobUser
      .optional()
      .meta(
        about(
          'User (and group) of child processes that run jobs, as numbers: `65534` or `65534:65534`. The worker must run as root. They cannot read its memory and files then.',
        ),
      ),
    BULLMQ_EVENTS: flag
      .default(false)
      .meta(
        about(
          "`1` writes BullMQ's event streams, for `QueueEvents` and other tools of BullMQ: see [BullMQ](bullmq.md).",
        ),
      ),
    SHUTDOWN_GRACE_MS: integer(0, 3_600_000)
      .default(10_000)
      .meta(
        about(
          'How long a stopping worker lets running jobs finish. The rest goes back to the queue, within 2 s for 100 jobs and 5 ms for each above.',
        ),
      ),
    LOCK_MS: integer(200, 600_000)
      .default(10_000)
      .meta(
        about(
          'Lease of a job (visibility timeout). A job is redelivered when its worker has not renewed the lease for this long.',
        ),
      ),
  })
  .superRefine(refuseCaWithoutTls)
  .superRefine(refuseUnknownTracing)
  .superRefine(refuseShortFailures)
