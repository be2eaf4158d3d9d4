/* Load of the events of block after block, from several threads. */

static void answer_fired(const char *command, uint64_t blocks, const struct tally *tally, int64_t start_ns)
{
	const char *separator = "";

	printf("{\"command\": \"%s\", \"blocks\": %llu, \"events\": {", command, (unsigned long long)blocks);
	for (int probe = 0; probe < BLOCK_PROBES; probe++) {
		if (!probes[probe].semaphore)
			continue;
		printf("%s\"%s\": %llu", separator, probes[probe].name, (unsigned long long)tally->fired[probe]);
		separator = ", ";
	}
	printf("}, \"seconds\": %.6f}\n", (now_ns(CLOCK_MONOTONIC) - start_ns) / 1e9);
}

struct worker {
	pthread_t thread;
	struct block *blocks;  /* a pool of all patterns, so that a block costs a new hash and height only */
	uint64_t quota;        /* events to offer */
	double rate;           /* of them in a second; 0: flat out */
	int64_t start_ns, end_ns;
	uint64_t relayed;      /* blocks, the one cut off included */
	struct tally tally;
};

static int64_t deadline_of(const struct worker *worker, uint64_t event)
{
	return worker->start_ns + event / worker->rate * NS_PER_SECOND;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t burst = 1 + worker->rate / 1000; /* about a millisecond's worth between two sleeps */
	uint64_t sent = 0;

	while (sent < worker->quota && now_ns(CLOCK_MONOTONIC) < worker->end_ns) {
		struct place place = claim_place();
		struct block *block = &worker->blocks[place.number % PATTERNS];

		identify_block(block, &place);
		worker->relayed++;
		for (int i = 0; i < block->event_count && sent < worker->quota; i++, sent++) {
			if (worker->rate && sent % burst == 0)
				sleep_until(deadline_of(worker, sent));
			emit(&block->events[i], &worker->tally);
		}
	}
	if (worker->rate)
		sleep_until(deadline_of(worker, sent));
	return NULL;
}

static struct block *invent_pool(void)
{
	struct block *blocks = calloc(PATTERNS, sizeof(*blocks));

	for (int i = 0; blocks && i < PATTERNS; i++)
		invent_block(&blocks[i], chain.seed, i);
	return blocks;
}

/* Offers the events of block after block, and answers. */
static void load_blocks(const char *command, int threads, uint64_t events, double rate, double seconds)
{
	struct worker *workers = calloc(threads, sizeof(*workers));
	struct tally tally = { 0 };
	uint64_t relayed = 0;
	int64_t start;

	for (int i = 0; i < threads; i++)
		workers[i].blocks = invent_pool();
	start = now_ns(CLOCK_MONOTONIC); /* inventing is no part of the time taken */
	for (int i = 0; i < threads; i++) {
		workers[i].quota = events / threads + ((uint64_t)i < events % threads);
		workers[i].rate = rate / threads;
		workers[i].start_ns = start;
		workers[i].end_ns = seconds ? start + (int64_t)(seconds * NS_PER_SECOND) : INT64_MAX;
		if (threads > 1)
			pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		else
			work(&workers[i]);
	}
	for (int i = 0; i < threads; i++) {
		if (threads > 1)
			pthread_join(workers[i].thread, NULL);
		relayed += workers[i].relayed;
		for (int probe = 0; probe < PROBE_COUNT; probe++)
			tally.fired[probe] += workers[i].tally.fired[probe];
		free(workers[i].blocks);
	}
	free(workers);
	answer_fired(command, relayed, &tally, start);
}
