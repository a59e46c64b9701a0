import { buildCommand, buildRouteMap } from '@stricli/core'
import { parseDuration, parseTime, serverFlags } from '../flags.ts'
import { one } from '../one-argument.ts'
import { formatFlags } from '../output.ts'
import { operationCommands } from './operation-commands.ts'

const flags = { ...formatFlags, ...serverFlags } as const
const text = { kind: 'parsed', parse: String, optional: true } as const
const noWorker = 'Needs the scope admin'

export const serverCommands = {
  types: buildCommand({
    loader: async () => (await import('./types.ts')).types,
    parameters: {
      flags: {
        declarations: {
          kind: 'boolean',
          default: false,
          withNegated: false,
          brief: 'Print them as an interface of TypeScript for drover/client',
        },
        ...flags,
      },
      positional: {
        kind: 'tuple',
        parameters: [
          {
            brief: 'Show this job type alone, or print the declarations of the server at this address',
            placeholder: 'type or http://…',
            parse: String,
            optional: true,
          },
        ],
      },
    },
    docs: {
      brief: 'List the job types, show one with its schemas, or declare all for TypeScript',
      fullDescription:
        'drover types http://127.0.0.1:3000 > jobs.d.ts gives drover/client the types of inputs and outputs (docs/clients.md).',
    },
  }),
  queues: buildRouteMap({
    routes: {
      list: buildCommand({
        loader: async () => (await import('./queues.ts')).listQueues,
        parameters: { flags },
        docs: { brief: 'List the queues with their jobs by state, and their workers' },
      }),
      pause: buildCommand({
        loader: async () => (await import('./queues.ts')).pauseQueue,
        parameters: { flags, positional: one('queue', 'The name of a queue') },
        docs: {
          brief: 'Let workers start no more jobs of a queue',
          fullDescription: `Running jobs go on. ${noWorker}.`,
        },
      }),
      resume: buildCommand({
        loader: async () => (await import('./queues.ts')).resumeQueue,
        parameters: { flags, positional: one('queue', 'The name of a queue') },
        docs: { brief: 'Let workers start jobs of a paused queue', fullDescription: `${noWorker}.` },
      }),
    },
    defaultCommand: 'list',
    docs: { brief: 'List, pause and resume queues' },
  }),
  workers: buildRouteMap({
    routes: {
      list: buildCommand({
        loader: async () => (await import('./workers.ts')).listWorkers,
        parameters: { flags },
        docs: { brief: 'List the worker processes and what they run', fullDescription: `${noWorker}.` },
      }),
      drain: buildCommand({
        loader: async () => (await import('./workers.ts')).drainWorker,
        parameters: { flags, positional: one('worker', 'The id of a worker') },
        docs: { brief: 'Let a worker take no more jobs', fullDescription: `Its running jobs go on. ${noWorker}.` },
      }),
    },
    defaultCommand: 'list',
    docs: { brief: 'List and drain workers' },
  }),
  stats: buildCommand({
    loader: async () => (await import('./stats.ts')).stats,
    parameters: {
      flags: {
        from: {
          kind: 'parsed',
          parse: parseTime,
          default: '1h',
          placeholder: 'time',
          brief: 'Since when: a duration, or RFC 3339',
        },
        to: {
          kind: 'parsed',
          parse: parseTime,
          optional: true,
          placeholder: 'time',
          brief: 'Until when. Default: now',
        },
        step: {
          kind: 'parsed',
          parse: parseDuration,
          optional: true,
          placeholder: 'time',
          brief: 'The time of a point of the JSON. Default: 1m',
        },
        ...flags,
      },
    },
    docs: { brief: 'Show how many jobs ended, waited and ran, by queue and type', fullDescription: `${noWorker}.` },
  }),
  failures: buildCommand({
    loader: async () => (await import('./failures.ts')).failures,
    parameters: {
      flags: {
        type: { ...text, placeholder: 'type', brief: 'Of this job type' },
        queue: { ...text, placeholder: 'name', brief: 'In this queue' },
        ...flags,
      },
    },
    docs: {
      brief: 'List failed jobs by what their failures have in common',
      fullDescription: 'drover list --fingerprint lists the jobs of a group.',
    },
  }),
  schedules: buildRouteMap({
    routes: {
      list: buildCommand({
        loader: async () => (await import('./schedules.ts')).listSchedules,
        parameters: { flags },
        docs: { brief: 'List the schedules' },
      }),
      get: buildCommand({
        loader: async () => (await import('./schedules.ts')).getSchedule,
        parameters: { flags, positional: one('id', 'The id of a schedule') },
        docs: { brief: 'Show a schedule' },
      }),
      put: buildCommand({
        loader: async () => (await import('./schedules.ts')).putSchedule,
        parameters: {
          flags,
          positional: {
            kind: 'tuple',
            parameters: [
              { brief: 'The id of a schedule', placeholder: 'id', parse: String },
              {
                brief: 'A YAML or JSON file with the body of PUT /v1/schedules/{id}, or - for stdin',
                placeholder: 'file',
                parse: String,
              },
            ],
          },
        },
        docs: { brief: 'Create or replace a schedule' },
      }),
      run: buildCommand({
        loader: async () => (await import('./schedules.ts')).runSchedule,
        parameters: { flags, positional: one('id', 'The id of a schedule') },
        docs: { brief: 'Submit the job of a schedule now' },
      }),
      delete: buildCommand({
        loader: async () => (await import('./schedules.ts')).deleteSchedule,
        parameters: { flags: serverFlags, positional: one('id', 'The id of a schedule') },
        docs: { brief: 'Delete a schedule' },
      }),
    },
    defaultCommand: 'list',
    docs: { brief: 'List, change, run and delete schedules' },
  }),
  operations: operationCommands,
  request: buildCommand({
    loader: async () => (await import('./request.ts')).request,
    parameters: {
      flags: {
        input: { ...text, placeholder: 'JSON', brief: 'The body: JSON, @file, or - for stdin' },
        ...serverFlags,
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { brief: 'GET, POST, …', placeholder: 'method', parse: String },
          { brief: 'The path with its query, such as /v1/deliveries', placeholder: 'path', parse: String },
        ],
      },
    },
    docs: {
      brief: 'Call an operation of the API that has no command of its own',
      fullDescription: 'Prints the answer as it is. docs/api.md and /docs describe the operations.',
    },
  }),
  doctor: buildCommand({
    loader: async () => (await import('./doctor.ts')).doctor,
    parameters: { flags },
    docs: {
      brief: 'Check the server, its Redis, the clocks and the workers',
      fullDescription: 'Exits with 0 if nothing is wrong. Redis, versions and clocks need the scope admin.',
    },
  }),
}
