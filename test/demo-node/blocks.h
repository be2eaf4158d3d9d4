/* Invented blocks: their values, the order of their events, and the lines that bitcoind would log of them. */
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PATTERNS 1024 /* blocks differ in what happens to them up to here, in hash and height for ever */

enum arrival { MINED_HERE, FULL_BLOCK, BY_COMPACT_BLOCK, BY_FIBRE };
enum header_chunk { NO_HEADER_CHUNK, FIRST, AFTER_RECONSTRUCTION, AFTER_RACE };

struct block {
	/* who it is */
	uint8_t hash[32]; /* little-endian */
	char hash_hex[65];
	uint64_t prefix;
	int32_t height;
	int64_t send_start_us;

	/* what happened to it */
	enum arrival arrival;
	enum header_chunk header_chunk;
	int64_t header_chunk_us[4];
	bool reconstructed; /* from chunks; decoding may have failed afterwards, then compact blocks brought it */
	bool sent;          /* relayed to our own FIBRE peers */
	unsigned int first_peer; /* of udp_peers: the one whose chunk completed the block */
	char cmpct_peer[96];
	const char *winner, *winner_peer;
	int64_t udp_ns, cmpct_ns; /* first packet to connected, or -1 */
	uint32_t chunks_used, chunks_received, peers;
	int64_t duration_us;
	uint32_t missing_tx, mempool_tx, tx_count;
	uint64_t missing_bytes, size;
	char coinbase_hex[201];
	int32_t inputs;
	int64_t sigops, connection_ns;

	struct event events[PROBE_COUNT]; /* in the order they fire */
	int event_count;
};

/* Documentation addresses only: RFC 5737, RFC 3849. */
static const char *const udp_peers[] = {
	"192.0.2.11:8433", "198.51.100.23:8433", "203.0.113.5:8434", "[2001:db8::7]:8433", "192.0.2.80:18433",
};
static const char *const pool_tags[] = {
	"/Foundry USA Pool #dropgold/", "/AntPool/", "/ViaBTC/", "/F2Pool/", "/SpiderPool/", "/MARA Pool/", "/demo/",
};
#define ONION "demodemodemodemodemodemodemodemodemodemodemodemodemodemo.onion:18333"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char fibre[] = "FIBRE/UDP", compact_block[] = "BIP152/CMPCTBLOCK", no_peer[] = "n/a";

/* The finalizer of SplitMix64: a bijection, so different numbers give different results. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t next_random(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15);
}

static double uniform(uint64_t *state, double low, double high)
{
	return low + (high - low) * (next_random(state) >> 11) * 0x1p-53;
}

static bool chance(uint64_t *state, double probability)
{
	return uniform(state, 0, 1) < probability;
}

/* Delays on a network: many near the median, a few far above it. */
static double log_normal(uint64_t *state, double median, double sigma)
{
	double radius = sqrt(-2 * log(1 - uniform(state, 0, 1)));

	return median * exp(sigma * radius * cos(uniform(state, 0, 2 * M_PI)));
}

/* Does not terminate: what it writes into ends in zeros already. */
static void write_hex(char *out, const void *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		uint8_t byte = ((const uint8_t *)bytes)[i];

		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
}

/* The peers that sent chunks, the one that completed the block first. */
static const char *udp_peer(const struct block *block, unsigned int i)
{
	return udp_peers[(block->first_peer + i) % COUNT(udp_peers)];
}

/* Height as BIP 34 wants it, six bytes of extra nonce, the pool's tag. */
static void invent_coinbase(struct block *block, uint64_t *state)
{
	const char *tag = pool_tags[next_random(state) % COUNT(pool_tags)];
	uint64_t extra_nonce = next_random(state);
	uint8_t script[100] = { 3 };

	memcpy(script + 4, &extra_nonce, 6);
	memcpy(script + 10, tag, strlen(tag));
	write_hex(block->coinbase_hex, script, 10 + strlen(tag));
}

static void invent_compact_peer(struct block *block, uint64_t *state, int pattern)
{
	int peer = 12 + pattern / 50;

	if (chance(state, 0.7))
		snprintf(block->cmpct_peer, sizeof(block->cmpct_peer), "peer=%d", peer);
	else if (chance(state, 0.2))
		snprintf(block->cmpct_peer, sizeof(block->cmpct_peer), "peer=%d peeraddr=" ONION, peer);
	else /* as under -logips */
		snprintf(block->cmpct_peer, sizeof(block->cmpct_peer), "peer=%d peeraddr=198.51.100.%d:8333", peer, 1 + peer % 250);
}

static void invent_transactions(struct block *block, uint64_t *state)
{
	block->tx_count = uniform(state, 1200, 4800);
	block->missing_tx = chance(state, 0.45) ? 0 : log_normal(state, 8, 1);
	if (block->missing_tx > 1000)
		block->missing_tx = 1000;
	block->missing_bytes = block->missing_tx * (uint64_t)uniform(state, 220, 900);
	block->mempool_tx = block->tx_count - 1 - block->missing_tx; /* the coinbase is in neither */
	block->size = block->tx_count * (uint64_t)uniform(state, 300, 450);
	block->inputs = block->tx_count * uniform(state, 1.6, 2.9);
	block->sigops = block->inputs * uniform(state, 1, 4);
	block->connection_ns = log_normal(state, 22e6, 0.5);
}

static void invent_reconstruction(struct block *block, uint64_t *state)
{
	bool slow = chance(state, 0.05);

	block->reconstructed = true;
	block->duration_us = slow ? uniform(state, 300e3, 900e3) : log_normal(state, 9000, 0.6);
	block->chunks_used = 1 + block->missing_bytes / 1152 + (uint32_t)uniform(state, 0, slow ? 900 : 40);
	block->chunks_received = block->chunks_used + (uint32_t)uniform(state, 0, 60);
	block->peers = 1 + (uint32_t)uniform(state, 0, block->chunks_used < 4 ? 1 : 4);
}

static void invent_fibre_win(struct block *block, uint64_t *state)
{
	double where = uniform(state, 0, 1);
	int64_t head_start_ns, checks_ns = uniform(state, 0.4e6, 2.5e6);

	invent_reconstruction(block, state);
	block->header_chunk = where < 0.04 ? NO_HEADER_CHUNK : where < 0.1 ? AFTER_RECONSTRUCTION : where < 0.13 ? AFTER_RACE : FIRST;
	block->sent = true;
	block->udp_ns = block->duration_us * 1000 + checks_ns + block->connection_ns;
	/* Now and then compact blocks start first and FIBRE delivers all the same. */
	head_start_ns = chance(state, 0.12) ? -uniform(state, 0.1e6, 6e6) : log_normal(state, 24e6, 1);
	/* A start after the block is connected is never seen. */
	block->cmpct_ns = head_start_ns < block->udp_ns ? block->udp_ns - head_start_ns : -1;
	block->winner = fibre;
	block->winner_peer = udp_peer(block, 0);
}

static void invent_compact_win(struct block *block, uint64_t *state)
{
	double round_trip_ns = block->missing_tx ? uniform(state, 20e6, 80e6) : 0;
	int64_t head_start_ns = chance(state, 0.75) ? uniform(state, 0.2e6, 40e6) : -log_normal(state, 40e6, 1);

	block->cmpct_ns = log_normal(state, 4e6, 0.6) + round_trip_ns + block->connection_ns;
	block->udp_ns = chance(state, 0.8) && block->cmpct_ns + head_start_ns > 0 ? block->cmpct_ns + head_start_ns : -1;
	if (block->udp_ns > 0)
		block->header_chunk = FIRST;
	else if (chance(state, 0.4))
		block->header_chunk = AFTER_RACE;
	if (block->udp_ns > 0 && chance(state, 0.06)) { /* chunks were enough, what they gave was no block */
		invent_reconstruction(block, state);
		block->duration_us = block->udp_ns / 2000;
	}
	block->sent = chance(state, 0.8);
	block->winner = compact_block;
	block->winner_peer = block->cmpct_peer;
}

/* The fate of the block of this number, the same for the same seed. */
static void invent_block(struct block *block, uint64_t seed, uint64_t number)
{
	int pattern = number % PATTERNS;
	uint64_t state = mix(seed) ^ mix(~(uint64_t)pattern);
	double way = uniform(&state, 0, 1);

	*block = (struct block){ .udp_ns = -1, .cmpct_ns = -1 };
	block->arrival = way < 0.03 ? MINED_HERE : way < 0.1 ? FULL_BLOCK : way < 0.28 ? BY_COMPACT_BLOCK : BY_FIBRE;
	block->first_peer = next_random(&state) % COUNT(udp_peers);
	for (int i = 0; i < 4; i++)
		block->header_chunk_us[i] = log_normal(&state, 12, 0.8);
	invent_compact_peer(block, &state, pattern);
	invent_coinbase(block, &state);
	invent_transactions(block, &state);
	if (block->arrival == BY_FIBRE)
		invent_fibre_win(block, &state);
	else if (block->arrival == BY_COMPACT_BLOCK)
		invent_compact_win(block, &state);
	else
		block->sent = block->arrival == MINED_HERE || chance(&state, 0.6);
}

static union argument *append(struct block *block, enum probe probe)
{
	struct event *event = &block->events[block->event_count];

	event->probe = probe;
	event->unreadable = 0;
	if (probes[probe].semaphore) /* else the next one takes its place */
		block->event_count++;
	return event->args;
}

#define EVENT(block, probe, ...) memcpy(append(block, probe), (union argument[]){ __VA_ARGS__ }, sizeof((union argument[]){ __VA_ARGS__ }))
#define N(value) { .number = (value) }
#define T(value) { .text = (value) }
#define H(value) { .raw = (value) }

static void list_header_chunk(struct block *b, enum header_chunk now)
{
	const int64_t *us = b->header_chunk_us;

	if (b->header_chunk == now)
		EVENT(b, BLOCK_HEADER_CHUNK, N(b->prefix), N(us[0]), N(us[1]), N(us[2]), N(us[3]));
}

static void list_reconstruction(struct block *b)
{
	EVENT(b, BLOCK_COINBASE, T(b->hash_hex), T(b->coinbase_hex));
	EVENT(b, BLOCK_RECONSTRUCTED, T(b->hash_hex), T(udp_peer(b, 0)), N(b->chunks_used), N(b->chunks_received), N(b->peers),
	      N(b->duration_us), N(b->height));
	EVENT(b, BLOCK_RECONSTRUCTION_DETAIL, T(b->hash_hex), N(b->height), N(b->missing_tx), N(b->missing_bytes), N(b->mempool_tx),
	      N(b->tx_count), N(b->missing_tx == 0));
}

/* The block's events in a real node's order. */
static void list_events(struct block *b)
{
	b->event_count = 0;
	list_header_chunk(b, FIRST);
	if (b->reconstructed)
		list_reconstruction(b);
	list_header_chunk(b, AFTER_RECONSTRUCTION);
	if (b->sent)
		EVENT(b, BLOCK_SEND_START, T(b->hash_hex), N(b->send_start_us));
	EVENT(b, BLOCK_CONNECTED, H(b->hash), N(b->height), N(b->tx_count), N(b->inputs), N(b->sigops), N(b->connection_ns));
	if (b->winner) {
		EVENT(b, BLOCK_RACE_WINNER, H(b->hash), N(b->height), T(b->winner), T(b->winner_peer));
		EVENT(b, BLOCK_RACE_TIME, H(b->hash), N(b->height), N(b->udp_ns), T(b->udp_ns < 0 ? no_peer : udp_peer(b, 0)),
		      N(b->cmpct_ns), T(b->cmpct_ns < 0 ? no_peer : b->cmpct_peer));
	}
	list_header_chunk(b, AFTER_RACE);
}

/* Gives the block a hash and a height that no other number of this seed has. Cheap: done for each block under load. */
static void identify_block(struct block *block, uint64_t seed, uint64_t number, int32_t first_height)
{
	uint64_t words[3];
	uint8_t display[32];
	uint8_t height[3];

	words[0] = mix(mix(seed) + number); /* a bijection, so that even the prefix is unique */
	words[1] = mix(~words[0]);
	words[2] = mix(~words[1]);
	memcpy(block->hash, words, 22); /* the last ten bytes stay zero, as mainnet's proof of work has them */
	for (int i = 0; i < 32; i++)
		display[i] = block->hash[31 - i];
	write_hex(block->hash_hex, display, sizeof(display));
	block->prefix = words[0];
	block->height = first_height + number;
	for (int i = 0; i < 3; i++)
		height[i] = block->height >> 8 * i;
	write_hex(block->coinbase_hex + 2, height, sizeof(height));
	block->send_start_us = now_ns(CLOCK_REALTIME) / 1000;
	list_events(block);
}

/* --- debug.log --- */

static FILE *debug_log;
static const char *debug_log_path;
static atomic_bool reopen_debug_log;

static bool open_debug_log(void)
{
	debug_log = fopen(debug_log_path, "ae");
	if (debug_log)
		setvbuf(debug_log, NULL, _IOLBF, 4096);
	return debug_log;
}

static __attribute__((format(printf, 1, 2))) void log_line(const char *format, ...)
{
	int64_t now = now_ns(CLOCK_REALTIME);
	time_t seconds = now / NS_PER_SECOND;
	char date[32];
	struct tm tm;
	va_list args;

	if (!debug_log)
		return;
	if (atomic_exchange(&reopen_debug_log, false)) { /* like bitcoind: at the next line after SIGHUP */
		fclose(debug_log);
		if (!open_debug_log())
			return;
	}
	strftime(date, sizeof(date), "%FT%T", gmtime_r(&seconds, &tm));
	fprintf(debug_log, "%s.%06lldZ ", date, (long long)(now % NS_PER_SECOND / 1000));
	va_start(args, format);
	vfprintf(debug_log, format, args);
	va_end(args);
	fputc('\n', debug_log);
}

static void log_reconstruction(const struct block *b)
{
	log_line("UDP: Block %s reconstructed from %s with %u chunks in %f ms (%u recvd from %u peers)", b->hash_hex, udp_peer(b, 0),
		 b->chunks_used, b->duration_us / 1e3, b->chunks_received, b->peers);
	for (uint32_t i = 0; i < b->peers; i++) /* an equal share from each, the remainder from the first */
		log_line("UDP:    %u/%u used from %s", b->chunks_used / b->peers + (i ? 0 : b->chunks_used % b->peers),
			 b->chunks_received / b->peers + (i ? 0 : b->chunks_received % b->peers), udp_peer(b, i));
	if (b->arrival != BY_FIBRE)
		log_line("UDP: Failed to decode block %s", b->hash_hex);
}

static void log_race(const struct block *b)
{
	char udp[32] = "n/a", cmpct[32] = "n/a";

	if (b->udp_ns >= 0)
		snprintf(udp, sizeof(udp), "%.2fms", b->udp_ns / 1e6);
	if (b->cmpct_ns >= 0)
		snprintf(cmpct, sizeof(cmpct), "%.2fms", b->cmpct_ns / 1e6);
	log_line("UDP: block=%s height=%d winner=%s winner_peer=%s udp=%s udp_peer=%s cmpct=%s cmpct_peer=%s", b->hash_hex, b->height,
		 b->winner, b->winner_peer, udp, b->udp_ns < 0 ? no_peer : udp_peer(b, 0), cmpct, b->cmpct_ns < 0 ? no_peer : b->cmpct_peer);
}

static void log_tip(const struct block *b)
{
	time_t now = time(NULL);
	char date[32];
	struct tm tm;

	strftime(date, sizeof(date), "%FT%TZ", gmtime_r(&now, &tm));
	log_line("UpdateTip: new best=%s height=%d version=0x20000000 log2_work=95.%06d tx=%lld date='%s' progress=1.000000 "
		 "cache=420.5MiB(3210987txo)", b->hash_hex, b->height, b->height % 1000000, b->height * 1300LL, date);
}

static void log_arrival(const struct block *b)
{
	if (b->arrival == BY_FIBRE)
		log_line("UDP: Got full header and shorttxids from %s in 0.000371 0.015022 0.139447 ms", udp_peer(b, 0));
	if (b->cmpct_ns < 0)
		return;
	log_line("Saw new cmpctblock header hash=%s height=%d %s", b->hash_hex, b->height, b->cmpct_peer);
	if (b->arrival == BY_COMPACT_BLOCK)
		log_line("[cmpctblock] Successfully reconstructed block %s with 1 txn prefilled, %u txn from mempool (incl at least 0 from "
			 "extra pool) and %u txn (%llu bytes) requested", b->hash_hex, b->mempool_tx, b->missing_tx,
			 (unsigned long long)b->missing_bytes);
}

/* The lines of a node that runs with debug=bench and debug=cmpctblock. */
static void log_event(const struct block *b, enum probe probe)
{
	const int64_t *us = b->header_chunk_us;

	switch (probe) {
	case BLOCK_HEADER_CHUNK:
		log_line("UDP: Processed first block header chunk in %f %f %f %f", us[0] / 1e3, us[1] / 1e3, us[2] / 1e3, us[3] / 1e3);
		break;
	case BLOCK_COINBASE:
		log_line("UDP: block=%s scriptsig=%s", b->hash_hex, b->coinbase_hex);
		break;
	case BLOCK_RECONSTRUCTED:
		log_reconstruction(b);
		break;
	case BLOCK_SEND_START:
		log_line("UDP: Starting header send for block %s at %lld us", b->hash_hex, (long long)b->send_start_us);
		log_line("UDP: Block %s had serialized size %llu", b->hash_hex, (unsigned long long)b->size);
		break;
	case BLOCK_CONNECTED:
		log_tip(b);
		break;
	case BLOCK_RACE_TIME:
		log_race(b);
		break;
	default:
		break;
	}
}

static void log_end(const struct block *b)
{
	double connect_ms = b->connection_ns / 1e6;

	log_line("[bench] - Connect block: %.2fms [%.2fs (%.2fms/blk)]", connect_ms + 0.4, (connect_ms + 0.4) / 1e3, connect_ms + 0.4);
	if (b->arrival == BY_FIBRE)
		log_line("UDP: Final block processing for %s took 0.014972 0.074421 0.077725 %f ms (new: 1)", b->hash_hex, connect_ms + 1.1);
}
