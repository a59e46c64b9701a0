import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePorts } from '../../src/dev/free-ports.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Whether {@link startNginx} works here. */
export const hasNginx = spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status === 0

/** The configuration of docs/clients.md, with the APIs at `upstreams` and listening on `port`. */
async function documentedServer(upstreams: string[], port: number, readTimeout: string): Promise<string> {
  const page = await readFile(join(import.meta.dirname, '../../docs/clients.md'), 'utf8')
  const [, block = ''] = /```nginx\n([^]*?)```/.exec(page) ?? []
  return [
    ['server 127.0.0.1:3000 max_fails=0;', upstreams.map((one) => `server ${one} max_fails=0;`).join('\n')],
    ['listen 8080;', `listen 127.0.0.1:${port};`],
    ['proxy_read_timeout 60s;', `proxy_read_timeout ${readTimeout};`],
  ].reduce((text, [documented = '', here = '']) => {
    if (!text.includes(documented))
      throw new Error(`docs/clients.md has no "${documented}" in its configuration of nginx`)
    return text.replace(documented, here)
  }, block)
}

/** Nothing but the proxy: HTTP/1.0 to the API, and every response buffered unless the API forbids it. */
function plainServer(upstream: string, port: number): string {
  return `server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream}; } }`
}

/**
 * An nginx in front of an API, or of several: with the defaults of nginx, or as docs/clients.md configures it. Ends with its test.
 *
 * @returns its URL
 */
export async function startNginx(
  apiUrls: string | string[],
  as: 'documented' | 'plain',
  readTimeout = '60s',
): Promise<string> {
  const [port = 0] = await freePorts(1)
  const hosts = [apiUrls].flat().map((url) => new URL(url).host)
  const server = as === 'plain' ? plainServer(hosts[0] ?? '', port) : await documentedServer(hosts, port, readTimeout)
  const folder = await mkdtemp(join(tmpdir(), 'drover-nginx-'))
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  const config = join(folder, 'nginx.conf')
  // One process, which stays the user that made the folder.
  await writeFile(
    config,
    `daemon off;\nmaster_process off;\npid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${server}}\n`,
  )
  const nginx = spawn('nginx', ['-e', `${folder}/error.log`, '-c', config], { stdio: 'ignore' })
  const ended = once(nginx, 'close')
  onTestFinished(async () => {
    nginx.kill()
    await ended
    await rm(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${port}`
  await waitFor(
    'nginx to answer',
    () =>
      fetch(`${url}/livez`).then(
        ({ status }) => status,
        () => undefined,
      ),
    (status) => status === 200,
  )
  return url
}
