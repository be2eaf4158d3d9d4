import { defineTracepoint } from '../define.ts'
import { countedMessages, messageArguments, messageMetrics } from './messages.ts'

export const inboundMessage = defineTracepoint({
  probe: 'net:inbound_message',
  group: 'net',
  description: 'The thread that handles messages takes one that was received: it may have waited in the queue of that thread.',
  args: messageArguments,
  counted: countedMessages,
  recorded: { where: 'message', is: ['cmpctblock', 'headers', 'block', 'getblocktxn', 'blocktxn'] },
  metrics: () => messageMetrics,
})
