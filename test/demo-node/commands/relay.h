/* Commands that relay blocks with their messages. */

static void run_relay(const struct command *command)
{
	double count, gap_us = 50000;
	struct tally tally = { 0 };
	int64_t start = now_ns(CLOCK_MONOTONIC);

	if (!read_number(command, 1, true, 0, &count) || !read_number(command, 2, false, 0, &gap_us))
		return;
	relay_blocks(count, gap_us * 1000, BY_CHANCE, &tally);
	answer_fired("relay", count, &tally, start);
}

/* A block with a rival. */
static void relay_rival(const char *command, enum rival rival)
{
	struct tally tally = { 0 };
	int64_t start = now_ns(CLOCK_MONOTONIC);

	relay_blocks(1, 0, rival, &tally);
	answer_fired(command, 1, &tally, start);
}

static void run_compete(const struct command *command)
{
	relay_rival(command->words[0], COMPETING_BLOCK);
}

static void run_header(const struct command *command)
{
	relay_rival(command->words[0], HEADER_ONLY);
}

static void run_catch_up(const struct command *command)
{
	double count, rate = CATCH_UP_RATE;
	struct tally tally = { 0 };
	int64_t start = now_ns(CLOCK_MONOTONIC);

	if (!read_number(command, 1, true, 0, &count) || !read_number(command, 2, false, 0, &rate))
		return;
	catch_up(count, rate, &tally);
	answer_fired("catch-up", count, &tally, start);
}

static void run_reorg(const struct command *command)
{
	double depth;
	struct tally tally = { 0 };
	int64_t start = now_ns(CLOCK_MONOTONIC);

	if (!read_number(command, 1, true, 1, &depth))
		return;
	if (depth > deepest_reorganisation())
		return refuse("deeper than the blocks so far", command->words[1]);
	reorganise(depth, &tally);
	answer_fired("reorg", depth + 1, &tally, start);
}
