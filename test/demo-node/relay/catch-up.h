/* Blocks by the dozen: catching up with the network, and changing to another branch. */

#define CATCH_UP_RATE 3000 /* blocks a second */
#define IN_FLIGHT 16  /* blocks that one peer is asked for at a time */

static void send_getdata(const struct peer *peer, const struct delivery *blocks, size_t count, struct tally *tally)
{
	uint8_t *at = put_compact_size(payload, count);

	for (size_t i = 0; i < count; i++)
		at = put_inventory(at, MSG_WITNESS_BLOCK, blocks[i].block.hash);
	pass_payload(OUTBOUND_MESSAGE, peer, GETDATA_BLOCK, at - payload, tally);
}

/* One message that announces all of them. */
static void receive_headers(const struct peer *peer, struct delivery *blocks, size_t count, struct tally *tally)
{
	const uint8_t *headers[HEADERS_AT_MOST];
	struct passed passed = { .peer = peer->id, .message = HEADERS };

	for (size_t i = 0; i < count; i++)
		headers[i] = blocks[i].block.header;
	passed.bytes = put_headers(payload, headers, count) - payload;
	passed.at_ns = now_ns(CLOCK_MONOTONIC);
	pass_payload(INBOUND_MESSAGE, peer, HEADERS, passed.bytes, tally);
	for (size_t i = 0; i < count; i++)
		account_announcement(&blocks[i], &passed);
}

static void connect_block(struct delivery *d, double progress, struct tally *tally)
{
	log_validation(&d->block);
	log_tip(d->block.hash_hex, d->block.height, progress);
	account_event(d, BLOCK_CONNECTED, now_ns(CLOCK_MONOTONIC));
	emit(event_of(&d->block, BLOCK_CONNECTED), tally);
	log_end(&d->block);
}

/* Blocks whose own way does not matter: whole, and not by FIBRE. */
static void invent_old_block(struct delivery *d, const struct place *place, enum path path)
{
	*d = (struct delivery){ .path = path };
	invent_block(&d->block, chain.seed, place->number);
	d->block.arrival = FULL_BLOCK;
	identify_block(&d->block, place);
}

/* As in the initial download: headers by the thousand, then the blocks at a rate. */
static void catch_up(uint64_t count, double rate, struct tally *tally)
{
	struct delivery *blocks = calloc(HEADERS_AT_MOST, sizeof(*blocks));
	uint64_t burst = 1 + rate / 1000, done = 0;
	int64_t start = now_ns(CLOCK_MONOTONIC);

	while (done < count) {
		size_t chunk = count - done < HEADERS_AT_MOST ? count - done : HEADERS_AT_MOST;

		for (size_t i = 0; i < chunk; i++) {
			struct place place = claim_place();

			invent_old_block(&blocks[i], &place, CAUGHT_UP);
		}
		receive_headers(&peers[0], blocks, chunk, tally);
		for (size_t i = 0; i < chunk; i++, done++) {
			if (rate && done % burst == 0)
				sleep_until(start + (int64_t)(done / rate * NS_PER_SECOND));
			if (i % IN_FLIGHT == 0)
				send_getdata(&peers[0], blocks + i, chunk - i < IN_FLIGHT ? chunk - i : IN_FLIGHT, tally);
			pass_message(&blocks[i], INBOUND_MESSAGE, &peers[0], BLOCK, tally);
			connect_block(&blocks[i], 1 - 1e-6 * (count - done), tally);
			write_history(&blocks[i]);
		}
	}
	free(blocks);
}

static void write_hash_hex(char hex[65], const uint8_t hash[32])
{
	uint8_t display[32];

	for (int i = 0; i < 32; i++)
		display[i] = hash[31 - i];
	write_hex(hex, display, 32);
	hex[64] = 0;
}

/* UpdateTip also tells of each block that is disconnected; no tracepoint does. */
static void log_disconnected(int depth)
{
	char hex[65];

	for (int32_t height = chain.height - 1; height >= chain.height - depth; height--) {
		write_hash_hex(hex, hash_at(height));
		log_line("[bench] - Disconnect block: 4.32ms");
		log_tip(hex, height, 1);
	}
}

/* A branch upon the block at a height, one block longer than what it replaces. */
static struct delivery *invent_branch(int32_t fork, int length)
{
	struct delivery *branch = calloc(length, sizeof(*branch));
	const uint8_t *previous = hash_at(fork);

	for (int i = 0; i < length; i++) {
		struct place place = place_on(previous, fork + 1 + i, chain.next_number + i, 3);

		invent_old_block(&branch[i], &place, WHOLE_BLOCK);
		if (place.height <= chain.height)
			write_hash_hex(branch[i].rival_hash_hex, hash_at(place.height));
		previous = branch[i].block.hash;
	}
	return branch;
}

static void receive_branch(const struct peer *peer, struct delivery *branch, int length, struct tally *tally)
{
	receive_headers(peer, branch, length, tally);
	log_header(&branch[length - 1].block, false, "peer=4");
	for (int i = 0; i < length; i += IN_FLIGHT)
		send_getdata(peer, branch + i, length - i < IN_FLIGHT ? length - i : IN_FLIGHT, tally);
	for (int i = 0; i < length; i++) {
		sleep_ns(20 * MS);
		pass_message(&branch[i], INBOUND_MESSAGE, peer, BLOCK, tally);
	}
}

/* All blocks may be replaced that this node has had, and of which it still knows the hash. */
static int deepest_reorganisation(void)
{
	return chain.height - chain.start < REMEMBERED / 2 ? chain.height - chain.start : REMEMBERED / 2;
}

static void reorganise(int depth, struct tally *tally)
{
	int length = depth + 1;
	struct delivery *branch = invent_branch(chain.height - depth, length);

	receive_branch(&peers[1], branch, length, tally);
	log_disconnected(depth);
	for (int i = 0; i < length; i++) {
		sleep_ns(5 * MS);
		connect_block(&branch[i], 1, tally);
		become_tip(branch[i].block.height, branch[i].block.hash);
	}
	chain.next_number++;
	pass_message(&branch[depth], OUTBOUND_MESSAGE, &peers[4], HEADERS, tally);
	for (int i = 0; i < length; i++)
		write_history(&branch[i]);
	free(branch);
}
