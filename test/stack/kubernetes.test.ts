import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { blocks } from '../package/page.ts'
import { findGo, goEnvironment } from './go.ts'

const shipped = join(import.meta.dirname, '../../agent/packaging/kubernetes')

/** What an operator has before: a bitcoind with its data. */
const bitcoind = `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: bitcoind }
spec:
  serviceName: bitcoind
  selector: { matchLabels: { app: bitcoind } }
  template:
    metadata: { labels: { app: bitcoind } }
    spec:
      containers:
        - { name: bitcoind, image: 'bitcoind:30.0', volumeMounts: [{ name: data, mountPath: /home/bitcoin/.bitcoin }] }
      volumes: [{ name: data, emptyDir: {} }]
`

let folder: string
let kubecheck: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubernetes-'))
  kubecheck = join(folder, 'kubecheck')
  const cwd = join(import.meta.dirname, 'kubecheck')
  const { status, stderr } = spawnSync(findGo().path, ['build', '-o', kubecheck, '.'], { cwd, env: goEnvironment, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true }))

function check(...files: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(kubecheck, files, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr.trim())
  return stdout
}

function writeBitcoind(): string {
  const path = join(folder, 'bitcoind.yaml')
  writeFileSync(path, bitcoind)
  return path
}

/** The pod of bitcoind with the agent in it. */
const patchedPod = () => JSON.parse(check(writeBitcoind(), join(shipped, 'sidecar.yaml'))).spec.template.spec

const objectsOfDaemonSet = () =>
  check(join(shipped, 'daemonset.yaml'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const agentOf = (pod: { readonly containers: readonly { readonly name: string }[] }) =>
  pod.containers.find(({ name }) => name === 'fibre-agent') as unknown as {
    readonly image: string
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
    readonly env: readonly { readonly name: string; readonly value?: string }[]
  }

describe('the sidecar', () => {
  it('is added to a bitcoind that runs already, and changes nothing of its container', () => {
    const pod = patchedPod()
    const [before] = parse(bitcoind).spec.template.spec.containers
    expect(pod.containers.find(({ name }: { readonly name: string }) => name === 'bitcoind')).toMatchObject(before)
    expect(pod.containers).toHaveLength(2)
    expect(pod.volumes).toContainEqual({ name: 'data', emptyDir: {} })
    expect(pod).toMatchObject({ shareProcessNamespace: true })
    expect(pod.hostPID).toBeUndefined()
  })

  it('has two capabilities and a user other than root, which gets them through its executable', () => {
    expect(agentOf(patchedPod()).securityContext).toMatchObject({
      capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON'] },
      runAsNonRoot: true,
      runAsUser: 1000,
      allowPrivilegeEscalation: true,
      readOnlyRootFilesystem: true,
    })
  })
})

describe('the DaemonSet', () => {
  it('sees the machine’s processes as root with three capabilities, in a namespace that admits that', () => {
    const [namespace, daemonSet] = objectsOfDaemonSet()
    expect(namespace).toMatchObject({ kind: 'Namespace', metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } })
    expect(daemonSet).toMatchObject({ kind: 'DaemonSet', metadata: { namespace: namespace.metadata.name } })
    const pod = daemonSet.spec.template.spec
    expect(pod).toMatchObject({ hostPID: true, automountServiceAccountToken: false })
    expect(pod.hostNetwork).toBeUndefined()
    expect(agentOf(pod).securityContext).toMatchObject({
      capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON', 'SYS_PTRACE'] },
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    })
    expect(daemonSet.spec.template.metadata.labels).toMatchObject(daemonSet.spec.selector.matchLabels)
  })
})

describe('both', () => {
  const pods = () => [patchedPod(), objectsOfDaemonSet()[1].spec.template.spec]

  it('run the image of this version, and mount only volumes that the pod has', () => {
    for (const pod of pods()) {
      const { image, volumeMounts } = agentOf(pod)
      expect(image).toBe(`fibre-agent:${manifest.version}`)
      const volumes = pod.volumes.map(({ name }: { readonly name: string }) => name)
      for (const { name } of volumeMounts) expect(volumes).toContain(name)
    }
  })

  it('listen beyond the pod only with a password from a Secret that is mounted', () => {
    for (const pod of pods()) {
      const { env, volumeMounts } = agentOf(pod)
      const settingOf = (variable: string) => env.find(({ name }) => name === variable)?.value
      expect(settingOf('FIBRE_LISTEN_ADDRESS')).toBe('0.0.0.0')
      const mounted = volumeMounts.find(({ mountPath }) => settingOf('FIBRE_METRICS_AUTH_PASSWORD_FILE') === `${mountPath}/password`)
      const { secret } = pod.volumes.find(({ name }: { readonly name: string }) => name === mounted?.name)
      expect(secret).toEqual({ secretName: 'fibre-agent' })
    }
  })

  it('are what the installation page applies, with the Secret that they read', () => {
    const commands = blocks.filter(({ needs }) => needs === 'kubernetes').map(({ commands }) => commands)
    const named = commands.flatMap((text) =>
      [...text.matchAll(/\/usr\/share\/fibre-agent\/kubernetes\/(\S+)/g)].map(([, file = '']) => file),
    )
    expect(new Set(named)).toEqual(new Set(['sidecar.yaml', 'daemonset.yaml']))
    for (const file of named) expect(existsSync(join(shipped, file)), file).toBe(true)
    for (const secret of commands.filter((text) => text.includes('create secret')))
      expect(secret).toMatch(/create secret generic fibre-agent --from-literal=password=/)
  })
})

it('refuses a field that Kubernetes does not know', () => {
  const path = join(folder, 'wrong.yaml')
  writeFileSync(path, bitcoind.replace('serviceName:', 'serviceNames:'))
  expect(() => check(path)).toThrow('unknown field "spec.serviceNames"')
})
