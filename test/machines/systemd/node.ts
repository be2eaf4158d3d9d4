// The machine's bitcoind: a demo node that runs as a service of the user bitcoin, hardened as Bitcoin Core's own unit is.
import { type DemoNode, startDemoNode } from '../../demo-node/demo-node.ts'
import { type Measurement, measure } from '../measure.ts'
import { succeed } from './machine.ts'

const DATA = '/var/lib/bitcoind'
const RECORDING = `${DATA}/recording.jsonl`
/** https://github.com/bitcoin/bitcoin/blob/master/contrib/init/bitcoind.service */
const hardening = ['PrivateTmp=true', 'ProtectSystem=full', 'NoNewPrivileges=true', 'PrivateDevices=true', 'MemoryDenyWriteExecute=true']

/** Starts it; it obeys through pipes that systemd hands over. */
export async function startBitcoind(): Promise<DemoNode> {
  succeed('useradd', '--system', '--user-group', '--home-dir', DATA, 'bitcoin')
  const properties = ['User=bitcoin', 'StateDirectory=bitcoind', ...hardening].map((property) => `--property=${property}`)
  const command = ['/srv/test/bitcoind', '--control', '-datadir', DATA, '--record', RECORDING]
  return await startDemoNode({ binary: 'systemd-run', args: ['--pipe', '--quiet', '--unit=bitcoind', ...properties, ...command] })
}

/** Has blocks come that an agent has to show, which listens to this port and has shown none before. */
export function measureBlocks(node: DemoNode, blocks: number, port = 9435): Promise<Measurement> {
  return measure(node, RECORDING, blocks, `http://127.0.0.1:${port}/metrics`)
}
