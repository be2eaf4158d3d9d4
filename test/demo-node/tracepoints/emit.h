/* Firing events where somebody listens, and keeping what was fired. */
#include <sys/prctl.h>
#include <unistd.h>

struct tally {
	uint64_t fired[PROBE_COUNT];
};

static bool always;  /* fire and record whether or not a tracer is attached */
static FILE *record; /* every fired event goes here, a line each */

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

static bool is_wanted(enum probe probe)
{
	return probes[probe].semaphore && (always || *probes[probe].semaphore);
}

/* Fires an event if its semaphore is up, counts it and records it. */
static bool emit(const struct event *event, struct tally *tally)
{
	int64_t fired_ns;

	if (!is_wanted(event->probe))
		return false;
	fired_ns = record ? now_ns(CLOCK_MONOTONIC) : 0;
	fire(event);
	tally->fired[event->probe]++;
	if (event->probe >= BLOCK_PROBES)
		count_event(event);
	if (record) /* after firing: writing a text would fault its page in */
		record_event(event, fired_ns);
	return true;
}
