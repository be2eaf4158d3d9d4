import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { files, makePackages } from './packages.ts'
import { DebianRoot } from './root.ts'

const demoNode = join(import.meta.dirname, '../../dist/demo-node')

beforeAll(() => makePackages('--arch', 'amd64'))

/** In the root: starts a demo node and the installed agent, has blocks come, and prints /metrics and /ready once they are counted. */
const measure = `
mkfifo /tmp/commands
/tmp/bitcoind --control </tmp/commands >/dev/null &
node=$!
exec 3>/tmp/commands
fibre-agent --journal /tmp/blocks.ndjson >/tmp/agent.log 2>&1 &
agent=$!
/usr/lib/fibre-agent/node --input-type=module -e '
import { readFileSync, writeSync } from "node:fs"
const until = async (what, condition) => {
  for (const end = Date.now() + 30000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (await condition().catch(() => false)) return
  throw new Error("waited in vain for " + what + readFileSync("/tmp/agent.log", "utf8"))
}
const get = (url) => fetch(url).then((response) => response.text())
await until("tracepoints", async () => readFileSync("/tmp/agent.log", "utf8").includes("attached to bitcoind"))
writeSync(3, "blocks 5 100\\n")
await until("5 blocks", async () => /bitcoin_blocks_connected_total.* 5\\n/.test(await get("http://127.0.0.1:9435/metrics")))
console.log(await get("http://127.0.0.1:9436/ready"))
'
fibre-agent health --ready
kill $agent
wait $agent
kill $node
`

/** Lists files, but for what apt, dpkg and useradd keep for themselves. */
const listing = 'find /etc /usr /var/lib -xdev | grep -vE "^/(var/lib/(dpkg|apt)|etc/ld.so.cache|etc/g?shadow-|usr/share/doc/lib)" | sort'

describe('on a minimal Debian 12', () => {
  it('is installed by apt, measures, is removed, and when it is purged leaves nothing but the journal', async () => {
    await using root = await DebianRoot.create('bookworm')
    copyFileSync(files.deb('amd64'), root.path('tmp/fibre-agent.deb'))
    copyFileSync(demoNode, root.path('tmp/bitcoind'))
    const before = root.shell(listing)

    root.shell('apt-get install -y -qq --no-install-recommends /tmp/fibre-agent.deb')
    expect(root.shell('getent passwd fibre-agent')).toMatch(/^fibre-agent:.*:\/usr\/sbin\/nologin$/m)
    expect(root.shell('stat -c "%U:%G %a" /etc/fibre-agent/config.yaml')).toBe('root:fibre-agent 640\n')
    writeFileSync(root.path('tmp/measure.sh'), measure)
    expect(root.shell('sh -eu /tmp/measure.sh')).toBe('OK\nOK\n') // /ready, and what `health --ready` says

    // What an operator changed stays through an upgrade.
    root.shell('echo "metrics_port: 9999" >>/etc/fibre-agent/config.yaml && dpkg -i /tmp/fibre-agent.deb')
    expect(root.shell('fibre-agent --config.check')).toMatch(
      /^metrics_port: 9999 +# \/etc\/fibre-agent\/config\.yaml:\d+:1 \(metrics_port\)$/m,
    )

    root.shell('apt-get remove -y -qq fibre-agent')
    expect(root.shell('ls /etc/fibre-agent')).toBe('config.yaml\n')
    root.shell(
      'mkdir -p /var/lib/fibre-agent && touch /var/lib/fibre-agent/blocks.ndjson; apt-get purge -y -qq fibre-agent libbpf1 libelf1',
    )
    const after = root.shell(listing)
    const lines = (text: string) => text.split('\n')
    expect(lines(after).filter((path) => !lines(before).includes(path))).toEqual([
      '/var/lib/fibre-agent',
      '/var/lib/fibre-agent/blocks.ndjson',
    ])
  })

  it('measures as well from the tarball', async () => {
    await using root = await DebianRoot.create('bookworm')
    copyFileSync(files.tarball('amd64'), root.path('tmp/fibre-agent.tar.xz'))
    copyFileSync(demoNode, root.path('tmp/bitcoind'))
    root.shell('apt-get install -y -qq --no-install-recommends libbpf1 xz-utils')
    root.shell('tar -xf /tmp/fibre-agent.tar.xz -C / --no-same-owner --no-overwrite-dir')
    writeFileSync(root.path('tmp/measure.sh'), measure)
    expect(root.shell('sh -eu /tmp/measure.sh')).toBe('OK\nOK\n')
  })
})
