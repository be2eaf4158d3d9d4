import { appendFileSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryDirectory } from '../harness/temporary.ts'
import { installNode } from './image.ts'
import { files, makePackages, olderDeb } from './packages.ts'
import { blocks, inlineCode, sections } from './page.ts'
import { DebianRoot } from './root.ts'

const checkout = join(import.meta.dirname, '../..')

/** What a chroot cannot run is marked with one of these words, and looked at by another test. */
const elsewhere = {
  checkout: 'all tests of packages begin with it',
  systemd: '“installs, sets up” below, for units and drop-ins; test/machines boots systemd',
  docker: 'image.test.ts and test/stack/compose.test.ts',
  kubernetes: 'test/stack/kubernetes.test.ts',
}
const onServers: readonly string[] = ['Debian and Ubuntu', 'Upgrade, downgrade and removal', 'Other distributions', 'npm']

beforeAll(() => makePackages())

describe('the installation page', () => {
  it('has no command but those that are run, and those of which it says what they take', () => {
    for (const { section, needs, commands } of blocks)
      if (needs === '') expect(onServers, commands).toContain(section)
      else expect(Object.keys(elsewhere), commands).toContain(needs)
    for (const section of onServers) expect(scriptOf(section, '')).not.toBe('')
  })

  it('has no other language in its blocks, and no command in a sentence that is in none of them', () => {
    const languages = [...sections.values()].flatMap((section) => section.match(/(?<=^```)\S.*$/gm) ?? [])
    expect(languages.filter((language) => !/^sh( \w+)?$/.test(language))).toEqual([])
    const all = blocks.map(({ commands }) => commands).join('\n')
    const programs = /^(sudo|apt-get|dpkg|systemctl|journalctl|npm|tar|sha256sum|docker|kubectl) /
    expect(inlineCode.filter((code) => programs.test(code) && !all.includes(code))).toEqual([])
  })
})

/** The commands of a section that need nothing but a shell, with others after each block. */
function scriptOf(section: string, afterEach: string): string {
  const own = blocks.filter((block) => block.section === section && block.needs === '')
  return own.map(({ commands }) => `${commands}${afterEach}`).join('\n')
}

/** A Debian with sudo, a user `bitcoin`, and the packages in the folder where commands are run. */
async function server(release: string, programs: readonly string[]): Promise<DebianRoot> {
  const root = await DebianRoot.create(release)
  writeFileSync(root.path('etc/apt/apt.conf.d/90test'), 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n')
  appendFileSync(root.path('etc/hosts'), `127.0.0.1 localhost ${hostname()}\n`) // sudo asks for it
  root.shell(`apt-get update -qq; apt-get install -qq ${['sudo', ...programs].join(' ')}; useradd --create-home bitcoin`)
  const paths = [files.deb('amd64'), files.tarball('amd64'), files.npm, files.sums]
  for (const path of paths) copyFileSync(path, root.path(`root/${basename(path)}`))
  copyFileSync(join(checkout, 'dist/demo-node'), root.path('usr/bin/bitcoind'))
  return root
}

/** Runs the commands of a section from the folder of the packages, while a bitcoind runs. Returns what they print, and then what they were. */
function run(root: DebianRoot, section: string, afterEach = ''): string {
  const bitcoind =
    'mkfifo /tmp/control; setpriv --reuid bitcoin --regid bitcoin --clear-groups bitcoind --control </tmp/control >/dev/null & exec 3>/tmp/control'
  return root.shell(`${bitcoind}\ncd /root\nset -x\n${scriptOf(section, afterEach)}\nset +x\nexec 3>&-\nrm /tmp/control`)
}

/** What systemd says against the units that the page names, with their drop-ins. */
function systemdFaults(root: DebianRoot): string {
  const commands = blocks.filter(({ needs }) => needs === 'systemd').flatMap((block) => block.commands.trim().split('\n'))
  const units = commands.flatMap((command) => {
    const [, unit] =
      /^(?:sudo )?systemctl (?:daemon-reload$|(?:restart|status|reload|enable --now|disable --now) (\S+)$)/.exec(command) ?? []
    const [, ofLog] = /^journalctl --unit (\S+) --priority warning$/.exec(command) ?? []
    const [, ofDoctor] = /^sudo systemd-run .*\$\(systemctl show -P AmbientCapabilities (\S+)\)" fibre-agent doctor$/.exec(command) ?? []
    const named = unit ?? ofLog ?? ofDoctor
    expect(named !== undefined || command === 'sudo systemctl daemon-reload', command).toBe(true)
    return named === undefined ? [] : [`${named}.service`]
  })
  expect(new Set(units)).toEqual(new Set(['fibre-agent.service', 'fibre-agent@signet.service']))
  return root.shell(`systemd-analyze verify --man=no ${[...new Set(units)].join(' ')}`)
}

describe.each(['bookworm', 'trixie'])('on a minimal Debian (%s)', (release) => {
  it('installs, sets up, upgrades, downgrades and removes with apt', async () => {
    await using root = await server(release, ['systemd'])
    expect(run(root, 'Debian and Ubuntu')).toMatch(/^node_name: alpha +# \/etc\/fibre-agent\/config\.yaml/m)
    expect(systemdFaults(root)).toBe('')

    mkdirSync(root.path('root/older'))
    copyFileSync(olderDeb(temporaryDirectory()), root.path('root/older/fibre-agent_0.0.9_amd64.deb'))
    root.shell('mkdir -p /var/lib/fibre-agent && echo {} >/var/lib/fibre-agent/blocks.ndjson')
    root.shell('apt-get install -qq --allow-downgrades /root/older/fibre-agent_0.0.9_amd64.deb')
    const kept = 'etc/fibre-agent/config.yaml etc/systemd/system/fibre-agent.service.d var/lib/fibre-agent/blocks.ndjson'
    const dpkg = String.raw`dpkg -s fibre-agent 2>/dev/null | sed -n 's/^\(Status\|Version\): //p'`
    writeFileSync(root.path('tmp/state'), `cd /; echo state: $(${dpkg}) $(ls -d ${kept} 2>/dev/null)\n`)
    const states = run(root, 'Upgrade, downgrade and removal', 'sh /tmp/state\n').matchAll(/^state: ?(.*)$/gm)
    expect([...states].map(([, text]) => text)).toEqual([
      `install ok installed ${manifest.version} ${kept}`,
      `install ok installed 0.0.9 ${kept}`,
      `deinstall ok config-files 0.0.9 ${kept}`,
      kept.replace('etc/fibre-agent/config.yaml ', ''),
      '',
    ])
    expect(root.shell('find / -xdev -path "*fibre-agent*" ! -path "/root/*" ! -path "/proc/*" ! -path "/var/lib/systemd/*"')).toBe('')
  })

  it('installs, upgrades and removes the archive', async () => {
    await using root = await server(release, ['systemd', 'libbpf1', 'xz-utils'])
    run(root, 'Other distributions')
    expect(root.shell('find / -xdev -path "*fibre-agent*" ! -path "/root/*" ! -path "/proc/*"')).toBe(
      '/etc/fibre-agent\n/etc/fibre-agent/config.yaml\n',
    )
  })

  it('installs from npm where Node.js is there, and measures as bitcoind’s user', async () => {
    await using root = await server(release, ['libstdc++6'])
    installNode(root)
    expect(run(root, 'npm')).toMatch(/ (\d+) of \1 tracepoints can be attached/)
    expect(root.shell('ls /usr/local/bin /usr/local/lib/node_modules')).not.toContain('fibre-agent')
  })
})
