/* Commands about hits: by the million, how many, and who waits for them. */

static void answer_totals(const char *command)
{
	printf("{\"command\": \"%s\", \"totals\": {", command);
	write_totals(stdout);
	printf("}}\n");
}

static void run_totals(const struct command *command)
{
	answer_totals(command->words[0]);
}

/* load SECONDS messages=RATE mempool=RATE utxo=RATE */
static void run_load(const struct command *command)
{
	double seconds;

	if (is_loading())
		return refuse("options have started it", command->words[0]);
	if (!read_number(command, 1, true, 0.001, &seconds))
		return;
	for (int i = 2; i < command->count; i++) {
		char *value = strchr(command->words[i], '=');
		int load = find_load(command->words[i], value ? value - command->words[i] : 0);

		if (load < 0)
			return refuse("no such load", command->words[i]);
		if (!is_number(value + 1, 0, &loaders[load].rate))
			return refuse("not a number that will do", command->words[i]);
	}
	start_load(seconds);
	wait_for_load();
	for (int load = 0; load < LOADS; load++)
		loaders[load].rate = 0;
	answer_totals("load");
}

static void sample_event(enum probe probe, struct event *event)
{
	static struct block block;
	static uint8_t buffer[65536];
	uint64_t state = 1;

	if (probe < BLOCK_PROBES) {
		invent_full_block(&block);
		*event = *event_of(&block, probe);
		return;
	}
	do {
		*event = (struct event){ 0 };
		event->probe = probe >= UTXOCACHE_FLUSH ? invent_coin(event->args, &state, buffer)
			     : probe >= MEMPOOL_ADDED	? invent_mempool_change(event->args, &state, buffer)
							: invent_net(event->args, &state, buffer);
	} while (event->probe != probe);
}

static void run_hit(const struct command *command)
{
	int probe = find_probe(command->count > 1 ? command->words[1] : NULL);
	struct tally tally = { 0 };
	struct event event;
	int64_t wall, cpu;
	double count;

	if (probe < 0)
		return refuse("no such probe", command->count > 1 ? command->words[1] : "hit");
	if (!read_number(command, 2, true, 1, &count))
		return;
	sample_event(probe, &event);
	wall = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 0; i < count; i++)
		emit(&event, &tally);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	wall = now_ns(CLOCK_MONOTONIC) - wall;
	printf("{\"command\": \"hit\", \"probe\": \"%s\", \"hits\": %llu, \"ns_per_hit\": %.2f, \"cpu_ns_per_hit\": %.2f}\n",
	       probes[probe].name, (unsigned long long)tally.fired[probe], wall / count, cpu / count);
}

static void run_semaphores(const struct command *command)
{
	printf("{\"command\": \"%s\"", command->words[0]);
	for (int probe = 0; probe < PROBE_COUNT; probe++)
		if (probes[probe].semaphore)
			printf(", \"%s\": %u", probes[probe].name, *probes[probe].semaphore);
	printf("}\n");
}

/* Of the tracepoints of blocks so many, or each of those named, with commas between. */
static bool are_attached(const char *wanted)
{
	char names[512], *rest = names;
	int attached = 0;

	if (isdigit(*wanted)) {
		for (int probe = 0; probe < BLOCK_PROBES; probe++)
			attached += probes[probe].semaphore && *probes[probe].semaphore;
		return attached >= atoi(wanted);
	}
	snprintf(names, sizeof(names), "%s", wanted);
	for (char *name; (name = strtok_r(rest, ",", &rest));) {
		int probe = find_probe(name);

		if (probe < 0 || !*probes[probe].semaphore)
			return false;
	}
	return true;
}

static void run_wait(const struct command *command)
{
	double seconds = 10;
	int64_t deadline;

	if (command->count < 2)
		return refuse("a number or names are missing", command->words[0]);
	if (!read_number(command, 2, false, 0, &seconds))
		return;
	deadline = now_ns(CLOCK_MONOTONIC) + (int64_t)(seconds * NS_PER_SECOND);
	while (!are_attached(command->words[1]) && now_ns(CLOCK_MONOTONIC) < deadline)
		sleep_ns(1000000);
	printf("{\"command\": \"wait\", \"attached\": %s}\n", are_attached(command->words[1]) ? "true" : "false");
}
