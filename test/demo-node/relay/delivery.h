/* A block on its way: what it is, and the account of what this node did with it. */

#define MOST_ANNOUNCEMENTS 16

enum path { FIBRE_UDP, COMPACT_BLOCK, COMPACT_BLOCK_ROUND_TRIP, WHOLE_BLOCK, MINED, CAUGHT_UP, NOT_CONNECTED };

static const char *const path_names[] = {
	[FIBRE_UDP] = "fibre_udp", [COMPACT_BLOCK] = "compact_block", [COMPACT_BLOCK_ROUND_TRIP] = "compact_block_round_trip",
	[WHOLE_BLOCK] = "full_block", [MINED] = "mined_here", [CAUGHT_UP] = "caught_up", [NOT_CONNECTED] = NULL,
};

/* One message; 0 ns: there was none. */
struct passed {
	int64_t peer, at_ns;
	enum message message;
	size_t bytes;
};

struct delivery {
	struct block block;
	struct peer peer; /* that sends the compact block */
	char address[96];
	enum path path;
	char rival_hash_hex[65];
	int steps; /* still to come */

	bool header_known;
	struct passed announcements[MOST_ANNOUNCEMENTS]; /* the first one of each peer */
	int announcement_count;
	struct passed compact_block, request, answer, whole_block, told;
	int told_peers;
	int64_t reconstructed_ns, connected_ns;
};

static FILE *history; /* what became of each block goes here, a line each */

static bool is_announcement(enum message message)
{
	return message == CMPCTBLOCK || message == HEADERS || message == INV || message == BLOCK;
}

static void account_announcement(struct delivery *d, const struct passed *passed)
{
	for (int i = 0; i < d->announcement_count; i++)
		if (d->announcements[i].peer == passed->peer)
			return;
	if (d->announcement_count < MOST_ANNOUNCEMENTS)
		d->announcements[d->announcement_count++] = *passed;
}

static void account_received(struct delivery *d, const struct passed *passed)
{
	if (is_announcement(passed->message))
		account_announcement(d, passed);
	if (passed->message == CMPCTBLOCK && !d->compact_block.at_ns)
		d->compact_block = *passed;
	if (passed->message == BLOCKTXN)
		d->answer = *passed;
	if (passed->message == BLOCK)
		d->whole_block = *passed;
}

static void account_sent(struct delivery *d, const struct passed *passed)
{
	if (passed->message == GETBLOCKTXN)
		d->request = *passed;
	if (!is_announcement(passed->message))
		return;
	if (!d->told.at_ns)
		d->told = *passed;
	d->told_peers++;
}

static void account_event(struct delivery *d, enum probe probe, int64_t at_ns)
{
	if (probe == BLOCK_RECONSTRUCTED)
		d->reconstructed_ns = at_ns;
	if (probe == BLOCK_CONNECTED)
		d->connected_ns = at_ns;
}

/* Of a message that it announces the block by, bitcoind says which one that is before it sends it. */
static void log_announcing(const struct delivery *d, const struct peer *peer, enum message message)
{
	if (message == CMPCTBLOCK)
		log_line("[net] PeerManager::NewPoWValidBlock sending header-and-ids %s to peer=%lld", d->block.hash_hex, (long long)peer->id);
	if (message == HEADERS)
		log_line("[net] SendMessages: sending header %s to peer=%lld", d->block.hash_hex, (long long)peer->id);
}

/* Passes a message about the block from or to a peer. */
static void pass_message(struct delivery *d, enum probe direction, const struct peer *peer, enum message message, struct tally *tally)
{
	size_t bytes = write_payload(message, &d->block);
	struct passed passed = { .peer = peer->id, .message = message, .bytes = bytes, .at_ns = now_ns(CLOCK_MONOTONIC) };

	if (log_net && direction == OUTBOUND_MESSAGE)
		log_announcing(d, peer, message);
	pass_payload(direction, peer, message, bytes, tally);
	if (log_net && direction == INBOUND_MESSAGE && message == BLOCK)
		log_line("[net] received block %s peer=%lld", d->block.hash_hex, (long long)peer->id);
	if (direction == INBOUND_MESSAGE)
		account_received(d, &passed);
	else
		account_sent(d, &passed);
}

/* --- as a line of JSON --- */

static void write_time(const char *key, int64_t at_ns)
{
	if (at_ns)
		fprintf(history, ", \"%s\": %lld", key, (long long)at_ns);
	else
		fprintf(history, ", \"%s\": null", key);
}

static void write_passed(const struct passed *passed)
{
	fprintf(history, "{\"peer\": %lld, \"message\": \"%s\", \"at_ns\": %lld, \"bytes\": %zu", (long long)passed->peer,
		message_types[passed->message], (long long)passed->at_ns, passed->bytes);
}

static void write_message(const char *key, const struct passed *passed)
{
	if (!passed->at_ns) {
		write_time(key, 0);
		return;
	}
	fprintf(history, ", \"%s\": ", key);
	write_passed(passed);
	fputc('}', history);
}

static void write_announcements(const struct delivery *d)
{
	fputs(", \"announcements\": [", history);
	for (int i = 0; i < d->announcement_count; i++) {
		fputs(i ? ", " : "", history);
		write_passed(&d->announcements[i]);
		fprintf(history, ", \"lag_ns\": %lld}", (long long)(d->announcements[i].at_ns - d->announcements[0].at_ns));
	}
	fputc(']', history);
}

static void write_requested(const struct delivery *d)
{
	if (!d->request.at_ns) {
		write_time("requested", 0);
		return;
	}
	fprintf(history, ", \"requested\": {\"transactions\": %u, \"transaction_bytes\": %llu", d->block.missing_tx,
		(unsigned long long)d->block.missing_bytes);
	write_message("request", &d->request);
	write_message("answer", &d->answer);
	fprintf(history, ", \"round_trip_ns\": %lld}", (long long)(d->answer.at_ns - d->request.at_ns));
}

/* How much earlier FIBRE started than the compact block that came after the block was connected, or 0. */
static int64_t late_head_start_ns(const struct delivery *d)
{
	bool is_late = d->block.udp_ns >= 0 && d->block.cmpct_ns < 0 && d->connected_ns && d->compact_block.at_ns > d->connected_ns;

	return is_late ? d->block.udp_ns + d->compact_block.at_ns - d->connected_ns : 0;
}

static void write_history(const struct delivery *d)
{
	if (!history)
		return;
	flockfile(history);
	fprintf(history, "{\"block_hash\": \"%s\", \"height\": %d, \"path\": ", d->block.hash_hex, d->block.height);
	fprintf(history, path_names[d->path] ? "\"%s\"" : "null", path_names[d->path]);
	write_announcements(d);
	write_message("compact_block", &d->compact_block);
	write_requested(d);
	write_message("whole_block", &d->whole_block);
	write_time("reconstructed_ns", d->reconstructed_ns);
	write_time("connected_ns", d->connected_ns);
	write_message("told", &d->told);
	fprintf(history, ", \"told_peers\": %d", d->told_peers);
	write_time("late_head_start_ns", late_head_start_ns(d));
	fprintf(history, d->rival_hash_hex[0] ? ", \"rival\": \"%s\"}\n" : ", \"rival\": null}\n", d->rival_hash_hex);
	funlockfile(history);
}

static void flush_files(void)
{
	if (record)
		fflush(record);
	if (history)
		fflush(history);
}
