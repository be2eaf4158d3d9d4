/* Messages of the peer-to-peer protocol, with the bytes they have on the wire (BIP 130, BIP 152). */

enum message { CMPCTBLOCK, HEADERS, INV, GETHEADERS, GETDATA_COMPACT_BLOCK, GETDATA_BLOCK, GETBLOCKTXN, BLOCKTXN, BLOCK };

static const char *const message_types[] = {
	[CMPCTBLOCK] = "cmpctblock", [HEADERS] = "headers", [INV] = "inv",
	[GETHEADERS] = "getheaders", [GETDATA_COMPACT_BLOCK] = "getdata", [GETDATA_BLOCK] = "getdata",
	[GETBLOCKTXN] = "getblocktxn", [BLOCKTXN] = "blocktxn", [BLOCK] = "block",
};

/* Types of an inventory vector. */
#define MSG_BLOCK 2
#define MSG_CMPCT_BLOCK 4
#define MSG_WITNESS_BLOCK 0x40000002

#define HEADERS_AT_MOST 2000
#define LOCATOR_HASHES 30
#define COINBASE_BYTES 180 /* of the prefilled coinbase transaction */
#define LARGEST_PAYLOAD 4000000

/* Where a payload is written. Behind what is written, transactions and short ids are arbitrary bytes. */
static uint8_t payload[LARGEST_PAYLOAD];

static void fill_payload(void)
{
	uint64_t state = 1;

	for (size_t i = 0; i < LARGEST_PAYLOAD; i += 8) {
		uint64_t word = next_random(&state);

		memcpy(payload + i, &word, 8);
	}
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

static uint8_t *put_compact_size(uint8_t *at, uint64_t value)
{
	uint16_t two = value;
	uint32_t four = value;

	if (value < 253) {
		*at = value;
		return at + 1;
	}
	*at++ = value <= UINT16_MAX ? 253 : 254;
	return value <= UINT16_MAX ? put(at, &two, 2) : put(at, &four, 4);
}

static uint8_t *put_inventory(uint8_t *at, uint32_t type, const uint8_t hash[32])
{
	return put(put(at, &type, sizeof(type)), hash, 32);
}

static uint8_t *put_compact_block(uint8_t *at, const struct block *b)
{
	uint64_t nonce = mix(b->prefix);

	at = put(put(at, b->header, HEADER_SIZE), &nonce, sizeof(nonce));
	at = put_compact_size(at, b->tx_count - 1) + 6 * (b->tx_count - 1);
	at = put_compact_size(at, 1); /* prefilled: the coinbase, */
	at = put_compact_size(at, 0); /* which is the first */
	return at + COINBASE_BYTES;
}

static uint8_t *put_headers(uint8_t *at, const uint8_t *const headers[], size_t count)
{
	at = put_compact_size(at, count);
	for (size_t i = 0; i < count; i++)
		at = put_compact_size(put(at, headers[i], HEADER_SIZE), 0);
	return at;
}

/* From the transaction before it, each index is as far away as these gaps say. */
static uint8_t *put_requested(uint8_t *at, const struct block *b)
{
	uint32_t gap = (b->tx_count - 1) / b->missing_tx - 1;

	at = put_compact_size(put(at, b->hash, 32), b->missing_tx);
	for (uint32_t i = 0; i < b->missing_tx; i++)
		at = put_compact_size(at, i ? gap : gap + 1);
	return at;
}

static uint8_t *put_locator(uint8_t *at, const struct block *b)
{
	uint32_t version = 70016;

	at = put_compact_size(put(at, &version, sizeof(version)), LOCATOR_HASHES);
	at = put(at, b->header + 4, 32) + 32 * (LOCATOR_HASHES - 1);
	memset(at, 0, 32); /* no stop */
	return at + 32;
}

/* Returns the size. */
static size_t write_payload(enum message message, const struct block *b)
{
	uint8_t *at = payload;
	const uint8_t *header = b->header;

	switch (message) {
	case CMPCTBLOCK: return put_compact_block(at, b) - at;
	case HEADERS: return put_headers(at, &header, 1) - at;
	case INV: return put_inventory(put_compact_size(at, 1), MSG_BLOCK, b->hash) - at;
	case GETHEADERS: return put_locator(at, b) - at;
	case GETDATA_COMPACT_BLOCK: return put_inventory(put_compact_size(at, 1), MSG_CMPCT_BLOCK, b->hash) - at;
	case GETDATA_BLOCK: return put_inventory(put_compact_size(at, 1), MSG_WITNESS_BLOCK, b->hash) - at;
	case GETBLOCKTXN: return put_requested(at, b) - at;
	case BLOCKTXN: return put_compact_size(put(at, b->hash, 32), b->missing_tx) + b->missing_bytes - at;
	case BLOCK: put_compact_size(put(at, b->header, HEADER_SIZE), b->tx_count); return b->size;
	}
	return 0;
}

static void pass_payload(enum probe direction, const struct peer *peer, enum message message, size_t size, struct tally *tally)
{
	struct event event = { .probe = direction };

	event.args[0].number = peer->id;
	event.args[1].text = peer->address;
	event.args[2].text = peer->type;
	event.args[3].text = message_types[message];
	event.args[4].number = size;
	event.args[5].raw = payload;
	if (log_net && direction == OUTBOUND_MESSAGE)
		log_line("[net] sending %s (%zu bytes) peer=%lld", message_types[message], size, (long long)peer->id);
	emit(&event, tally);
	if (log_net && direction == INBOUND_MESSAGE)
		log_line("[net] received: %s (%zu bytes) peer=%lld", message_types[message], size, (long long)peer->id);
}
