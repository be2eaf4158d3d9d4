/* Load over the tracepoints that are hit often: messages, the mempool, the cache of coins. */

enum load { MESSAGES, MEMPOOL, UTXO, LOADS };

static const char *const load_names[] = { [MESSAGES] = "messages", [MEMPOOL] = "mempool", [UTXO] = "utxo" };

static struct loader {
	pthread_t thread;
	enum load load;
	double rate; /* hits a second; 0: none */
	uint64_t hits; /* to be fired */
	struct tally tally;
} loaders[LOADS];
static atomic_bool load_ends;

/* Of a message that is no part of a block's way; the last is one that no version knows. */
static const struct {
	const char *type;
	uint32_t smallest, largest;
} other_messages[] = {
	{ "inv", 37, 1297 },	  { "inv", 37, 217 },	  { "tx", 191, 2400 },	    { "tx", 191, 700 },	  { "getdata", 37, 613 },
	{ "ping", 8, 8 },	  { "pong", 8, 8 },	  { "addrv2", 20, 30000 },  { "feefilter", 8, 8 }, { "notfound", 37, 73 },
	{ "getheaders", 997, 1029 }, { "sendcmpct", 9, 9 }, { "sendrecon", 12, 12 },
};
static const char *const removal_reasons[] = { "block", "block", "block", "block", "expiry", "sizelimit", "reorg", "conflict", "replaced" };
static const char *const rejection_reasons[] = {
	"min relay fee not met", "txn-already-in-mempool", "bad-txns-inputs-missingorspent", "insufficient fee", "too-long-mempool-chain",
	"mempool-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation), input 0 of 0123456789",
};
static const char *const connection_types[] = {
	"inbound", "outbound-full-relay", "manual", "feeler", "block-relay-only", "addr-fetch",
#if CORE >= 31
	"private-broadcast",
#endif
};
static const char *const misbehaviours[] = { "addr message size = 1001", "header with invalid proof of work", "unrequested blocktxn" };

static int find_load(const char *name, size_t length)
{
	for (int load = 0; load < LOADS; load++)
		if (strlen(load_names[load]) == length && !strncmp(load_names[load], name, length))
			return load;
	return -1;
}

/* Gives the arguments of the next hit; what they point to lives as long as the thread's buffer. */
static enum probe invent_message(union argument *a, uint64_t *state, uint8_t *buffer)
{
	uint64_t random = next_random(state);
	size_t type = random % COUNT(other_messages);
	const struct peer *peer = &peers[random / 16 % COUNT(peers)];

	a[0].number = peer->id;
	a[1].text = peer->address;
	a[2].text = peer->type;
	a[3].text = other_messages[type].type;
	a[4].number = other_messages[type].smallest +
		      (random >> 32) % (other_messages[type].largest - other_messages[type].smallest + 1);
	a[5].raw = buffer;
	return random >> 24 & 1 ? INBOUND_MESSAGE : OUTBOUND_MESSAGE;
}

static enum probe invent_connection(union argument *a, uint64_t *state)
{
	static const enum probe kinds[] = {
		INBOUND_CONNECTION, OUTBOUND_CONNECTION, EVICTED_INBOUND_CONNECTION, CLOSED_CONNECTION, MISBEHAVING_CONNECTION,
	};
	uint64_t random = next_random(state);
	enum probe probe = kinds[random % COUNT(kinds)];
	const struct peer *peer = &peers[random / 16 % COUNT(peers)];

	a[0].number = peer->id;
	a[1].text = probe == MISBEHAVING_CONNECTION ? misbehaviours[random / 256 % COUNT(misbehaviours)] : peer->address;
	a[2].text = connection_types[random / 256 % COUNT(connection_types)];
	a[3].number = peer->network;
	a[4].number = 1 + random / 4096 % 100;
	return probe;
}

static enum probe invent_net(union argument *a, uint64_t *state, uint8_t *buffer)
{
	return probes[INBOUND_CONNECTION].semaphore && chance(state, 0.01) ? invent_connection(a, state) : invent_message(a, state, buffer);
}

static enum probe invent_mempool_change(union argument *a, uint64_t *state, uint8_t *buffer)
{
	uint64_t random = next_random(state);
	double kind = uniform(state, 0, 1);
	int64_t vsize = 110 + random % 4000, fee = vsize + random / 4096 % 20000;

	a[0].raw = buffer;
	if (kind < 0.55) {
		a[1].number = vsize;
		a[2].number = fee;
		return MEMPOOL_ADDED;
	}
	if (kind < 0.9) {
		a[1].text = removal_reasons[random % COUNT(removal_reasons)];
		a[2].number = vsize;
		a[3].number = fee;
		a[4].number = 1767225600;
		return MEMPOOL_REMOVED;
	}
	if (kind < 0.96) {
		a[1].text = rejection_reasons[random % COUNT(rejection_reasons)];
		return MEMPOOL_REJECTED;
	}
	a[1].number = vsize;
	a[2].number = fee;
	a[3].number = 1767225600;
	a[4].raw = buffer + 32;
	a[5].number = vsize + 12;
	a[6].number = fee + 3000;
	a[7].number = random % 2;
	return MEMPOOL_REPLACED;
}

static enum probe invent_flush(union argument *a, uint64_t random)
{
	a[0].number = random % 32 ? random % 4000000 : -5000; /* the clock can jump back */
	a[1].number = random % (CORE >= 31 ? 5 : 4);
	a[2].number = random / 8 % 10000000;
	a[3].number = random / 16 % 2000000000;
	a[4].number = random % 7 == 0;
	return UTXOCACHE_FLUSH;
}

static enum probe invent_coin(union argument *a, uint64_t *state, uint8_t *buffer)
{
	uint64_t random = next_random(state);
	double kind = uniform(state, 0, 1);

	if (kind < 0.001)
		return invent_flush(a, random);
	a[0].raw = buffer;
	a[1].number = random % 5;
	a[2].number = 800000 + random % 100000;
	a[3].number = random % 5000000000;
	a[4].number = random % 1000 == 0;
	return kind < 0.5 ? UTXOCACHE_ADD : kind < 0.9 ? UTXOCACHE_SPENT : UTXOCACHE_UNCACHE;
}

static void *run_loader(void *argument)
{
	static enum probe (*const invent[LOADS])(union argument *, uint64_t *, uint8_t *) = {
		[MESSAGES] = invent_net, [MEMPOOL] = invent_mempool_change, [UTXO] = invent_coin,
	};
	struct loader *loader = argument;
	uint64_t burst = 1 + loader->rate / 1000, state = mix(chain.seed) ^ mix(loader->load + 77);
	int64_t start = now_ns(CLOCK_MONOTONIC);
	uint8_t *buffer = calloc(1, 65536);

	for (uint64_t i = 0; i < loader->hits && !load_ends; i++) {
		struct event event = { 0 };

		if (i % burst == 0)
			sleep_until(start + (int64_t)(i / loader->rate * NS_PER_SECOND));
		memcpy(buffer, &i, sizeof(i)); /* another transaction each time */
		event.probe = invent[loader->load](event.args, &state, buffer);
		emit(&event, &loader->tally);
	}
	if (!load_ends && loader->hits != UINT64_MAX)
		sleep_until(start + (int64_t)(loader->hits / loader->rate * NS_PER_SECOND));
	free(buffer);
	return NULL;
}

/* For so many seconds, or until end_load. */
static void start_load(double seconds)
{
	load_ends = false;
	for (int i = 0; i < LOADS; i++) {
		loaders[i].load = i;
		loaders[i].hits = seconds ? (uint64_t)(loaders[i].rate * seconds) : UINT64_MAX;
		if (loaders[i].rate && (i != MEMPOOL || probes[MEMPOOL_ADDED].semaphore))
			pthread_create(&loaders[i].thread, NULL, run_loader, &loaders[i]);
	}
}

/* On the command and on a signal, from a thread each: only one may join. */
static void wait_for_load(void)
{
	static pthread_mutex_t joining = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&joining);
	for (int i = 0; i < LOADS; i++)
		if (loaders[i].thread)
			pthread_join(loaders[i].thread, NULL);
	for (int i = 0; i < LOADS; i++)
		loaders[i].thread = 0;
	pthread_mutex_unlock(&joining);
}

static void end_load(void)
{
	load_ends = true;
	wait_for_load();
}

static bool is_loading(void)
{
	return loaders[MESSAGES].thread || loaders[MEMPOOL].thread || loaders[UTXO].thread;
}
