import { defineTracepoint } from '../define.ts'
import { countedMessages, messageArguments, messageMetrics } from './messages.ts'

export const outboundMessage = defineTracepoint({
  probe: 'net:outbound_message',
  group: 'net',
  description: 'A message is handed to the connection to a peer.',
  args: messageArguments,
  counted: countedMessages,
  // Not inv and getdata: nearly all of them are about transactions.
  recorded: { where: 'message', is: ['cmpctblock', 'headers', 'block', 'getblocktxn'] },
  metrics: () => messageMetrics,
})
