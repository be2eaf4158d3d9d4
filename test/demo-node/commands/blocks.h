/* Commands that fire the events of blocks, without messages. */

/* The events of a block alone, one after another. */
static void fire_events(const struct block *block, bool paced, struct tally *tally)
{
	log_arrival(block);
	for (int i = 0; i < block->event_count; i++) {
		if (paced) /* 0.1 to 2 ms between events, as in a real node */
			sleep_ns(100000 + mix(block->prefix + i) % 1900000);
		log_event(block, block->events[i].probe);
		emit(&block->events[i], tally);
	}
	log_end(block);
}

static void run_blocks(const struct command *command)
{
	double count, gap_us = 0;
	struct tally tally = { 0 };
	struct block block;
	int64_t start;

	if (!read_number(command, 1, true, 0, &count) || !read_number(command, 2, false, 0, &gap_us))
		return;
	start = now_ns(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < count; i++) {
		if (gap_us)
			sleep_until(start + (int64_t)(i * gap_us * 1000));
		invent_next_block(&block);
		fire_events(&block, false, &tally);
	}
	answer_fired("blocks", count, &tally, start);
}

static void run_events(const struct command *command)
{
	double count, rate;

	if (read_number(command, 1, true, 0, &count) && read_number(command, 2, true, 0, &rate))
		load_blocks("events", options.threads, count, rate, 0);
}

static void run_flood(const struct command *command)
{
	double seconds;

	if (read_number(command, 1, true, 0.001, &seconds))
		load_blocks("flood", options.threads, UINT64_MAX, 0, seconds);
}

static void run_replay(const struct command *command)
{
	const char *path = command->count > 1 ? command->words[1] : "", *node = NULL;
	struct tally tally = { 0 };
	double speed = 1;
	int64_t start = now_ns(CLOCK_MONOTONIC);
	FILE *file;

	for (int i = 2; i < command->count; i++)
		if (!strncmp(command->words[i], "node=", 5))
			node = command->words[i] + 5;
		else if (!read_number(command, i, true, 0, &speed))
			return;
	file = fopen(path, "re");
	if (!file)
		return refuse(strerror(errno), path);
	replay(file, speed, node, &tally);
	fclose(file);
	answer_fired("replay", tally.fired[BLOCK_CONNECTED], &tally, start);
}

static void run_odd(const struct command *command)
{
	const char *kind = command->count > 1 ? command->words[1] : "odd", *separator = "";
	struct tally tally = { 0 };
	struct block block;
	size_t i = 0;

	while (i < COUNT(odd_kinds) && strcmp(odd_kinds[i].name, kind))
		i++;
	if (i == COUNT(odd_kinds))
		return refuse("no such kind", kind);
	invent_full_block(&block);
	odd_kinds[i].spoil(&block);
	printf("{\"command\": \"odd\", \"kind\": \"%s\", \"sent\": [", kind);
	for (int event = 0; event < block.event_count; event++) {
		if (!emit(&block.events[event], &tally))
			continue;
		printf("%s{", separator);
		write_fields(stdout, &block.events[event]);
		printf("}");
		separator = ", ";
	}
	printf("]}\n");
}
