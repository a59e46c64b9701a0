import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../src/dev/free-ports.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { docker, lines, output, runCompose } from './docker.ts'

const files = ['docker-compose.yml', 'test/stack/published-redis.yml']

/** Not the default. */
const redisPassword = 'for-this-test'

/** The fields of `docker inspect` that are read here. */
interface Container {
  State: { Status: string; ExitCode: number; Health?: { Status: string } }
  RestartCount: number
}

/** The stack of docker-compose.yml with its own project name and ports. */
export class ComposeStack {
  readonly project = `drover-test-${randomUUID().slice(0, 8)}`
  readonly url: string
  readonly redisUrl: string
  /** The mounted folder for additional job types. */
  readonly jobsFolder: string
  readonly #env: Record<string, string>

  private constructor(options: {
    apiPort: number
    redisPort: number
    folder: string
    env: Record<string, string>
    more: readonly string[]
  }) {
    const { apiPort, redisPort, folder, env, more } = options
    this.url = `http://127.0.0.1:${apiPort}`
    this.redisUrl = `redis://:${redisPassword}@127.0.0.1:${redisPort}`
    this.jobsFolder = folder
    this.#env = {
      COMPOSE_PROJECT_NAME: this.project,
      DROVER_IMAGE: 'drover-stack-test',
      DROVER_PORT: String(apiPort),
      TEST_REDIS_PORT: String(redisPort),
      JOBS_FOLDER: folder,
      REDIS_PASSWORD: redisPassword,
      COMPOSE_FILE: [...files, ...more].join(':'),
      ...env,
    }
  }

  /** Builds the image without starting containers. The caller must call `close`. */
  static async build(env: Record<string, string>, more: readonly string[] = []): Promise<ComposeStack> {
    const [node = '', debian = '', redis = '', nginx = ''] = lines(
      await output('scripts/base-images.sh', [], { withinMs: 540_000 }),
    )
    const [apiPort = 0, redisPort = 0] = await freePorts(2)
    const folder = await mkdtemp(join(tmpdir(), 'drover-stack-jobs-'))
    // Readable for the user of the image.
    await chmod(folder, 0o755)
    const images = { NODE_IMAGE: node, DEBIAN_IMAGE: debian, REDIS_IMAGE: redis, NGINX_IMAGE: nginx }
    const stack = new ComposeStack({ apiPort, redisPort, folder, env: { ...images, ...env }, more })
    await stack.compose('build', 'api')
    return stack
  }

  compose(...args: string[]): Promise<string> {
    return runCompose(args, this.#env)
  }

  /** Runs a script of the project on this stack. */
  script(path: string): Promise<string> {
    return output(path, [], { env: this.#env, withinMs: 300_000 })
  }

  /** Starts the stack with a number of each worker. Resolves when all containers are healthy. */
  async up(scale: { io: number; cpu: number }): Promise<void> {
    const scales = ['--scale', `worker-io=${scale.io}`, '--scale', `worker-cpu=${scale.cpu}`]
    await this.compose('up', '--detach', '--no-recreate', ...scales)
    await this.healthy(2 + scale.io + scale.cpu)
  }

  /** Resolves when `count` containers run and all are healthy. */
  async healthy(count: number): Promise<void> {
    const read = async () => {
      const ids = lines(await this.compose('ps', '--quiet'))
      const containers = await Promise.all(ids.map((id) => this.inspect(id)))
      return containers.map(({ State }) => (State.Status === 'running' ? State.Health?.Status : State.Status))
    }
    const all = (states: unknown[]) => states.filter((state) => state === 'healthy').length === count
    try {
      await waitFor(`${count} healthy containers`, read, all, { withinMs: 90_000, everyMs: 250 })
    } catch (error) {
      throw new Error(await this.compose('logs', '--no-color', '--tail', '5'), { cause: error })
    }
  }

  /** The ids of the containers of a service. */
  async containers(service: string): Promise<string[]> {
    return lines(await this.compose('ps', '--quiet', service))
  }

  async inspect(id: string): Promise<Container> {
    const [container]: Container[] = JSON.parse(await docker('inspect', id))
    if (container === undefined) throw new Error(`no container ${id}`)
    return container
  }

  /** Everything that the engine still has of this project. */
  async left(): Promise<string[]> {
    const label = ['--quiet', '--filter', `label=com.docker.compose.project=${this.project}`]
    const found = [docker('ps', '--all', ...label), docker('network', 'ls', ...label), docker('volume', 'ls', ...label)]
    return (await Promise.all(found)).flatMap(lines)
  }

  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans')
  }

  async close(): Promise<void> {
    await this.down()
    await rm(this.jobsFolder, { recursive: true, force: true })
  }
}
