/*
 * A demo node: relays invented blocks through the real tracepoints of a FIBRE node, with semaphores and all.
 * It fires, records, replays and floods on command, and so is what the tests, the bench and the demo measure.
 */
#define _GNU_SOURCE
#include "probes.h"
#include "blocks.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

static const char usage[] =
	"Usage: demo-node [options]\n"
	"Relays invented blocks through the tracepoints of a FIBRE node.\n"
	"\n"
	"  --interval SECONDS  from one block to the next (2; fractions are fine)\n"
	"  --blocks N          stop after N blocks (0: never)\n"
	"  --seed N            the same seed invents the same blocks (1)\n"
	"  --height N          height of the first block (900000)\n"
	"  --datadir DIR       write DIR/debug.log as bitcoind does; SIGHUP reopens it\n"
	"  --record FILE       append each fired event to FILE, one JSON object a line\n"
	"  --always            fire and record also while no tracer is attached\n"
	"  --control           relay nothing; obey commands from stdin, answer each with a line of JSON\n"
	"  --threads T         fire from T threads on the commands events and flood (1)\n"
	"  --help              say this\n"
	"\n"
	"Commands: blocks N [GAP_US] | events N RATE | flood SECONDS | hit PROBE N | replay FILE [SPEED] [node=NAME]\n"
	"          odd KIND | semaphores | wait PROBES [SECONDS] | quit\n";

static struct {
	double interval, blocks, seed, height, threads;
	const char *datadir, *record;
	bool control;
} options = { .interval = 2, .seed = 1, .height = 900000, .threads = 1 };

static atomic_uint_fast64_t next_number; /* of the next block */

static void sleep_until(int64_t deadline_ns)
{
	struct timespec deadline = { deadline_ns / NS_PER_SECOND, deadline_ns % NS_PER_SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

static void sleep_ns(int64_t duration_ns)
{
	sleep_until(now_ns(CLOCK_MONOTONIC) + duration_ns);
}

/* --- relaying, one block after another --- */

static void relay(const struct block *block, bool paced, struct tally *tally)
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

static void invent_next_block(struct block *block)
{
	uint64_t number = next_number++;

	invent_block(block, options.seed, number);
	identify_block(block, options.seed, number, options.height);
}

static void relay_for_ever(void)
{
	int64_t start = now_ns(CLOCK_MONOTONIC), interval_ns = options.interval * NS_PER_SECOND;
	struct tally tally = { 0 };
	struct block block;

	printf("demo node: pid %d, seed %.0f, relaying a block every %g s\n", getpid(), options.seed, options.interval);
	fflush(stdout);
	for (uint64_t i = 1; !options.blocks || i <= options.blocks; i++) {
		sleep_until(start + i * interval_ns);
		invent_next_block(&block);
		relay(&block, true, &tally);
		if (record)
			fflush(record);
	}
}

/* --- load, from several threads --- */

static void answer_fired(const char *command, uint64_t blocks, const struct tally *tally, int64_t start_ns)
{
	const char *separator = "";

	printf("{\"command\": \"%s\", \"blocks\": %llu, \"events\": {", command, (unsigned long long)blocks);
	for (int probe = 0; probe < PROBE_COUNT; probe++) {
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
		uint64_t number = next_number++;
		struct block *block = &worker->blocks[number % PATTERNS];

		identify_block(block, options.seed, number, options.height);
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
		invent_block(&blocks[i], options.seed, i);
	return blocks;
}

/* Offers the events of block after block, and answers. */
static void load(const char *command, uint64_t events, double rate, double seconds)
{
	int threads = options.threads;
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

/* --- recorded events --- */

struct replayed {
	int64_t ts_ns;
	struct event event;
};

/* The place in a line of JSON where the value of a key begins. Keys never occur in our texts. */
static const char *find_value(const char *line, const char *key)
{
	char quoted[32];
	const char *found;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	found = strstr(line, quoted);
	if (!found)
		return NULL;
	found += strlen(quoted);
	return found + strspn(found, " ");
}

/* A new copy of a JSON string; NULL for null. Peers and hashes hold no escapes. */
static char *read_text(const char *value)
{
	return value && *value == '"' ? strndup(value + 1, strcspn(value + 1, "\"")) : NULL;
}

static uint8_t *read_raw_hash(const char *value)
{
	uint8_t *raw = value && *value == '"' ? calloc(1, 32) : NULL;

	for (int i = 0; raw && i < 32; i++)
		sscanf(value + 1 + 2 * i, "%2hhx", &raw[31 - i]);
	return raw;
}

static void read_four_numbers(const char *value, union argument *args)
{
	for (int i = 0; value && i < 4; i++) {
		char *end;

		args[i].number = strtoll(value + strspn(value, "[, "), &end, 10);
		value = end;
	}
}

static void read_argument(const char *value, enum kind kind, union argument *arg)
{
	if (kind == TEXT)
		arg->text = read_text(value);
	else if (kind == RAW_HASH)
		arg->raw = read_raw_hash(value);
	else if (kind == PREFIX)
		arg->number = value ? strtoull(value + 1, NULL, 16) : 0;
	else if (kind == FOUR_NUMBERS)
		read_four_numbers(value, arg);
	else
		arg->number = value ? strtoll(value, NULL, 10) : -1; /* older recordings lack the height here and there */
}

static int find_probe(const char *name)
{
	for (int probe = 0; name && probe < PROBE_COUNT; probe++)
		if (probes[probe].semaphore && !strcmp(probes[probe].name, name))
			return probe;
	return -1;
}

static bool read_event(const char *line, const char *node, struct replayed *replayed)
{
	char *name = read_text(find_value(line, "probe")), *from = read_text(find_value(line, "node"));
	const char *ts = find_value(line, "ts_ns");
	int probe = find_probe(name);
	bool wanted = probe >= 0 && ts && (!node || (from && !strcmp(from, node)));

	free(name);
	free(from);
	if (!wanted)
		return false;
	*replayed = (struct replayed){ .ts_ns = strtoll(ts, NULL, 10), .event.probe = probe };
	for (int i = 0; i < MAX_ARGS && probes[probe].fields[i].key; i++)
		read_argument(find_value(line, probes[probe].fields[i].key), probes[probe].fields[i].kind, &replayed->event.args[i]);
	if (probe == BLOCK_RECONSTRUCTION_DETAIL) /* all from the mempool: follows from nothing missing, and may be left out */
		replayed->event.args[6].number = replayed->event.args[2].number == 0;
	return true;
}

static void free_event(struct event *event)
{
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++)
		if (probes[event->probe].fields[i].kind == TEXT || probes[event->probe].fields[i].kind == RAW_HASH)
			free((void *)event->args[i].text);
}

static void replay(FILE *file, double speed, const char *node, struct tally *tally)
{
	int64_t start = now_ns(CLOCK_MONOTONIC), first_ns = -1;
	char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, file) >= 0) {
		struct replayed replayed;

		if (!read_event(line, node, &replayed))
			continue;
		if (first_ns < 0)
			first_ns = replayed.ts_ns;
		if (speed > 0)
			sleep_until(start + (int64_t)((replayed.ts_ns - first_ns) / speed));
		emit(&replayed.event, tally);
		free_event(&replayed.event);
	}
	free(line);
}

/* --- events with difficult arguments --- */

static long page_size;

static void *unmapped_page(void)
{
	return mmap(NULL, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * Two adjacent pages of a file that nobody has touched since they were mapped. They are two mappings, of pages apart in the
 * file, because the kernel maps the neighbours within one mapping along with a page that is faulted in.
 */
static char *cold_pages(const char *text, size_t offset)
{
	size_t length = strlen(text) + 1, in_first = offset < (size_t)page_size ? page_size - offset : 0;
	int fd = memfd_create("cold text", MFD_CLOEXEC);
	char *pages;

	if (in_first > length)
		in_first = length;
	if (fd < 0 || ftruncate(fd, 3 * page_size) || pwrite(fd, text, in_first, offset) < 0 ||
	    pwrite(fd, text + in_first, length - in_first, 2 * page_size) < 0)
		return NULL;
	pages = mmap(NULL, 2 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mmap(pages, page_size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(pages + page_size, page_size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 2 * page_size);
	close(fd);
	return pages + offset;
}

static struct event *event_of(struct block *block, enum probe probe)
{
	for (int i = 0; i < block->event_count; i++)
		if (block->events[i].probe == probe)
			return &block->events[i];
	return NULL;
}

static void set_text(struct block *block, enum probe probe, int arg, const char *text, bool unreadable)
{
	struct event *event = event_of(block, probe);

	if (!event)
		return;
	event->args[arg].text = text;
	if (unreadable)
		event->unreadable |= 1u << arg;
}

static void set_peer(struct block *block, const char *peer, bool unreadable)
{
	set_text(block, BLOCK_RECONSTRUCTED, 1, peer, unreadable);
	set_text(block, BLOCK_RACE_WINNER, 3, peer, unreadable);
	set_text(block, BLOCK_RACE_TIME, 3, peer, unreadable);
}

static void null_text(struct block *block)
{
	set_peer(block, NULL, true);
}

static void unmapped_text(struct block *block)
{
	set_peer(block, unmapped_page(), true);
}

static void unmapped_hash(struct block *block)
{
	const char *nowhere = unmapped_page();

	for (enum probe probe = 0; probe < PROBE_COUNT; probe++)
		if (probe != BLOCK_HEADER_CHUNK) /* its prefix is a number */
			set_text(block, probe, 0, nowhere, true);
}

static void not_utf8(struct block *block)
{
	set_peer(block, "203.0.113.7:\xff\xfe\x80", false);
}

static void long_text(struct block *block)
{
	static char text[10001];

	memset(text, 'x', sizeof(text) - 1);
	set_peer(block, text, false);
}

static void empty_text(struct block *block)
{
	set_peer(block, "", false);
}

static void other_winner(struct block *block)
{
	set_text(block, BLOCK_RACE_WINNER, 2, "SOMETHING/ELSE", false);
}

static void cold_text(struct block *block)
{
	set_text(block, BLOCK_RECONSTRUCTED, 1, cold_pages("192.0.2.99:8433", 0), false);
	set_text(block, BLOCK_RACE_WINNER, 3, cold_pages("192.0.2.199:8433", page_size - 6), false);
}

static void onion_peer(struct block *block)
{
	set_peer(block, ONION, false);
}

static void spaced_peer(struct block *block)
{
	static const char peer[] = "peer=17 peeraddr=198.51.100.4:8333";

	set_text(block, BLOCK_RACE_WINNER, 2, compact_block, false);
	set_text(block, BLOCK_RACE_WINNER, 3, peer, false);
	set_text(block, BLOCK_RACE_TIME, 5, peer, false);
}

/* Every signed argument below zero, each another number. */
static void negative(struct block *block)
{
	static const struct {
		enum probe probe;
		int first, last;
	} signed_arguments[] = {
		{ BLOCK_RECONSTRUCTED, 5, 6 }, { BLOCK_RECONSTRUCTION_DETAIL, 1, 1 }, { BLOCK_SEND_START, 1, 1 },
		{ BLOCK_HEADER_CHUNK, 1, 4 },  { BLOCK_RACE_WINNER, 1, 1 },	      { BLOCK_RACE_TIME, 1, 2 },
		{ BLOCK_RACE_TIME, 4, 4 },     { BLOCK_CONNECTED, 1, 1 },	      { BLOCK_CONNECTED, 3, 5 },
	};

	for (size_t i = 0; i < COUNT(signed_arguments); i++) {
		struct event *event = event_of(block, signed_arguments[i].probe);

		for (int arg = signed_arguments[i].first; event && arg <= signed_arguments[i].last; arg++)
			event->args[arg].number = -(int64_t)(arg + 10 * i + 2);
	}
}

static void prefix_only(struct block *block)
{
	block->header_chunk = FIRST;
	list_events(block);
	block->event_count = 1;
}

static const struct {
	const char *name;
	void (*spoil)(struct block *block);
} odd_kinds[] = {
	{ "null-text", null_text },	  { "unmapped-text", unmapped_text }, { "unmapped-hash", unmapped_hash },
	{ "not-utf8", not_utf8 },	  { "long-text", long_text },	      { "empty-text", empty_text },
	{ "other-winner", other_winner }, { "cold-text", cold_text },	      { "onion-peer", onion_peer },
	{ "spaced-peer", spaced_peer },	  { "negative", negative },	      { "prefix-only", prefix_only },
};

/* A block that fires all eight. */
static void invent_full_block(struct block *block)
{
	do
		invent_next_block(block);
	while (block->arrival != BY_FIBRE || block->header_chunk != FIRST || block->cmpct_ns < 0);
}

/* --- commands --- */

#define MAX_WORDS 5

struct command {
	int count;
	char *words[MAX_WORDS];
};

static void refuse(const char *reason, const char *about)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", reason, about);
	printf("{\"error\": ");
	write_text(stdout, text);
	printf("}\n");
}

static bool is_number(const char *text, double lowest, double *number)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= lowest && value <= 1e15))
		return false;
	*number = value;
	return true;
}

/* Reads a word if it is there, and says what is wrong with it otherwise. */
static bool read_number(const struct command *command, int word, bool required, double lowest, double *number)
{
	if (word >= command->count) {
		if (required)
			refuse("a number is missing", command->words[0]);
		return !required;
	}
	if (is_number(command->words[word], lowest, number))
		return true;
	refuse("not a number that will do", command->words[word]);
	return false;
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
		relay(&block, false, &tally);
	}
	answer_fired("blocks", count, &tally, start);
}

static void run_events(const struct command *command)
{
	double count, rate;

	if (read_number(command, 1, true, 0, &count) && read_number(command, 2, true, 0, &rate))
		load("events", count, rate, 0);
}

static void run_flood(const struct command *command)
{
	double seconds;

	if (read_number(command, 1, true, 0.001, &seconds))
		load("flood", UINT64_MAX, 0, seconds);
}

static void run_hit(const struct command *command)
{
	int probe = find_probe(command->count > 1 ? command->words[1] : NULL);
	struct tally tally = { 0 };
	struct block block;
	struct event *event;
	int64_t wall, cpu;
	double count;

	if (probe < 0)
		return refuse("no such probe", command->count > 1 ? command->words[1] : "hit");
	if (!read_number(command, 2, true, 1, &count))
		return;
	invent_full_block(&block);
	event = event_of(&block, probe);
	wall = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 0; i < count; i++)
		emit(event, &tally);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	wall = now_ns(CLOCK_MONOTONIC) - wall;
	printf("{\"command\": \"hit\", \"probe\": \"%s\", \"hits\": %llu, \"ns_per_hit\": %.2f, \"cpu_ns_per_hit\": %.2f}\n",
	       probes[probe].name, (unsigned long long)tally.fired[probe], wall / count, cpu / count);
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

static void run_semaphores(const struct command *command)
{
	printf("{\"command\": \"%s\"", command->words[0]);
	for (int probe = 0; probe < PROBE_COUNT; probe++)
		if (probes[probe].semaphore)
			printf(", \"%s\": %u", probes[probe].name, *probes[probe].semaphore);
	printf("}\n");
}

static int count_attached(void)
{
	int attached = 0;

	for (int probe = 0; probe < PROBE_COUNT; probe++)
		attached += probes[probe].semaphore && *probes[probe].semaphore;
	return attached;
}

static void run_wait(const struct command *command)
{
	double wanted, seconds = 10;
	int64_t deadline;

	if (!read_number(command, 1, true, 0, &wanted) || !read_number(command, 2, false, 0, &seconds))
		return;
	deadline = now_ns(CLOCK_MONOTONIC) + (int64_t)(seconds * NS_PER_SECOND);
	while (count_attached() < wanted && now_ns(CLOCK_MONOTONIC) < deadline)
		sleep_ns(1000000);
	printf("{\"command\": \"wait\", \"attached\": %s}\n", count_attached() >= wanted ? "true" : "false");
}

static const struct {
	const char *name;
	void (*run)(const struct command *command);
} commands[] = {
	{ "blocks", run_blocks }, { "events", run_events }, { "flood", run_flood },	      { "hit", run_hit },
	{ "replay", run_replay }, { "odd", run_odd },	    { "semaphores", run_semaphores }, { "wait", run_wait },
};

static void run(const struct command *command)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, command->words[0]))
			return commands[i].run(command);
	refuse("unknown command", command->words[0]);
}

/* Ends with the word quit or with stdin. */
static void obey(void)
{
	char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, stdin) >= 0) {
		struct command command = { 0 };
		char *rest = line;

		while (command.count < MAX_WORDS && (command.words[command.count] = strtok_r(rest, " \t\n", &rest)))
			command.count++;
		if (!command.count)
			continue;
		if (!strcmp(command.words[0], "quit"))
			break;
		run(&command);
		if (record)
			fflush(record);
		fflush(stdout);
	}
	free(line);
}

/* --- start and end --- */

static void *handle_signals(void *set)
{
	for (int signal; !sigwait(set, &signal);) {
		if (signal == SIGHUP) {
			reopen_debug_log = true;
			continue;
		}
		if (record) {
			flockfile(record); /* for good: what is recorded ends in a whole line */
			fflush(record);
		}
		_exit(0);
	}
	return NULL;
}

/* One thread takes all signals, so that no sleep or read elsewhere has to be prepared for them. */
static void start_signal_thread(void)
{
	static sigset_t set;
	pthread_t thread;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, handle_signals, &set);
	pthread_detach(thread);
}

static void fail(const char *reason, const char *about)
{
	fprintf(stderr, "demo-node: %s: %s\n", about, reason);
	exit(1);
}

static void read_number_option(const char *name, double lowest, double *number)
{
	if (!is_number(optarg, lowest, number))
		fail("not a number that will do", name);
}

/* The _only form, because bitcoind spells its options with one dash. */
static void read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "interval", required_argument, NULL, 'i' }, { "blocks", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 's' },     { "height", required_argument, NULL, 'h' },
		{ "datadir", required_argument, NULL, 'd' },  { "record", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 't' },  { "always", no_argument, NULL, 'a' },
		{ "control", no_argument, NULL, 'c' },	      { "help", no_argument, NULL, 'u' },
		{ 0 },
	};
	int index = 0;

	for (int option; (option = getopt_long_only(argc, argv, "", known, &index)) != -1;) {
		switch (option) {
		case 'i': read_number_option("--interval", 0, &options.interval); break;
		case 'b': read_number_option("--blocks", 0, &options.blocks); break;
		case 's': read_number_option("--seed", 0, &options.seed); break;
		case 'h': read_number_option("--height", 0, &options.height); break;
		case 't': read_number_option("--threads", 1, &options.threads); break;
		case 'd': options.datadir = optarg; break;
		case 'r': options.record = optarg; break;
		case 'a': always = true; break;
		case 'c': options.control = true; break;
		case '?': exit(1); /* getopt has said why */
		default: fputs(usage, stdout); exit(0);
		}
	}
	if (optind < argc)
		fail("unexpected argument", argv[optind]);
}

static void open_files(void)
{
	static char path[PATH_MAX];

	if (options.record && !(record = fopen(options.record, "ae")))
		fail(strerror(errno), options.record);
	if (!options.datadir)
		return;
	snprintf(path, sizeof(path), "%s/debug.log", options.datadir);
	debug_log_path = path;
	if (!open_debug_log())
		fail(strerror(errno), path);
	fputs("\n\n\n\n\n", debug_log); /* as bitcoind does */
	log_line("Demo node: none of these blocks exists (seed %.0f)", options.seed);
}

int main(int argc, char **argv)
{
	page_size = sysconf(_SC_PAGESIZE);
	read_options(argc, argv);
	start_signal_thread();
	open_files();
	if (options.control)
		obey();
	else
		relay_for_ever();
	return 0;
}
