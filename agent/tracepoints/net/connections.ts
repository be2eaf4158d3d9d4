import { integer, knownNumbers, knownTexts, labelValues, shortText, text } from '../define.ts'

/** As Bitcoin Core numbers them (netaddress.h). */
export const networks = knownNumbers('not_publicly_routable', 'ipv4', 'ipv6', 'onion', 'i2p', 'cjdns')
export const outboundTypes = knownTexts(['outbound-full-relay', 'block-relay-only', 'manual', 'feeler', 'addr-fetch', 'private-broadcast'])
export const connectionTypes = knownTexts(['inbound', ...outboundTypes.values])

export const networkLabel = { network: labelValues(networks) } as const
export const connectionLabels = { ...networkLabel, type: labelValues(connectionTypes) } as const
export const outboundLabels = { ...networkLabel, type: labelValues(outboundTypes) } as const

/** What every tracepoint of a connection passes first. */
export const connectionArguments = {
  peer: integer('Number of the peer.'),
  address: text('Its address, `ip:port`.'),
  connectionType: shortText('Type of the connection.'),
  network: integer('Network: 1 IPv4, 2 IPv6, 3 onion, 4 I2P, 5 CJDNS.'),
}
export const established = integer('When the connection was established: seconds since 1970.')
