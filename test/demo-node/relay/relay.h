/* Relaying a block: plans what is received, sent and fired, at the times that the block's own figures tell. */

#define NEVER INT64_MAX
#define MS 1000000LL
#define US 1000LL

/* Moments of a block, CLOCK_MONOTONIC. */
struct moments {
	int64_t first_packet;  /* of FIBRE, or NEVER */
	int64_t compact_block; /* the first, or NEVER */
	int64_t announced;     /* from here on peers may announce it by headers or inv */
	int64_t validation, connected;
	const struct peer *first; /* of the peers: has announced it already */
};

static void plan_events(struct delivery *d, const struct moments *at)
{
	const struct block *b = &d->block;
	int64_t before = 0;

	for (int i = 0; i < b->event_count; i++) {
		int64_t due = 0;

		switch (b->events[i].probe) {
		case BLOCK_HEADER_CHUNK:
			due = b->header_chunk == FIRST ? at->first_packet + 200 * US : before + 100 * US;
			break;
		case BLOCK_COINBASE: due = at->first_packet + b->duration_us * US - 15 * US; break;
		case BLOCK_RECONSTRUCTED: due = at->first_packet + b->duration_us * US; break;
		case BLOCK_SEND_START: due = d->path == FIBRE_UDP ? before + 150 * US : at->validation - 50 * US; break;
		case BLOCK_CONNECTED: due = at->connected; break;
		case BLOCK_RACE_WINNER: due = before + 100 * US + b->prefix % (2 * MS); break;
		default: break;
		}
		before = due > before + 15 * US ? due : before + 15 * US;
		add_step(d, before, FIRE, i);
	}
}

static void plan_compact_block(struct delivery *d, const struct moments *at)
{
	const struct block *b = &d->block;
	int64_t work_ns = b->cmpct_ns - b->round_trip_ns - b->connection_ns, asked = at->compact_block + 0.4 * work_ns;

	if (at->announced < at->compact_block) {
		receive_from(d, at->announced, &d->peer, HEADERS);
		send_to(d, at->announced + 300 * US, &d->peer, GETDATA_COMPACT_BLOCK);
	}
	receive_from(d, at->compact_block, &d->peer, CMPCTBLOCK);
	if (d->path == COMPACT_BLOCK_ROUND_TRIP) {
		send_to(d, asked, &d->peer, GETBLOCKTXN);
		receive_from(d, asked + b->round_trip_ns, &d->peer, BLOCKTXN);
	}
	add_step(d, at->validation - 120 * US, RECONSTRUCT, 0);
}

/* Announced by a header, by an inv, or by a compact block that lacks too much: asked for, and sent whole. */
static void plan_whole_block(struct delivery *d, struct moments *at, int64_t start, uint64_t *state)
{
	double way = uniform(state, 0, 1);
	const struct peer *peer = way < 0.25 ? &d->peer : way < 0.4 ? &peers[5] : &peers[2];
	int64_t asked = start + 300 * US, received;

	if (peer == &d->peer) {
		receive_from(d, start, peer, CMPCTBLOCK);
		at->compact_block = start;
	} else if (peer->habit == ANNOUNCES_BY_INV) {
		receive_from(d, start, peer, INV);
		send_to(d, start + 200 * US, peer, GETHEADERS);
		asked = start + 200 * US + (int64_t)uniform(state, 15 * MS, 40 * MS);
		receive_from(d, asked - 100 * US, peer, HEADERS);
	} else {
		receive_from(d, start, peer, HEADERS);
	}
	send_to(d, asked, peer, GETDATA_BLOCK);
	received = asked + log_normal(state, 120 * MS, 0.5);
	receive_from(d, received, peer, BLOCK);
	at->announced = start;
	at->first = peer;
	at->validation = received + MS;
	at->connected = at->validation + d->block.connection_ns;
}

/* It comes beside FIBRE, which is first to complete the block. What was asked for comes all the same. */
static void plan_beaten_compact_block(struct delivery *d, struct moments *at)
{
	int64_t reconstructed = at->first_packet + d->block.duration_us * US;

	if (at->compact_block != NEVER)
		receive_from(d, at->compact_block, &d->peer, CMPCTBLOCK);
	if (at->compact_block < reconstructed - MS && d->block.missing_tx) {
		send_to(d, at->compact_block + 800 * US, &d->peer, GETBLOCKTXN);
		receive_from(d, at->connected + 20 * MS, &d->peer, BLOCKTXN);
	}
	if (at->announced > reconstructed)
		at->announced = reconstructed;
}

static struct moments plan_arrival(struct delivery *d, int64_t start, uint64_t *state)
{
	const struct block *b = &d->block;
	struct moments at = { .first_packet = NEVER, .compact_block = NEVER };
	int64_t lead = b->udp_ns > b->cmpct_ns ? b->udp_ns : b->cmpct_ns, fetch_ns = 0;

	if (b->arrival == FULL_BLOCK) {
		plan_whole_block(d, &at, start, state);
		return at;
	}
	if (b->arrival == BY_COMPACT_BLOCK && chance(state, 0.25)) /* announced by a header, and then asked for */
		fetch_ns = uniform(state, 20 * MS, 60 * MS);
	if (b->arrival == MINED_HERE)
		lead = b->connection_ns + MS;
	else if (lead < b->cmpct_ns + fetch_ns)
		lead = b->cmpct_ns + fetch_ns;
	at.connected = start + lead;
	at.validation = at.connected - b->connection_ns;
	if (b->udp_ns >= 0)
		at.first_packet = at.connected - b->udp_ns;
	if (b->cmpct_ns >= 0)
		at.compact_block = at.connected - b->cmpct_ns;
	else if (b->arrival == BY_FIBRE && chance(state, 0.85)) /* too late for the race */
		at.compact_block = at.connected + b->head_start_ns - b->udp_ns;
	at.announced = at.compact_block - fetch_ns;
	if (b->arrival == BY_COMPACT_BLOCK) {
		plan_compact_block(d, &at);
		return at;
	}
	if (b->arrival == BY_FIBRE)
		plan_beaten_compact_block(d, &at);
	return at;
}

/* The others announce it too, and are told unless they were faster. Messages that come during validation wait for its end. */
static void plan_peer(struct delivery *d, const struct moments *at, int number, uint64_t *state)
{
	const struct peer *peer = &peers[number];
	bool announces = d->block.arrival != MINED_HERE && peer != at->first && chance(state, 0.7);
	bool is_told_early = peer->wants_compact_blocks && mix(d->block.prefix) % 5 < 3;
	int64_t from = peer->habit == ANNOUNCES_BY_COMPACT_BLOCK ? at->compact_block : at->announced;
	int64_t announced = announces && from != NEVER ? from + (int64_t)log_normal(state, 30 * MS, 0.9) : NEVER;
	enum message message = peer->habit == ANNOUNCES_BY_COMPACT_BLOCK ? CMPCTBLOCK : peer->habit == ANNOUNCES_BY_INV ? INV : HEADERS;

	if (announced > at->validation - 200 * US && announced < at->connected + 100 * US)
		announced = at->connected + (100 + 30 * number) * US;
	if (announced != NEVER)
		receive_from(d, announced, peer, message);
	if (announced != NEVER && chance(state, 0.08))
		receive_from(d, announced + 20 * MS, peer, HEADERS);
	if (peer == at->first || announced < at->validation)
		return;
	if (is_told_early)
		send_to(d, at->validation - (40 - number) * US, peer, CMPCTBLOCK);
	else if (announced > at->connected + MS)
		send_to(d, at->connected + (400 + 40 * number) * US, peer, message == INV ? INV : HEADERS);
}

/* Another block at the same height, or one upon this of which nothing comes but its header. */
static void plan_rival(const struct delivery *d, const struct moments *at, bool is_child, uint64_t *state)
{
	struct delivery *rival = calloc(1, sizeof(*rival));
	const struct block *b = &d->block;
	struct place place = is_child ? place_on(b->hash, b->height + 1, next_random(state), 2)
				      : place_on(b->header + 4, b->height, next_random(state), 1);
	int64_t start = at->connected + (int64_t)uniform(state, 20 * MS, 300 * MS);

	invent_block(&rival->block, chain.seed, place.number);
	identify_block(&rival->block, &place);
	rival->path = NOT_CONNECTED;
	if (is_child) {
		receive_from(rival, start, &peers[3], HEADERS);
		send_to(rival, start + 300 * US, &peers[3], GETDATA_BLOCK);
		return;
	}
	strcpy(rival->rival_hash_hex, b->hash_hex);
	receive_from(rival, start, &peers[0], CMPCTBLOCK);
	receive_from(rival, start + 30 * MS, &peers[8], HEADERS);
}

static void plan_connections(struct delivery *d, const struct moments *at, uint64_t number)
{
	static const enum network networks[] = { IPV4, IPV6, ONION_NETWORK };
	struct peer visitor = { .id = 1000 + number, .address = "203.0.113.77:50117", .type = "inbound" };

	visitor.network = networks[number % COUNT(networks)];
	if (number % 50 == 0)
		add_step(d, at->connected + 2 * MS, CHANGE_PEER, OUTBOUND_CONNECTION)->peer = d->peer;
	if (number % 3 == 0)
		add_step(d, at->connected + 5 * MS, CHANGE_PEER, INBOUND_CONNECTION)->peer = visitor;
	if (number % 25 == 6)
		add_step(d, at->connected + 30 * MS, CHANGE_PEER, MISBEHAVING_CONNECTION)->peer = visitor;
	if (number % 12 == 0)
		add_step(d, at->connected + 40 * MS, CHANGE_PEER, EVICTED_INBOUND_CONNECTION)->peer = visitor;
	if (number % 3 == 0)
		add_step(d, at->connected + 41 * MS, CHANGE_PEER, CLOSED_CONNECTION)->peer = visitor;
}

static enum path path_of(const struct block *b)
{
	switch (b->arrival) {
	case MINED_HERE: return MINED;
	case FULL_BLOCK: return WHOLE_BLOCK;
	case BY_COMPACT_BLOCK: return b->missing_tx ? COMPACT_BLOCK_ROUND_TRIP : COMPACT_BLOCK;
	case BY_FIBRE: break;
	}
	return FIBRE_UDP;
}

static struct delivery *next_delivery(void)
{
	struct delivery *d = calloc(1, sizeof(*d));

	invent_next_block(&d->block);
	d->path = path_of(&d->block);
	d->peer = compact_block_peer(&d->block, d->address);
	return d;
}

enum rival { BY_CHANCE, COMPETING_BLOCK, HEADER_ONLY };

/* Plans the next block, whose first sign comes at a moment. Returns when it will be connected. */
static int64_t plan_next_block(int64_t start, enum rival rival)
{
	struct delivery *d = next_delivery();
	uint64_t number = chain.next_number - 1, state = mix(chain.seed + 1) ^ mix(~number);
	struct moments at = plan_arrival(d, start, &state);
	double luck = uniform(&state, 0, 1);

	plan_events(d, &at);
	for (size_t i = 0; i < COUNT(peers); i++)
		plan_peer(d, &at, i, &state);
	plan_connections(d, &at, number);
	if (rival == COMPETING_BLOCK || (rival == BY_CHANCE && luck < 0.03))
		plan_rival(d, &at, false, &state);
	if (rival == HEADER_ONLY || (rival == BY_CHANCE && luck > 0.985))
		plan_rival(d, &at, true, &state);
	return at.connected;
}

/* Block after block, each not before the one before it is connected. */
static void relay_blocks(uint64_t count, int64_t gap_ns, enum rival rival, struct tally *tally)
{
	int64_t start = now_ns(CLOCK_MONOTONIC) + MS, connected = 0;

	for (uint64_t i = 0; i < count; i++) {
		int64_t begin = start + i * gap_ns;

		if (begin < connected + MS)
			begin = connected + MS;
		do_steps(begin, tally);
		connected = plan_next_block(begin, rival);
	}
	do_steps(NEVER, tally);
}
