/*
 * The tracepoints of a FIBRE node: eight that tell of its blocks, and those of the Bitcoin Core that it is built from.
 *
 * -DOLDER builds an older FIBRE node: no udp:block_reconstruction_detail and no height in udp:block_reconstructed.
 * -DSTOCK builds Bitcoin Core itself, without those of FIBRE.
 * -DCORE=23 to 31 chooses the version whose tracepoints it has, 32 those proposed (bitcoin/bitcoin#35368).
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef CORE
#define CORE 31
#endif

#define MAX_ARGS 8

enum probe {
	BLOCK_RECONSTRUCTED,
	BLOCK_RECONSTRUCTION_DETAIL,
	BLOCK_SEND_START,
	BLOCK_COINBASE,
	BLOCK_HEADER_CHUNK,
	BLOCK_RACE_WINNER,
	BLOCK_RACE_TIME,
	BLOCK_CONNECTED,
	BLOCK_PROBES, /* number of those above, which every block has in its list of events */

	INBOUND_MESSAGE = BLOCK_PROBES,
	OUTBOUND_MESSAGE,
	INBOUND_CONNECTION,
	OUTBOUND_CONNECTION,
	EVICTED_INBOUND_CONNECTION,
	CLOSED_CONNECTION,
	MISBEHAVING_CONNECTION,
	BLOCK_HEADER,
	COMPACT_BLOCK_RECONSTRUCTED,
	MEMPOOL_ADDED,
	MEMPOOL_REMOVED,
	MEMPOOL_REPLACED,
	MEMPOOL_REJECTED,
	UTXOCACHE_FLUSH,
	UTXOCACHE_ADD,
	UTXOCACHE_SPENT,
	UTXOCACHE_UNCACHE,
	PROBE_COUNT,
};

/* A tracer raises the semaphore while it is attached; like bitcoind we fire only then. */
#define SEMAPHORE(provider, name) \
	volatile unsigned short provider##_##name##_semaphore __attribute__((used, section(".probes")))

#ifndef STOCK
SEMAPHORE(udp, block_reconstructed);
SEMAPHORE(udp, block_send_start);
SEMAPHORE(udp, block_coinbase);
SEMAPHORE(udp, block_header_chunk);
SEMAPHORE(udp, block_race_winner);
SEMAPHORE(udp, block_race_time);
#ifndef OLDER
SEMAPHORE(udp, block_reconstruction_detail);
#endif
#endif

#if CORE >= 29
#define CORE_SEMAPHORE(provider, name) &provider##_##name##_semaphore
SEMAPHORE(validation, block_connected);
SEMAPHORE(net, inbound_message);
SEMAPHORE(net, outbound_message);
SEMAPHORE(net, inbound_connection);
SEMAPHORE(net, outbound_connection);
SEMAPHORE(net, evicted_inbound_connection);
SEMAPHORE(net, closed_connection);
SEMAPHORE(net, misbehaving_connection);
SEMAPHORE(mempool, added);
SEMAPHORE(mempool, removed);
SEMAPHORE(mempool, replaced);
SEMAPHORE(mempool, rejected);
SEMAPHORE(utxocache, flush);
SEMAPHORE(utxocache, add);
SEMAPHORE(utxocache, spent);
SEMAPHORE(utxocache, uncache);
#if CORE >= 32
SEMAPHORE(net, block_header);
SEMAPHORE(net, compact_block_reconstructed);
#endif
#else /* these versions have none, and always fire */
static volatile unsigned short always_up = 1;
#define CORE_SEMAPHORE(provider, name) &always_up
#endif

enum kind {
	TEXT = 1,     /* C string, hashes in display order included */
	RAW_HASH,     /* 32 raw bytes, little-endian */
	NUMBER,
	PREFIX,       /* first 8 little-endian bytes of the hash; recordings leave out leading zeros */
	FOUR_NUMBERS, /* takes four arguments */
	PAYLOAD,      /* bytes of a message; the argument before says how many */
};

/* Added to a kind: a hit is counted under its labels, and other arguments are summed up there. */
#define LABEL 16
#define SUM 32

/* In the tracepoint's order; of the first eight, with the keys that recordings of real nodes use. */
static const struct {
	const char *name;
	volatile unsigned short *semaphore; /* NULL: not in this build */
	struct {
		const char *key;
		int kind;
	} fields[MAX_ARGS + 1];
} probes[PROBE_COUNT] = {
#ifndef STOCK
	[BLOCK_RECONSTRUCTED] = {
		"udp:block_reconstructed", &udp_block_reconstructed_semaphore,
		{ { "block_hash", TEXT }, { "src", TEXT }, { "chunks_used", NUMBER }, { "chunks_recvd", NUMBER },
		  { "num_peers", NUMBER }, { "duration_us", NUMBER },
#ifndef OLDER
		  { "height", NUMBER },
#endif
		} },
#ifndef OLDER
	[BLOCK_RECONSTRUCTION_DETAIL] = {
		"udp:block_reconstruction_detail", &udp_block_reconstruction_detail_semaphore,
		{ { "block_hash", TEXT }, { "height", NUMBER }, { "missing_tx_count", NUMBER },
		  { "missing_tx_bytes", NUMBER }, { "mempool_tx_count", NUMBER }, { "total_tx_count", NUMBER },
		  { "all_from_mempool", NUMBER } } },
#endif
	[BLOCK_SEND_START] = {
		"udp:block_send_start", &udp_block_send_start_semaphore,
		{ { "block_hash", TEXT }, { "send_start_us", NUMBER } } },
	[BLOCK_COINBASE] = {
		"udp:block_coinbase", &udp_block_coinbase_semaphore,
		{ { "block_hash", TEXT }, { "coinbase_hex", TEXT } } },
	[BLOCK_HEADER_CHUNK] = {
		"udp:block_header_chunk", &udp_block_header_chunk_semaphore,
		{ { "hash_prefix", PREFIX }, { "dur_us", FOUR_NUMBERS } } },
	[BLOCK_RACE_WINNER] = {
		"udp:block_race_winner", &udp_block_race_winner_semaphore,
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "winner", TEXT }, { "winner_peer", TEXT } } },
	[BLOCK_RACE_TIME] = {
		"udp:block_race_time", &udp_block_race_time_semaphore,
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "udp_ns", NUMBER }, { "udp_peer", TEXT },
		  { "cmpct_ns", NUMBER }, { "cmpct_peer", TEXT } } },
#endif
	[BLOCK_CONNECTED] = {
		"validation:block_connected", CORE_SEMAPHORE(validation, block_connected),
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "tx_count", NUMBER }, { "inputs", NUMBER },
		  { "sigops", NUMBER }, { "connection_time_ns", NUMBER } } },

	[INBOUND_MESSAGE] = {
		"net:inbound_message", CORE_SEMAPHORE(net, inbound_message),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT }, { "message", TEXT | LABEL },
		  { "size", NUMBER | SUM }, { "payload", PAYLOAD } } },
	[OUTBOUND_MESSAGE] = {
		"net:outbound_message", CORE_SEMAPHORE(net, outbound_message),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT }, { "message", TEXT | LABEL },
		  { "size", NUMBER | SUM }, { "payload", PAYLOAD } } },
#if CORE >= 29
	[INBOUND_CONNECTION] = {
		"net:inbound_connection", CORE_SEMAPHORE(net, inbound_connection),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT | LABEL }, { "network", NUMBER | LABEL },
		  { "connections", NUMBER } } },
	[OUTBOUND_CONNECTION] = {
		"net:outbound_connection", CORE_SEMAPHORE(net, outbound_connection),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT | LABEL }, { "network", NUMBER | LABEL },
		  { "connections", NUMBER } } },
	[EVICTED_INBOUND_CONNECTION] = {
		"net:evicted_inbound_connection", CORE_SEMAPHORE(net, evicted_inbound_connection),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT | LABEL }, { "network", NUMBER | LABEL },
		  { "established", NUMBER } } },
	[CLOSED_CONNECTION] = {
		"net:closed_connection", CORE_SEMAPHORE(net, closed_connection),
		{ { "peer_id", NUMBER }, { "address", TEXT }, { "connection_type", TEXT | LABEL }, { "network", NUMBER | LABEL },
		  { "established", NUMBER } } },
	[MISBEHAVING_CONNECTION] = {
		"net:misbehaving_connection", CORE_SEMAPHORE(net, misbehaving_connection),
		{ { "peer_id", NUMBER }, { "reason", TEXT | LABEL } } },
#endif
#if CORE >= 32
	[BLOCK_HEADER] = {
		"net:block_header", CORE_SEMAPHORE(net, block_header),
		{ { "height", NUMBER }, { "peer_id", NUMBER }, { "by_compact_block", NUMBER | LABEL }, { "block_hash", RAW_HASH } } },
	[COMPACT_BLOCK_RECONSTRUCTED] = {
		"net:compact_block_reconstructed", CORE_SEMAPHORE(net, compact_block_reconstructed),
		{ { "peer_id", NUMBER }, { "prefilled", NUMBER | SUM }, { "from_mempool", NUMBER | SUM }, { "from_extra_pool", NUMBER | SUM },
		  { "requested", NUMBER | SUM }, { "requested_bytes", NUMBER | SUM }, { "block_hash", RAW_HASH } } },
#endif
#if CORE >= 25
	[MEMPOOL_ADDED] = {
		"mempool:added", CORE_SEMAPHORE(mempool, added),
		{ { "txid", RAW_HASH }, { "vsize", NUMBER | SUM }, { "fee", NUMBER | SUM } } },
	[MEMPOOL_REMOVED] = {
		"mempool:removed", CORE_SEMAPHORE(mempool, removed),
		{ { "txid", RAW_HASH }, { "reason", TEXT | LABEL }, { "vsize", NUMBER | SUM }, { "fee", NUMBER | SUM },
		  { "entry_time", NUMBER } } },
	[MEMPOOL_REPLACED] = {
		"mempool:replaced", CORE_SEMAPHORE(mempool, replaced),
		{ { "txid", RAW_HASH }, { "vsize", NUMBER | SUM }, { "fee", NUMBER | SUM }, { "entry_time", NUMBER },
		  { "replacement", RAW_HASH }, { "replacement_vsize", NUMBER | SUM }, { "replacement_fee", NUMBER | SUM },
#if CORE >= 29
		  { "by_transaction", NUMBER },
#endif
		} },
	[MEMPOOL_REJECTED] = {
		"mempool:rejected", CORE_SEMAPHORE(mempool, rejected),
		{ { "txid", RAW_HASH }, { "reason", TEXT | LABEL } } },
#endif
	[UTXOCACHE_FLUSH] = {
		"utxocache:flush", CORE_SEMAPHORE(utxocache, flush),
		{ { "duration_us", NUMBER | SUM }, { "mode", NUMBER | LABEL }, { "coins", NUMBER | SUM }, { "bytes", NUMBER | SUM },
		  { "for_prune", NUMBER } } },
	[UTXOCACHE_ADD] = {
		"utxocache:add", CORE_SEMAPHORE(utxocache, add),
		{ { "txid", RAW_HASH }, { "vout", NUMBER }, { "height", NUMBER }, { "value", NUMBER | SUM }, { "coinbase", NUMBER } } },
	[UTXOCACHE_SPENT] = {
		"utxocache:spent", CORE_SEMAPHORE(utxocache, spent),
		{ { "txid", RAW_HASH }, { "vout", NUMBER }, { "height", NUMBER }, { "value", NUMBER | SUM }, { "coinbase", NUMBER } } },
	[UTXOCACHE_UNCACHE] = {
		"utxocache:uncache", CORE_SEMAPHORE(utxocache, uncache),
		{ { "txid", RAW_HASH }, { "vout", NUMBER }, { "height", NUMBER }, { "value", NUMBER | SUM }, { "coinbase", NUMBER } } },
};

union argument {
	const char *text;
	const uint8_t *raw;
	int64_t number;
};

struct event {
	enum probe probe;
	unsigned int unreadable; /* a bit for each argument that points to no memory: written as null */
	union argument args[MAX_ARGS];
};

static enum kind kind_of(enum probe probe, int arg)
{
	return probes[probe].fields[arg].kind & ~(LABEL | SUM);
}

static int find_probe(const char *name)
{
	for (int probe = 0; name && probe < PROBE_COUNT; probe++)
		if (probes[probe].semaphore && !strcmp(probes[probe].name, name))
			return probe;
	return -1;
}
