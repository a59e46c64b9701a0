/** The pages of the site in their order: a title, and the path from the root of the repository without `.md`. */
const groups: Record<string, [text: string, path: string][]> = {
  Start: [
    ['Quick start', 'README'],
    ['Drover beside …', 'docs/beside'],
    ['Examples', 'examples/README'],
    ['The npm package', 'docs/package'],
    ['Glossary', 'docs/glossary'],
  ],
  'Write jobs': [
    ['Job types', 'docs/job-types'],
    ['Test them', 'docs/testing-job-types'],
    ['Handlers in any language', 'docs/handler-protocol'],
    ['Change a schema', 'docs/changing-a-schema'],
    ['Concurrency', 'docs/concurrency'],
    ['Job lifecycle', 'docs/job-lifecycle'],
  ],
  'Call it': [
    ['TypeScript client', 'docs/typescript-client'],
    ['Clients in other languages', 'docs/clients'],
    ['Flows', 'docs/flows'],
    ['Schedules', 'docs/schedules'],
    ['Webhooks', 'docs/webhooks'],
    ['Limits and fairness', 'docs/scheduling'],
    ['Dashboard', 'docs/dashboard'],
  ],
  'Run it': [
    ['Deployment', 'docs/deploy'],
    ['Containers', 'docs/docker'],
    ['systemd', 'docs/systemd'],
    ['Redis', 'docs/redis'],
    ['Security', 'docs/security'],
    ['Personal data', 'docs/privacy'],
    ['Operations', 'docs/operations'],
    ['Observability', 'docs/observability'],
    ['Troubleshooting', 'docs/troubleshooting'],
    ['Upgrading', 'docs/upgrading'],
  ],
  Reference: [
    ['REST API', 'docs/site/rest-api'],
    ['Rules of the API', 'docs/api'],
    ['Command line', 'docs/cli'],
    ['Configuration', 'docs/configuration'],
    ['Errors', 'docs/errors'],
    ['Changes', 'CHANGELOG'],
  ],
  'How it works': [
    ['Architecture', 'docs/architecture'],
    ['BullMQ', 'docs/bullmq'],
    ['Durability', 'docs/durability'],
    ['What faults cost', 'docs/faults'],
    ['Performance', 'docs/performance'],
    ['Scale', 'docs/scale'],
    ['Decisions', 'docs/adr/README'],
    ['Contribute', 'CONTRIBUTING'],
    ['Report a vulnerability', 'SECURITY'],
  ],
}

/** The pages that have a place of their own. */
export const pages: readonly string[] = Object.values(groups).flatMap((group) => group.map(([, path]) => path))

/** The sidebar as VitePress takes it. Of the pages that are `written` those without a place are at the end. */
export function sidebarOf(written: readonly string[]) {
  const others = written.filter((page) => !pages.includes(page)).map((page): [string, string] => [nameOf(page), page])
  const shown = others.length === 0 ? groups : { ...groups, More: others }
  return Object.entries(shown).map(([text, group]) => ({
    text,
    collapsed: false,
    items: group.map(([title, path]) => ({ text: title, link: path === 'README' ? '/' : `/${path}` })),
  }))
}

const nameOf = (page: string): string => page.replace(/^.*\//, '').replaceAll('-', ' ')
