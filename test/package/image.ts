import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './packages.ts'
import { DebianRoot } from './root.ts'

const checkout = join(import.meta.dirname, '../..')

/** What an image says of how it is run. */
interface ImageConfig {
  readonly User: string
  readonly Entrypoint: readonly string[]
  readonly Healthcheck: { readonly Test: readonly string[] }
  readonly ExposedPorts: object
}

/** An image, and its files in a folder. */
export interface Image extends Disposable {
  readonly config: ImageConfig
  readonly folder: string
}

/** Builds the image as `docker build .` does, with buildah, from bases that debootstrap made in the place of those of a registry. */
export async function buildImage(): Promise<Image> {
  const store = mkdtempSync(join(tmpdir(), 'fibre-image-'))
  const stores = ['--root', join(store, 'images'), '--runroot', join(store, 'run'), '--storage-driver', 'overlay']
  const buildah = (command: string, ...args: readonly string[]) => output('buildah', ...stores, command, ...args).trim()

  await using withNode = await DebianRoot.create('bookworm')
  installNode(withNode)
  await using plain = await DebianRoot.create('trixie')
  const arguments_ = Object.entries({ NODE_IMAGE: withNode, DEBIAN_IMAGE: plain }).flatMap(([name, root]) => {
    const container = buildah('from', 'scratch')
    buildah('add', '--quiet', container, root.folder, '/')
    const image = `localhost/${name.toLowerCase()}`
    buildah('commit', '--quiet', '--rm', container, image)
    return ['--build-arg', `${name}=${image}`]
  })
  buildah('build', '--isolation', 'chroot', '--format', 'docker', ...arguments_, '--tag', 'localhost/fibre-agent', checkout)
  const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', 'localhost/fibre-agent'))
  return {
    config: Docker.config,
    folder: buildah('mount', buildah('from', 'localhost/fibre-agent')),
    [Symbol.dispose]() {
      buildah('umount', '--all')
      rmSync(store, { recursive: true })
    },
  }
}

/** Puts the Node.js of these tests and its npm into a root, as their makers' image has them. */
export function installNode(root: DebianRoot): void {
  const npm = join(realpathSync(output('sh', '-c', 'command -v npm').trim()), '../..')
  mkdirSync(root.path('usr/local/lib/node_modules'), { recursive: true })
  cpSync(realpathSync(process.execPath), root.path('usr/local/bin/node'))
  cpSync(npm, root.path('usr/local/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', root.path('usr/local/bin/npm'))
  // Whom this machine trusts, it does there too.
  const authorities = process.env.NODE_EXTRA_CA_CERTS ?? '/etc/ssl/certs/ca-certificates.crt'
  if (!existsSync(authorities)) return
  cpSync(authorities, root.path('usr/local/etc/authorities.pem'))
  writeFileSync(root.path('usr/local/etc/npmrc'), 'cafile=/usr/local/etc/authorities.pem\n')
}

/** How a container is run. */
export interface ContainerOptions {
  readonly user: string
  readonly capabilities: readonly string[]
  readonly noNewPrivileges?: boolean
}

/** The command that runs one in an image's files as in a container with the machine's processes, a file system that is read-only, and these rights. */
export function inContainer({ folder }: Image, { user, capabilities, noNewPrivileges }: ContainerOptions): [string, ...string[]] {
  const [uid = '', gid = uid] = user.split(':')
  const mounts = [
    `mount --bind ${folder} ${folder}`,
    `mount -o remount,bind,ro ${folder}`,
    ...['proc', 'sys', 'dev'].map((name) => `mount --rbind /${name} ${folder}/${name}`),
    `mount -t tmpfs -o mode=1777 tmpfs ${folder}/var/lib/fibre-agent`,
  ]
  // As Docker and Kubernetes do it: the capabilities are in the bounding set, and for root alone in others. `env` is one execve without any.
  const rights = ['--reuid', uid, '--regid', gid, '--clear-groups', '--inh-caps', '-all', ...(noNewPrivileges ? ['--no-new-privs'] : [])]
  const bounding = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',')
  const script = `${mounts.join(' && ')} && exec chroot "$0" "$@"`
  return ['unshare', '--mount', 'sh', '-c', script, folder, 'setpriv', ...rights, '--bounding-set', bounding, 'env']
}
