/* Invented blocks: what happens to them. */
#define PATTERNS 1024 /* blocks differ in what happens to them up to here, in hash and height for ever */

enum arrival { MINED_HERE, FULL_BLOCK, BY_COMPACT_BLOCK, BY_FIBRE };
enum header_chunk { NO_HEADER_CHUNK, FIRST, AFTER_RECONSTRUCTION, AFTER_RACE };

struct block {
	/* who it is */
	uint8_t header[HEADER_SIZE];
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
	int64_t head_start_ns;    /* of FIBRE that won, also where the compact block comes after the block is connected */
	int64_t round_trip_ns;    /* for the transactions that a compact block lacked */
	uint32_t chunks_used, chunks_received, peers;
	int64_t duration_us;
	uint32_t missing_tx, mempool_tx, tx_count;
	uint64_t missing_bytes, size;
	char coinbase_hex[201];
	int32_t inputs;
	int64_t sigops, connection_ns;

	struct event events[BLOCK_PROBES]; /* in the order they fire */
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

static const char fibre[] = "FIBRE/UDP", compact_block[] = "BIP152/CMPCTBLOCK", no_peer[] = "n/a";

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
	int64_t checks_ns = uniform(state, 0.4e6, 2.5e6);

	invent_reconstruction(block, state);
	block->header_chunk = where < 0.04 ? NO_HEADER_CHUNK : where < 0.1 ? AFTER_RECONSTRUCTION : where < 0.13 ? AFTER_RACE : FIRST;
	block->sent = true;
	block->udp_ns = block->duration_us * 1000 + checks_ns + block->connection_ns;
	/* Now and then compact blocks start first and FIBRE delivers all the same. */
	block->head_start_ns = chance(state, 0.12) ? -uniform(state, 0.1e6, 6e6) : log_normal(state, 24e6, 1);
	/* A start after the block is connected is never seen. */
	block->cmpct_ns = block->head_start_ns < block->udp_ns ? block->udp_ns - block->head_start_ns : -1;
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
	block->round_trip_ns = round_trip_ns;
	block->winner = compact_block;
	block->winner_peer = block->cmpct_peer;
}

#ifdef STOCK
/* What FIBRE would have brought came as a compact block, and nothing was sent by FIBRE. */
static void take_fibre_away(struct block *block, uint64_t *state)
{
	if (block->arrival == BY_FIBRE) {
		invent_compact_win(block, state);
		block->arrival = BY_COMPACT_BLOCK;
	}
	block->udp_ns = -1;
	block->reconstructed = block->sent = false;
	block->header_chunk = NO_HEADER_CHUNK;
}
#endif

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
#ifdef STOCK
	take_fibre_away(block, &state);
#endif
}
