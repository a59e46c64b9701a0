/** What the files of one folder (or one file) of src may import. The deepest rule that matches a path holds. */
export interface Rule {
  /** Folders and files of src, besides its own. A folder stands for all below it, as far as its doors allow. */
  imports: string[]
  /** Packages; absent: all but those that {@link packageHomes} keeps for others. */
  packages?: string[]
  /** Files by which the rest of src enters the folder; absent: every file. */
  doors?: string[]
}

const api = ['api/deps', 'api/http', 'api/access', 'api/openapi', 'jobs/cut-text']

export const rules: Record<string, Rule> = {
  'jobs/module-hooks': { imports: ['module-path'], packages: ['zod'] },
  // The last three: job types that are programs.
  jobs: { imports: [], packages: ['zod', 'ajv', 'ajv-formats', 'yaml'] },

  'queue/model': { imports: ['jobs'], packages: ['zod', 'ulid'] },
  'queue/redis': {
    imports: ['queue/model'],
    doors: [
      'connection',
      'fitness',
      'describe-redis',
      'incarnation',
      'keys',
      'load-script',
      'lease',
      'end-of-turn',
      'redis-address',
      'redis-clock',
      'server-version',
      'warning',
      'which-exist',
    ],
  },
  'queue/bullmq': {
    imports: ['queue/model', 'queue/redis', 'jobs/job-wait'],
    doors: [
      'bull-queues',
      'marker-wait',
      'queue-worker',
      'worker-backend',
      'fetched-job',
      'find-stalled',
      'put-back',
      'park-job',
      'attempt-failed',
    ],
  },
  'queue/store': {
    imports: ['queue/model', 'queue/redis', 'queue/bullmq', 'jobs/job-wait'],
    doors: [
      'replace-older',
      'queue-limits',
      'index-section',
      'plan-search',
      'search-sections',
      'job-queue',
      'job-index',
      'job-output',
      'job-values',
      'idempotency-keys',
      'evicted-ids',
      'cancel-and-retry',
      'count-queue',
    ],
  },
  'queue/events': {
    imports: ['queue/model', 'queue/redis', 'jobs'],
    doors: ['event-hub', 'event-writer', 'attempt-events'],
  },
  'queue/admission': { imports: ['queue/model', 'queue/redis'] },
  'queue/consume': {
    imports: ['queue/model', 'queue/redis', 'queue/bullmq', 'queue/store', 'queue/events', 'jobs', 'module-path'],
    doors: [
      'job-consumer',
      'attempt',
      'heartbeat',
      'idle-waits',
      'cancel-channel',
      'crash-quarantine',
      'job-leases',
      'loop-blocker',
    ],
  },
  'queue/children': {
    imports: ['queue/model', 'queue/redis', 'queue/store', 'queue/admission', 'jobs'],
    doors: ['parent', 'parents-driver', 'submit-children'],
  },
  'queue/schedules': { imports: ['queue/model', 'queue/redis', 'queue/store', 'queue/admission', 'tracing/span'] },
  'queue/webhooks': { imports: ['jobs', 'queue/model', 'queue/redis', 'queue/store'] },
  'queue/maintenance': {
    imports: ['queue/model', 'queue/redis', 'queue/store', 'queue/admission', 'queue/flows', 'queue/webhooks', 'jobs'],
  },
  'queue/stats': {
    imports: ['queue/model', 'queue/redis'],
    doors: ['stats-recorder', 'read-stats', 'stats-cache', 'tally'],
  },
  'queue/operations': {
    imports: ['queue/model', 'queue/redis'],
    doors: ['operation-record', 'operation-store'],
  },
  'queue/audit': { imports: ['queue/model', 'queue/redis'] },
  'queue/workers': {
    imports: ['queue/model', 'queue/redis'],
    doors: ['worker-report', 'worker-reporter', 'workers'],
  },
  'queue/flows/model': { imports: ['queue/model'] },
  'queue/flows': {
    imports: [
      'queue/flows/model',
      'queue/model',
      'queue/redis',
      'queue/bullmq',
      'queue/store',
      'queue/admission',
      'queue/webhooks',
      'queue/consume/attempt',
      'queue/children',
      'jobs',
    ],
    doors: [
      'flows',
      'coordinator',
      'evictable-flows',
      'fill-next-step',
      'model/document',
      'model/plan',
      'model/template',
    ],
  },

  'api/http': {
    imports: [
      'queue/redis/connection',
      'queue/model/held-back',
      'jobs/cut-text',
      'jobs/json-pointer',
      'jobs/parse-value',
      'jobs/trace-context',
      'tracing/span',
    ],
  },
  'api/access': {
    imports: [
      'api/http',
      'jobs',
      'queue/admission',
      'queue/audit',
      'queue/model',
      'queue/redis/connection',
      'queue/store',
      'environment',
    ],
  },
  'api/openapi': { imports: ['api/http', 'api/access', 'queue/model', 'version'] },
  'api/health/metrics': { imports: ['queue/store', 'queue/stats', 'queue/model/redis-time', 'metrics'] },
  'api/deps': {
    imports: [
      ...['api/access', 'api/http', 'api/openapi', 'api/health/metrics', 'jobs', 'queue', 'environment'],
      'tracing/span',
    ],
  },
  'api/submission': { imports: [...api, 'queue/model', 'queue/store', 'jobs', 'tracing/span'] },
  'api/jobs': {
    imports: [
      ...api,
      'api/submission',
      'jobs',
      'queue/model',
      'queue/redis',
      'queue/store',
      'queue/events',
      'queue/webhooks',
    ],
    doors: ['routes', 'find-job', 'job-webhook', 'job-resource', 'job-submissions', 'act-on-job', 'job-filter'],
  },
  'api/flows': {
    imports: [...api, 'api/submission', 'jobs', 'queue/model', 'queue/redis', 'queue/events', 'queue/flows'],
    doors: ['routes', 'find-flow', 'flow-webhook'],
  },
  'api/schedules': {
    imports: [...api, 'api/submission', 'api/jobs', 'jobs', 'queue/model', 'queue/store', 'queue/schedules'],
    doors: ['routes'],
  },
  'api/webhooks': {
    imports: [...api, 'api/jobs', 'api/flows', 'jobs', 'queue/model', 'queue/store', 'queue/flows', 'queue/webhooks'],
    doors: ['routes'],
  },
  'api/job-types': { imports: [...api, 'api/submission', 'jobs'], doors: ['routes'] },
  'api/queues': { imports: [...api, 'jobs', 'queue/model', 'queue/store'], doors: ['routes'] },
  'api/operations': {
    imports: [...api, 'api/jobs', 'jobs', 'queue/model', 'queue/operations'],
    doors: ['routes', 'operation-runner'],
  },
  'api/tokens': { imports: [...api, 'api/jobs', 'api/flows', 'queue/model'], doors: ['routes'] },
  'api/monitoring': {
    imports: [...api, 'jobs', 'queue/model', 'queue/stats', 'queue/workers', 'version'],
    doors: ['routes'],
  },
  'api/dashboard': { imports: [...api, 'module-path'], doors: ['routes'] },
  'api/health': { imports: [...api, 'api/health/metrics'], doors: ['routes', 'metrics'] },
  api: {
    imports: [
      ...[
        ...api,
        'api/jobs',
        'api/flows',
        'api/schedules',
        'api/webhooks',
        'api/job-types',
        'api/queues',
        'api/monitoring',
        'api/tokens',
        'api/operations',
        'api/health',
        'api/dashboard',
      ],
      ...[
        'jobs',
        'queue',
        'environment',
        'duties',
        'logger',
        'lifecycle',
        'boot',
        'boot-health',
        'container-memory',
        'descriptor-watch',
        'tracing',
      ],
    ],
  },

  // What browsers load: nothing of the server, and of the client the types alone.
  dashboard: { imports: ['client/resources'], packages: ['htm', 'preact', 'uplot'] },

  // What teams load into their own programs and pages.
  client: { imports: [], packages: [] },

  'worker/handler': { imports: ['jobs', 'version'] },
  'worker/egress': { imports: ['jobs', 'allowed-address', 'descriptor-watch'], doors: ['egress'] },
  'worker/executors': {
    imports: ['worker/handler', 'worker/egress', 'jobs', 'descriptor-watch', 'module-path', 'version'],
    doors: ['create-executors', 'executor', 'event-loop', 'program/conformance'],
  },
  'worker/execution': {
    imports: ['worker/executors', 'worker/handler', 'jobs', 'queue', 'tracing/span'],
    doors: ['execute-job', 'log-of-jobs'],
  },
  'worker/webhooks': { imports: ['worker/execution', 'jobs', 'queue', 'environment'], doors: ['consume-deliveries'] },
  worker: {
    imports: ['worker/execution', 'worker/executors', 'worker/webhooks', 'jobs', 'queue'].concat([
      'environment',
      'duties',
      'logger',
      'lifecycle',
      'boot',
      'boot-health',
      'container-memory',
      'descriptor-watch',
      'metrics',
      'version',
      'tracing',
    ]),
  },

  // What tests of job types use: a worker's own code around one attempt, and what drover dev runs.
  testing: {
    imports: [
      ...['jobs', 'queue/model', 'queue/events', 'queue/consume', 'worker/egress', 'worker/execution', 'dev'],
      ...['worker/executors/event-loop', 'worker/handler/to-json'],
    ],
    packages: ['pino', 'zod'],
  },

  // What an API and a worker both do.
  duties: { imports: ['jobs', 'queue', 'environment', 'lifecycle', 'metrics', 'tracing/span'] },

  'allowed-address': { imports: [], packages: ['ipaddr.js'] },
  environment: { imports: ['jobs', 'queue', 'allowed-address'] },
  'module-path': { imports: [] },
  version: { imports: [] },
  logger: { imports: ['outage-log', 'queue'] },
  'outage-log': { imports: ['queue'] },
  'boot-health': { imports: [] },
  'descriptor-watch': { imports: ['lifecycle', 'queue/redis/warning'] },
  'container-memory': { imports: [] },
  lifecycle: { imports: [] },
  'idle-memory': { imports: [] },
  boot: { imports: ['jobs', 'queue', 'environment', 'idle-memory'] },
  tracing: { imports: ['jobs/cut-text', 'version'], doors: ['tracing', 'span'] },
  metrics: { imports: ['queue'], packages: ['@prometheus-io/client'] },
  dev: { imports: ['environment', 'lifecycle', 'module-path', 'queue/redis/server-version'] },
  cli: {
    imports: [
      'dev',
      'api/main',
      'api/access/keys-file',
      'testing/run-attempt',
      'testing/held-job',
      'worker/main',
      'worker/executors',
      'jobs',
      'environment',
      'module-path',
      'version',
      'client/resources',
    ],
    packages: ['@stricli/core', '@clack/prompts', 'eventsource-parser', 'yaml', 'zod'],
  },
}

/** Packages that only some folders may import. */
export const packageHomes: Record<string, string> = {
  bullmq: 'queue/bullmq',
  ioredis: 'queue/redis',
  '@opentelemetry/api': 'tracing',
  '@opentelemetry/core': 'tracing',
  '@opentelemetry/exporter-trace-otlp-http': 'tracing',
  '@opentelemetry/exporter-trace-otlp-proto': 'tracing',
  '@opentelemetry/resources': 'tracing',
  '@opentelemetry/sdk-trace': 'tracing',
}
