import { integer, rawHash } from '../define.ts'

/** What the tracepoints of one coin pass. */
export const coinArguments = {
  txid: rawHash('Id of the transaction that made the coin.'),
  output: integer('Number of its output.'),
  height: integer('Height of its block.'),
  value: integer('Value in satoshis.'),
  isCoinbase: integer('1 if a coinbase made it, else 0.'),
}
