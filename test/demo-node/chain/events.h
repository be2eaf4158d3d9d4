/* What a block is called and fires. */

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

/* Gives the block its place in the chain. Cheap: done for each block under load. */
static void identify_block(struct block *block, const struct place *place)
{
	uint8_t display[32];
	uint8_t height[3];

	memcpy(block->header, place->header, HEADER_SIZE);
	memcpy(block->hash, place->hash, 32);
	for (int i = 0; i < 32; i++)
		display[i] = block->hash[31 - i];
	write_hex(block->hash_hex, display, sizeof(display));
	memcpy(&block->prefix, block->hash, sizeof(block->prefix));
	block->height = place->height;
	for (int i = 0; i < 3; i++)
		height[i] = block->height >> 8 * i;
	write_hex(block->coinbase_hex + 2, height, sizeof(height));
	block->send_start_us = now_ns(CLOCK_REALTIME) / 1000;
	list_events(block);
}

static void invent_next_block(struct block *block)
{
	struct place place = claim_place();

	invent_block(block, chain.seed, place.number);
	identify_block(block, &place);
}

static struct event *event_of(struct block *block, enum probe probe)
{
	for (int i = 0; i < block->event_count; i++)
		if (block->events[i].probe == probe)
			return &block->events[i];
	return NULL;
}

/* A block that fires all that this build has. */
static void invent_full_block(struct block *block)
{
#ifdef STOCK
	invent_next_block(block);
#else
	do
		invent_next_block(block);
	while (block->arrival != BY_FIBRE || block->header_chunk != FIRST || block->cmpct_ns < 0);
#endif
}
