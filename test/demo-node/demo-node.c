/*
 * A demo node: relays invented blocks through the real tracepoints of a FIBRE node, or of Bitcoin Core, with semaphores and all.
 * It fires, records, replays and floods on command, and so is what the tests, the bench and the demo measure.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "random.h"
#include "tracepoints/probes.h"
#include "tracepoints/fire.h"
#include "tracepoints/json.h"
#include "tracepoints/totals.h"
#include "tracepoints/emit.h"
#include "chain/chain.h"
#include "chain/blocks.h"
#include "chain/events.h"
#include "log.h"
#include "relay/peers.h"
#include "relay/messages.h"
#include "relay/delivery.h"
#include "relay/schedule.h"
#include "relay/relay.h"
#include "relay/catch-up.h"
#include "load/load.h"
#include "load/block-load.h"
#include "replay.h"
#include "odd.h"
#include "options.h"
#include "commands.h"

/* --- relaying by itself --- */

static void relay_next_block(int64_t begin, int64_t *connected, struct tally *tally)
{
	struct block block;

	if (options.no_messages) {
		sleep_until(begin);
		invent_next_block(&block);
		fire_events(&block, true, tally);
		return;
	}
	if (begin < *connected + MS)
		begin = *connected + MS;
	do_steps(begin, tally);
	flush_files();
	sleep_until(begin);
	*connected = plan_next_block(begin, BY_CHANCE);
}

static void relay_for_ever(void)
{
	int64_t start, interval_ns = options.interval * NS_PER_SECOND, connected = 0;
	struct tally tally = { 0 };

	printf("demo node: pid %d, seed %.0f, relaying a block every %g s\n", getpid(), options.seed, options.interval);
	fflush(stdout);
	catch_up(options.catch_up, CATCH_UP_RATE, &tally);
	start = now_ns(CLOCK_MONOTONIC);
	for (uint64_t i = 1; !options.blocks || i <= options.blocks; i++) {
		relay_next_block(start + i * interval_ns, &connected, &tally);
		if (options.reorg && i % 10 == 0 && options.reorg <= deepest_reorganisation()) {
			do_steps(NEVER, &tally);
			reorganise(options.reorg, &tally);
		}
		flush_files();
	}
	do_steps(NEVER, &tally);
}

/* --- start and end --- */

/* Load that options started ends with the node. */
static void finish_load(void)
{
	if (!is_loading())
		return;
	end_load();
	answer_totals("totals");
	fflush(stdout);
}

/* For good: what was written ends in a whole line. */
static void hold(FILE *file)
{
	if (!file)
		return;
	flockfile(file);
	fflush(file);
}

static void *handle_signals(void *set)
{
	for (int signal; !sigwait(set, &signal);) {
		if (signal == SIGHUP) {
			reopen_debug_log = true;
			continue;
		}
		finish_load();
		hold(record);
		hold(history);
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

static void open_files(void)
{
	static char path[PATH_MAX];

	if (options.record && !(record = fopen(options.record, "ae")))
		fail(strerror(errno), options.record);
	if (options.history && !(history = fopen(options.history, "ae")))
		fail(strerror(errno), options.history);
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
	prctl(PR_SET_TIMERSLACK, 1000); /* ns: messages are on time */
	begin_chain(options.seed, options.height);
	fill_payload();
	start_load(0);
	if (options.control)
		obey();
	else
		relay_for_ever();
	finish_load();
	return 0;
}
