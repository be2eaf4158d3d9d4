/*
 * A node with the tracepoints of Bitcoin Core, as that version has them that it is compiled for: -DVERSION=29. -DPROPOSED adds
 * those of bitcoin/bitcoin#35368. It answers each line from stdin with a line of JSON:
 *
 *   fire PROBE VALUES…   one hit, with the values that fire() reads; the last text may hold blanks
 *   load RATE SECONDS    hits of net, mempool and utxocache from two threads, and what they add up to by tracepoint and label
 *   hit PROBE COUNT      hits flat out, and the CPU time of one
 *   wait PROBES SECONDS  until so many tracepoints are attached
 */
#ifndef VERSION
#define VERSION 31
#endif

#if VERSION >= 29
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#if VERSION >= 26
typedef int32_t vsize_t;
#else
typedef uint64_t vsize_t;
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096
#define NS 1000000000LL

#define PROBES_23(X)                                                                                                                      \
	X(net, inbound_message) X(net, outbound_message) X(validation, block_connected) X(utxocache, flush) X(utxocache, add)             \
	X(utxocache, spent) X(utxocache, uncache)
#define PROBES_25(X) X(mempool, added) X(mempool, removed) X(mempool, replaced) X(mempool, rejected)
#define PROBES_29(X)                                                                                                                      \
	X(net, inbound_connection) X(net, outbound_connection) X(net, evicted_inbound_connection) X(net, closed_connection)               \
	X(net, misbehaving_connection)

/* Arguments are prepared for nobody since 29. */
#if VERSION >= 29
#define SEMAPHORE(provider, name) volatile unsigned short provider##_##name##_semaphore __attribute__((used, section(".probes")));
#define ACTIVE(provider, name) (provider##_##name##_semaphore > 0)
#define IS_ATTACHED(provider, name) +ACTIVE(provider, name)
PROBES_23(SEMAPHORE)
PROBES_25(SEMAPHORE)
PROBES_29(SEMAPHORE)
#ifdef PROPOSED
SEMAPHORE(net, block_header)
SEMAPHORE(net, compact_block_reconstructed)
#endif
static int attached_probes(void)
{
	return PROBES_23(IS_ATTACHED) PROBES_25(IS_ATTACHED) PROBES_29(IS_ATTACHED);
}
#else
#define ACTIVE(provider, name) true
static int attached_probes(void)
{
	return 0;
}
#endif

static const unsigned char hash[32] = { 1, 2, 3 };
static const char peer_address[] = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";

/* A payload of any size ends where the memory does. */
static unsigned char *payload_end;

static void make_payload(void)
{
	unsigned char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	payload_end = pages + PAGE;
	for (int i = 0; i < PAGE; i++)
		pages[PAGE - 1 - i] = i * 7;
	munmap(payload_end, PAGE);
}

/* What a thread fired. */
struct total {
	const char *probe, *label;
	uint64_t hits, sums[3];
};
static __thread struct total totals[128];

static void add(const char *probe, const char *label, uint64_t a, uint64_t b, uint64_t c)
{
	struct total *total = totals;

	while (total->probe && (total->probe != probe || total->label != label))
		total++;
	*total = (struct total){ probe, label, total->hits + 1, { total->sums[0] + a, total->sums[1] + b, total->sums[2] + c } };
}

static void inbound_message(const char *type, uint64_t size)
{
	if (ACTIVE(net, inbound_message))
		STAP_PROBE6(net, inbound_message, (int64_t)7, peer_address, "inbound", type, size,
			    payload_end - (size < PAGE ? size : PAGE));
	add("net:inbound_message", type, size, 0, 0);
}

static void outbound_message(const char *type, uint64_t size)
{
	if (ACTIVE(net, outbound_message))
		STAP_PROBE6(net, outbound_message, (int64_t)8, peer_address, "outbound-full-relay", type, size,
			    payload_end - (size < PAGE ? size : PAGE));
	add("net:outbound_message", type, size, 0, 0);
}

static void connected_block(int64_t duration)
{
	if (ACTIVE(validation, block_connected))
		STAP_PROBE6(validation, block_connected, hash, (int32_t)900000, (uint64_t)3000, (int32_t)7000, (uint64_t)9000, duration);
}

static void flush(int64_t duration, uint32_t mode, uint64_t coins, uint64_t bytes)
{
	static const char *const modes[] = { "none", "if_needed", "periodic", "force_flush", "force_sync", "other" };

	if (ACTIVE(utxocache, flush))
		STAP_PROBE5(utxocache, flush, duration, mode, coins, bytes, (bool)false);
	add("utxocache:flush", modes[mode < 5 ? mode : 5], duration > 0 ? duration : 0, coins, bytes);
}

#define COIN(name, value)                                                                                                                 \
	do {                                                                                                                              \
		if (ACTIVE(utxocache, name))                                                                                              \
			STAP_PROBE5(utxocache, name, hash, (uint32_t)1, (uint32_t)900000, (int64_t)(value), (bool)false);                 \
		add("utxocache:" #name, "", 0, 0, 0);                                                                                     \
	} while (0)

#if VERSION >= 25
static void added(vsize_t vsize, int64_t fee)
{
	if (ACTIVE(mempool, added))
		STAP_PROBE3(mempool, added, hash, vsize, fee);
	add("mempool:added", "", vsize, fee, 0);
}

static void removed(const char *reason, vsize_t vsize, int64_t fee)
{
	if (ACTIVE(mempool, removed))
		STAP_PROBE5(mempool, removed, hash, reason, vsize, fee, (uint64_t)1700000000);
	add("mempool:removed", reason, vsize, fee, 0);
}

static void replaced(vsize_t vsize, int64_t fee)
{
	if (ACTIVE(mempool, replaced))
#if VERSION >= 29
		STAP_PROBE8(mempool, replaced, hash, vsize, fee, (uint64_t)1700000000, hash, vsize, fee, (bool)true);
#else
		STAP_PROBE7(mempool, replaced, hash, vsize, fee, (uint64_t)1700000000, hash, vsize, fee);
#endif
	add("mempool:replaced", "", vsize, fee, 0);
}

static void rejected(const char *reason)
{
	if (ACTIVE(mempool, rejected))
		STAP_PROBE2(mempool, rejected, hash, reason);
	add("mempool:rejected", reason, 0, 0, 0);
}
#endif

#if VERSION >= 29
#define CONNECTION(name, type, network)                                                                                                   \
	do {                                                                                                                              \
		if (ACTIVE(net, name))                                                                                                    \
			STAP_PROBE5(net, name, (int64_t)9, peer_address, type, (uint32_t)(network), (uint64_t)11);                        \
	} while (0)

static void misbehaving(const char *reason)
{
	if (ACTIVE(net, misbehaving_connection))
		STAP_PROBE2(net, misbehaving_connection, (int64_t)9, reason);
}
#endif

#define IS(name) (!strcmp(probe, name))

static void fire(const char *probe, char *values)
{
	char word[32] = "";
	long a = 0, b = 0, c = 0, d = 0;

	if (sscanf(values, "%ld %ld %ld %ld", &a, &b, &c, &d) < 1)
		sscanf(values, "%31s %ld %ld", word, &a, &b);
	if (IS("net:inbound_message"))
		inbound_message(word, a);
	else if (IS("net:outbound_message"))
		outbound_message(word, a);
	else if (IS("validation:block_connected"))
		connected_block(a);
	else if (IS("utxocache:flush"))
		flush(a, b, c, d);
	else if (IS("utxocache:add"))
		COIN(add, a);
	else if (IS("utxocache:spent"))
		COIN(spent, a);
	else if (IS("utxocache:uncache"))
		COIN(uncache, a);
#if VERSION >= 25
	else if (IS("mempool:added"))
		added(a, b);
	else if (IS("mempool:removed"))
		removed(word, a, b);
	else if (IS("mempool:replaced"))
		replaced(a, b);
	else if (IS("mempool:rejected"))
		rejected(values);
#endif
#if VERSION >= 29
	else if (IS("net:inbound_connection"))
		CONNECTION(inbound_connection, "inbound", a);
	else if (IS("net:outbound_connection"))
		CONNECTION(outbound_connection, word, a);
	else if (IS("net:evicted_inbound_connection"))
		CONNECTION(evicted_inbound_connection, "inbound", a);
	else if (IS("net:closed_connection"))
		CONNECTION(closed_connection, word, a);
	else if (IS("net:misbehaving_connection"))
		misbehaving(values);
#endif
#ifdef PROPOSED
	else if (IS("net:block_header"))
		STAP_PROBE4(net, block_header, (int32_t)900000, (int64_t)9, (bool)a, hash);
	else if (IS("net:compact_block_reconstructed"))
		STAP_PROBE7(net, compact_block_reconstructed, (int64_t)9, (uint32_t)a, (uint32_t)b, (uint32_t)c, (uint32_t)d,
			    (uint32_t)100, hash);
#endif
	memset(totals, 0, sizeof(totals));
}

static void fire_one_of_many(uint64_t i)
{
	static const char *const types[] = { "inv", "tx", "getdata", "ping", "addrv2", "unheard-of" };
	static const char *const reasons[] __attribute__((unused)) = { "expiry", "sizelimit", "reorg", "block", "conflict", "replaced" };
	static const char *const rejections[] __attribute__((unused)) = { "min relay fee not met", "bad-txns-inputs-missingorspent", "something else" };
	uint64_t round = i / 20;

	switch (i % 20) {
	case 0 ... 7:
		return inbound_message(types[round % COUNT(types)], 32 + i % 1000);
	case 8 ... 10:
		return outbound_message(types[round % COUNT(types)], 48 + i % 2000);
#if VERSION >= 25
	case 11 ... 12:
		return added(110 + i % 500, 200 + i % 1000);
	case 13:
		return removed(reasons[round % COUNT(reasons)], 110 + i % 500, 200 + i % 1000);
	case 14:
		if (round % 2)
			return replaced(150 + i % 100, 300 + i % 100);
		return rejected(rejections[round % COUNT(rejections)]);
#endif
	case 15 ... 17:
		COIN(add, i);
		return;
	case 18:
		COIN(spent, i);
		return;
	}
	if (round % 100 == 0)
		flush((int64_t)(i % 4000000) - 1000, round / 100 % 7, i % 5000, i % 700000);
	else if (round % 500 == 1)
		inbound_message("cmpctblock", 13000);
	else
		COIN(uncache, i);
}

static double load_rate, load_seconds;
static struct total all[256];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS + time.tv_nsec;
}

static void add_to_all(void)
{
	pthread_mutex_lock(&adding);
	for (struct total *total = totals; total->probe; total++) {
		struct total *sum = all;

		while (sum->probe && (strcmp(sum->probe, total->probe) || strcmp(sum->label, total->label)))
			sum++;
		sum->probe = total->probe;
		sum->label = total->label;
		sum->hits += total->hits;
		for (int i = 0; i < 3; i++)
			sum->sums[i] += total->sums[i];
	}
	pthread_mutex_unlock(&adding);
}

/* A thread's half of the load, in steps of a millisecond. */
static void *load(void *unused)
{
	uint64_t in_step = load_rate / 2 / 1000, i = 0;
	int64_t next = now_ns(CLOCK_MONOTONIC), end = next + load_seconds * NS;

	memset(totals, 0, sizeof(totals));
	while (next < end) {
		struct timespec deadline;

		for (uint64_t step = 0; step < in_step; step++)
			fire_one_of_many(i++);
		next += NS / 1000;
		deadline = (struct timespec){ next / NS, next % NS };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	}
	add_to_all();
	return unused;
}

static void run_load(void)
{
	int64_t begin = now_ns(CLOCK_MONOTONIC);
	const char *separator = "";
	uint64_t hits = 0;
	pthread_t other;

	memset(all, 0, sizeof(all));
	pthread_create(&other, NULL, load, NULL);
	load(NULL);
	pthread_join(other, NULL);
	printf("{\"seconds\": %.3f, \"totals\": {", (double)(now_ns(CLOCK_MONOTONIC) - begin) / NS);
	for (struct total *total = all; total->probe; total++) {
		printf("%s\"%s %s\": [%llu, %llu, %llu, %llu]", separator, total->probe, total->label, (unsigned long long)total->hits,
		       (unsigned long long)total->sums[0], (unsigned long long)total->sums[1], (unsigned long long)total->sums[2]);
		separator = ", ";
		hits += total->hits;
	}
	printf("}, \"hits\": %llu}\n", (unsigned long long)hits);
}

static void run_hit(const char *probe, long count)
{
	int64_t cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);

	for (long i = 0; i < count; i++)
		if (IS("utxocache:add"))
			COIN(add, i);
		else
			inbound_message(i % 2 ? "inv" : "getdata", 32);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	memset(totals, 0, sizeof(totals));
	printf("{\"cpu_ns_per_hit\": %.2f}\n", (double)cpu / count);
}

static void run_wait(int probes, double seconds)
{
	int64_t end = now_ns(CLOCK_MONOTONIC) + seconds * NS;

	while (attached_probes() != probes && now_ns(CLOCK_MONOTONIC) < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	printf("{\"attached\": %s}\n", attached_probes() == probes ? "true" : "false");
}

int main(void)
{
	char line[512], probe[64];
	double seconds = 0;
	long count;
	int at;

	make_payload();
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "load %lf %lf", &load_rate, &load_seconds) == 2) {
			run_load();
		} else if (sscanf(line, "hit %63s %ld", probe, &count) == 2) {
			run_hit(probe, count);
		} else if (sscanf(line, "wait %ld %lf", &count, &seconds) >= 1) {
			run_wait(count, seconds);
		} else {
			if (sscanf(line, "fire %63s %n", probe, &at) == 1)
				fire(probe, line + at);
			puts("{}");
		}
		fflush(stdout);
	}
	return 0;
}
