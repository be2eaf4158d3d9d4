import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, knownTexts, labelValues, rawHash, text } from '../define.ts'

/** The usual ones of Bitcoin Core 25 to 31 (validation.cpp, policy/). What scripts fail for goes on in parentheses. */
const reasons = knownTexts([
  ...['min relay fee not met', 'mempool min fee not met', 'insufficient fee', 'mempool full', 'dust', 'max-fee-exceeded'],
  ...['txn-already-in-mempool', 'txn-already-known', 'txn-same-nonwitness-data-in-mempool', 'txn-mempool-conflict'],
  ...['bad-txns-inputs-missingorspent', 'bad-txns-spends-conflicting-tx', 'bad-txns-nonstandard-inputs', 'bad-witness-nonstandard'],
  ...['too many potential replacements', 'replacement-adds-unconfirmed', 'replacement-failed', 'bip125-replacement-disallowed'],
  ...['too-long-mempool-chain', 'too-large-cluster', 'TRUC-violation', 'missing-ephemeral-spends'],
  ...['non-final', 'non-BIP68-final', 'scriptpubkey', 'scriptsig-not-pushonly', 'datacarrier', 'tx-size', 'version'],
  ...['mandatory-script-verify-flag-failed', 'non-mandatory-script-verify-flag', 'mempool-script-verify-flag-failed'],
])

export const mempoolRejected = defineTracepoint({
  probe: 'mempool:rejected',
  group: 'mempool',
  description: 'A transaction was not let into the mempool. Since Bitcoin Core 25.',
  args: { txid: rawHash('Id of the transaction.'), reason: text('Why.') },
  counted: { by: { reason: reasons } },
  metrics: ({ counter }) => [
    counter('bitcoin_mempool_rejected_total', {
      help: 'Total transactions that were not let into the mempool, by reason',
      labels: { reason: labelValues(reasons) },
      measure: ({ count, labels: { reason } }) => sample(count, { reason }),
    }),
  ],
})
