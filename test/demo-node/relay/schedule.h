/* What the node is going to do, in the order of time: those of several blocks may lie between each other. */

enum action { RECEIVE, SEND, FIRE, RECONSTRUCT, CHANGE_PEER };

struct step {
	int64_t at_ns;
	struct delivery *delivery;
	enum action action;
	int what; /* the message, the number of the event among the block's, or the tracepoint */
	struct peer peer;
	struct step *next;
};

static struct step *schedule;

/* One thread handles all messages: those that come while it handles one, until it has asked for more or connected the block, wait. */
static struct delivery *handled;
static struct step *waiting, **last_waiting = &waiting;

static struct step *add_step(struct delivery *d, int64_t at_ns, enum action action, int what)
{
	struct step *step = calloc(1, sizeof(*step)), **place = &schedule;

	*step = (struct step){ .at_ns = at_ns, .delivery = d, .action = action, .what = what };
	while (*place && (*place)->at_ns <= at_ns)
		place = &(*place)->next;
	step->next = *place;
	*place = step;
	d->steps++;
	return step;
}

static void receive_from(struct delivery *d, int64_t at_ns, const struct peer *peer, enum message message)
{
	add_step(d, at_ns, RECEIVE, message)->peer = *peer;
}

static void send_to(struct delivery *d, int64_t at_ns, const struct peer *peer, enum message message)
{
	add_step(d, at_ns, SEND, message)->peer = *peer;
}

static void finish_delivery(struct delivery *d)
{
	write_history(d);
	free(d);
}

/* --- doing it --- */

static void log_received(struct delivery *d, const struct step *step, struct tally *tally)
{
	bool by_compact_block = step->what == CMPCTBLOCK, has_header = by_compact_block || step->what == HEADERS;
	struct event event = { .probe = BLOCK_HEADER };
	char peer[128];

	if (has_header && !d->header_known) {
		d->header_known = true;
		event.args[0].number = d->block.height;
		event.args[1].number = step->peer.id;
		event.args[2].number = by_compact_block;
		event.args[3].raw = d->block.hash;
		emit(&event, tally);
		snprintf(peer, sizeof(peer), "peer=%lld", (long long)step->peer.id);
		log_header(&d->block, by_compact_block, step->peer.id == d->peer.id ? d->block.cmpct_peer : peer);
	}
	if (by_compact_block && !d->connected_ns && !d->reconstructed_ns && d->path != NOT_CONNECTED &&
	    d->compact_block.peer == step->peer.id)
		log_compact_block(&d->block, d->compact_block.bytes);
}

static void do_reconstruct(struct delivery *d, struct tally *tally)
{
	const struct block *b = &d->block;
	struct event event = { .probe = COMPACT_BLOCK_RECONSTRUCTED };

	event.args[0].number = d->peer.id;
	event.args[1].number = 1;
	event.args[2].number = b->mempool_tx;
	event.args[4].number = b->missing_tx;
	event.args[5].number = b->missing_bytes;
	event.args[6].raw = b->hash;
	emit(&event, tally);
	log_compact_block_reconstructed(b);
}

static void do_fire(struct delivery *d, struct event *event, struct tally *tally)
{
	if (event->probe == BLOCK_SEND_START)
		event->args[1].number = d->block.send_start_us = now_ns(CLOCK_REALTIME) / 1000;
	if (event->probe == BLOCK_COINBASE && d->path == FIBRE_UDP) {
		d->header_known = true;
		log_shorttxids(&d->block);
	}
	if (event->probe == BLOCK_CONNECTED)
		log_validation(&d->block);
	log_event(&d->block, event->probe);
	account_event(d, event->probe, now_ns(CLOCK_MONOTONIC));
	emit(event, tally);
	if (event->probe == BLOCK_CONNECTED)
		log_end(&d->block);
}

static void do_connection(const struct peer *peer, enum probe probe, struct tally *tally)
{
	struct event event = { .probe = probe };

	event.args[0].number = peer->id;
	event.args[1].text = peer->address;
	event.args[2].text = peer->type;
	event.args[3].number = peer->network;
	/* Connections of this kind, or since when there is this one. */
	event.args[4].number = probe == INBOUND_CONNECTION || probe == OUTBOUND_CONNECTION ? 3 : time(NULL) - 60;
	if (probe == MISBEHAVING_CONNECTION)
		event.args[1].text = "header with invalid proof of work";
	emit(&event, tally);
}

static bool takes_time(const struct delivery *d, const struct step *step)
{
	if (d->connected_ns)
		return false;
	switch (step->what) {
	case CMPCTBLOCK: return (d->path == COMPACT_BLOCK || d->path == COMPACT_BLOCK_ROUND_TRIP) && d->compact_block.peer == step->peer.id;
	case BLOCKTXN: return d->path == COMPACT_BLOCK_ROUND_TRIP;
	case BLOCK: return d->path == WHOLE_BLOCK;
	default: return false;
	}
}

static void wait_for_thread(struct step *step)
{
	step->next = NULL;
	*last_waiting = step;
	last_waiting = &step->next;
}

static struct step *next_waiting(void)
{
	struct step *step = waiting;

	waiting = step->next;
	if (!waiting)
		last_waiting = &waiting;
	return step;
}

static void do_step(struct step *step, struct tally *tally)
{
	struct delivery *d = step->delivery;

	switch (step->action) {
	case RECEIVE:
		pass_message(d, INBOUND_MESSAGE, &step->peer, step->what, tally);
		log_received(d, step, tally);
		if (takes_time(d, step))
			handled = d;
		break;
	case SEND:
		pass_message(d, OUTBOUND_MESSAGE, &step->peer, step->what, tally);
		if (handled == d && step->what == GETBLOCKTXN)
			handled = NULL;
		break;
	case FIRE:
		do_fire(d, &d->block.events[step->what], tally);
		if (handled == d && d->connected_ns)
			handled = NULL;
		break;
	case RECONSTRUCT: do_reconstruct(d, tally); break;
	case CHANGE_PEER: do_connection(&step->peer, step->what, tally); break;
	}
	if (--d->steps == 0)
		finish_delivery(d);
	free(step);
}

/* Does all that is due before a moment. */
static void do_steps(int64_t until_ns, struct tally *tally)
{
	while (schedule && schedule->at_ns < until_ns) {
		struct step *step = schedule;

		schedule = step->next;
		if (handled && step->action == RECEIVE) {
			wait_for_thread(step);
			continue;
		}
		sleep_until(step->at_ns);
		do_step(step, tally);
		while (!handled && waiting)
			do_step(next_waiting(), tally);
	}
}
