/*
 * The eight tracepoints of a FIBRE node, firing one, and writing what was fired as JSON.
 *
 * -DOLDER builds an older node: no udp:block_reconstruction_detail and no height in udp:block_reconstructed.
 * -DNO_UDP builds a stock node, of whose tracepoints only validation:block_connected concerns us.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000LL
#define MAX_ARGS 7

/* A tracer raises the semaphore while it is attached; like bitcoind we fire only then. */
#define SEMAPHORE(provider, name) \
	volatile unsigned short provider##_##name##_semaphore __attribute__((used, section(".probes")))

SEMAPHORE(validation, block_connected);
#ifndef NO_UDP
SEMAPHORE(udp, block_reconstructed);
SEMAPHORE(udp, block_send_start);
SEMAPHORE(udp, block_coinbase);
SEMAPHORE(udp, block_header_chunk);
SEMAPHORE(udp, block_race_winner);
SEMAPHORE(udp, block_race_time);
#ifndef OLDER
SEMAPHORE(udp, block_reconstruction_detail);
#endif
#endif

enum probe {
	BLOCK_RECONSTRUCTED,
	BLOCK_RECONSTRUCTION_DETAIL,
	BLOCK_SEND_START,
	BLOCK_COINBASE,
	BLOCK_HEADER_CHUNK,
	BLOCK_RACE_WINNER,
	BLOCK_RACE_TIME,
	BLOCK_CONNECTED,
	PROBE_COUNT,
};

enum kind {
	TEXT = 1,     /* C string, hashes in display order included */
	RAW_HASH,     /* 32 raw bytes, little-endian */
	NUMBER,
	PREFIX,       /* first 8 little-endian bytes of the hash; recordings leave out leading zeros */
	FOUR_NUMBERS, /* takes four arguments */
};

/* In the tracepoint's order, with the keys that recordings of real nodes use. */
static const struct {
	const char *name;
	volatile unsigned short *semaphore; /* NULL: not in this build */
	struct {
		const char *key;
		enum kind kind;
	} fields[MAX_ARGS + 1];
} probes[PROBE_COUNT] = {
#ifndef NO_UDP
	[BLOCK_RECONSTRUCTED] = {
		"udp:block_reconstructed", &udp_block_reconstructed_semaphore,
		{ { "block_hash", TEXT }, { "src", TEXT }, { "chunks_used", NUMBER }, { "chunks_recvd", NUMBER },
		  { "num_peers", NUMBER }, { "duration_us", NUMBER },
#ifndef OLDER
		  { "height", NUMBER },
#endif
		} },
#ifndef OLDER
	[BLOCK_RECONSTRUCTION_DETAIL] = {
		"udp:block_reconstruction_detail", &udp_block_reconstruction_detail_semaphore,
		{ { "block_hash", TEXT }, { "height", NUMBER }, { "missing_tx_count", NUMBER },
		  { "missing_tx_bytes", NUMBER }, { "mempool_tx_count", NUMBER }, { "total_tx_count", NUMBER },
		  { "all_from_mempool", NUMBER } } },
#endif
	[BLOCK_SEND_START] = {
		"udp:block_send_start", &udp_block_send_start_semaphore,
		{ { "block_hash", TEXT }, { "send_start_us", NUMBER } } },
	[BLOCK_COINBASE] = {
		"udp:block_coinbase", &udp_block_coinbase_semaphore,
		{ { "block_hash", TEXT }, { "coinbase_hex", TEXT } } },
	[BLOCK_HEADER_CHUNK] = {
		"udp:block_header_chunk", &udp_block_header_chunk_semaphore,
		{ { "hash_prefix", PREFIX }, { "dur_us", FOUR_NUMBERS } } },
	[BLOCK_RACE_WINNER] = {
		"udp:block_race_winner", &udp_block_race_winner_semaphore,
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "winner", TEXT }, { "winner_peer", TEXT } } },
	[BLOCK_RACE_TIME] = {
		"udp:block_race_time", &udp_block_race_time_semaphore,
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "udp_ns", NUMBER }, { "udp_peer", TEXT },
		  { "cmpct_ns", NUMBER }, { "cmpct_peer", TEXT } } },
#endif
	[BLOCK_CONNECTED] = {
		"validation:block_connected", &validation_block_connected_semaphore,
		{ { "block_hash", RAW_HASH }, { "height", NUMBER }, { "tx_count", NUMBER }, { "inputs", NUMBER },
		  { "sigops", NUMBER }, { "connection_time_ns", NUMBER } } },
};

union argument {
	const char *text;
	const uint8_t *raw;
	int64_t number;
};

struct event {
	enum probe probe;
	unsigned int unreadable; /* a bit for each argument that points to no memory: written as null */
	union argument args[MAX_ARGS];
};

struct tally {
	uint64_t fired[PROBE_COUNT];
};

static bool always;   /* fire and record whether or not a tracer is attached */
static FILE *record;  /* every fired event goes here, a line each */

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

/* One site for each tracepoint, so that a binary's notes name each once. */
static __attribute__((noinline)) void fire(const struct event *event)
{
	const union argument *a = event->args;

	switch (event->probe) {
#ifndef NO_UDP
	case BLOCK_RECONSTRUCTED:
#ifdef OLDER
		STAP_PROBE6(udp, block_reconstructed, a[0].text, a[1].text, (uint32_t)a[2].number,
			    (uint32_t)a[3].number, (uint32_t)a[4].number, a[5].number);
		break;
#else
		STAP_PROBE7(udp, block_reconstructed, a[0].text, a[1].text, (uint32_t)a[2].number,
			    (uint32_t)a[3].number, (uint32_t)a[4].number, a[5].number, (int32_t)a[6].number);
		break;
	case BLOCK_RECONSTRUCTION_DETAIL:
		STAP_PROBE7(udp, block_reconstruction_detail, a[0].text, (int32_t)a[1].number, (uint32_t)a[2].number,
			    (uint64_t)a[3].number, (uint32_t)a[4].number, (uint32_t)a[5].number, (uint32_t)a[6].number);
		break;
#endif
	case BLOCK_SEND_START:
		STAP_PROBE2(udp, block_send_start, a[0].text, a[1].number);
		break;
	case BLOCK_COINBASE:
		STAP_PROBE2(udp, block_coinbase, a[0].text, a[1].text);
		break;
	case BLOCK_HEADER_CHUNK:
		STAP_PROBE5(udp, block_header_chunk, (uint64_t)a[0].number, a[1].number, a[2].number, a[3].number, a[4].number);
		break;
/* Clang puts every operand on the stack when it may. gcc, which builds nodes, uses registers too: so do the last three. */
#undef STAP_SDT_ARG_CONSTRAINT
#define STAP_SDT_ARG_CONSTRAINT nr
	case BLOCK_RACE_WINNER:
		STAP_PROBE4(udp, block_race_winner, a[0].raw, (int32_t)a[1].number, a[2].text, a[3].text);
		break;
	case BLOCK_RACE_TIME:
		STAP_PROBE6(udp, block_race_time, a[0].raw, (int32_t)a[1].number, a[2].number, a[3].text, a[4].number, a[5].text);
		break;
#endif
	case BLOCK_CONNECTED:
		STAP_PROBE6(validation, block_connected, a[0].raw, (int32_t)a[1].number, (uint64_t)a[2].number,
			    (int32_t)a[3].number, a[4].number, a[5].number);
		break;
	default:
		break;
	}
}

static void write_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = *text;

		/* All we say is ASCII, but for the event that is not UTF-8 on purpose: each byte of that decodes to U+FFFD. */
		if (byte >= 0x80)
			fputs("\\ufffd", out);
		else if (byte < ' ')
			fprintf(out, "\\u%04x", byte);
		else
			fprintf(out, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
	}
	fputc('"', out);
}

static void write_raw_hash(FILE *out, const uint8_t *raw)
{
	fputc('"', out);
	for (int i = 31; i >= 0; i--)
		fprintf(out, "%02x", raw[i]);
	fputc('"', out);
}

/* The probe and its fields, as members of a JSON object. */
static void write_fields(FILE *out, const struct event *event)
{
	fprintf(out, "\"probe\": \"%s\"", probes[event->probe].name);
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++) {
		const union argument *arg = &event->args[i];
		enum kind kind = probes[event->probe].fields[i].kind;

		fprintf(out, ", \"%s\": ", probes[event->probe].fields[i].key);
		if ((kind == TEXT || kind == RAW_HASH) && (!arg->text || event->unreadable & 1u << i))
			fputs("null", out);
		else if (kind == TEXT)
			write_text(out, arg->text);
		else if (kind == RAW_HASH)
			write_raw_hash(out, arg->raw);
		else if (kind == PREFIX)
			fprintf(out, "\"%llx\"", (unsigned long long)arg->number);
		else if (kind == FOUR_NUMBERS)
			fprintf(out, "[%lld, %lld, %lld, %lld]", (long long)arg[0].number, (long long)arg[1].number,
				(long long)arg[2].number, (long long)arg[3].number);
		else
			fprintf(out, "%lld", (long long)arg->number);
	}
}

static void record_event(const struct event *event, int64_t fired_ns)
{
	char comm[16];

	prctl(PR_GET_NAME, comm);
	flockfile(record);
	fprintf(record, "{\"ts_ns\": %lld, \"node\": \"demo\", \"pid\": %d, \"tid\": %d, \"comm\": ", (long long)fired_ns,
		getpid(), gettid());
	write_text(record, comm);
	fputs(", ", record);
	write_fields(record, event);
	fputs("}\n", record);
	funlockfile(record);
}

/* Fires an event if its semaphore is up, counts it and records it. */
static bool emit(const struct event *event, struct tally *tally)
{
	int64_t fired_ns;

	if (!always && !*probes[event->probe].semaphore)
		return false;
	fired_ns = record ? now_ns(CLOCK_MONOTONIC) : 0;
	fire(event);
	tally->fired[event->probe]++;
	if (record) /* after firing: writing a text would fault its page in */
		record_event(event, fired_ns);
	return true;
}
