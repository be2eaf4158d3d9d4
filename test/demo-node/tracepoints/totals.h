/* What was fired of each tracepoint that is counted by labels: hits and sums, exact from any number of threads. */
#include <pthread.h>
#include <stdatomic.h>

#define MAX_TOTALS 256
#define MAX_SUMS 5
#define LABEL_SIZE 128 /* the longest reason has 118 bytes */

static struct total {
	enum probe probe;
	char label[LABEL_SIZE];
	atomic_uint_fast64_t hits;
	atomic_int_fast64_t sums[MAX_SUMS];
} totals[MAX_TOTALS];
static atomic_int total_count;
static pthread_mutex_t totals_lock = PTHREAD_MUTEX_INITIALIZER;

/* All labels of a hit, one after another. */
static void write_label(char label[LABEL_SIZE], const struct event *event)
{
	char *end = label, *limit = label + LABEL_SIZE - 1;

	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++) {
		if (!(probes[event->probe].fields[i].kind & LABEL))
			continue;
		if (end > label && end < limit)
			*end++ = ' ';
		if (kind_of(event->probe, i) == TEXT)
			for (const char *text = event->args[i].text; *text && end < limit; text++)
				*end++ = *text;
		else if (end < limit)
			*end++ = '0' + event->args[i].number; /* modes, networks and flags are digits */
	}
	*end = 0;
}

static struct total *find_total(int from, int to, enum probe probe, const char *label)
{
	for (int i = from; i < to; i++)
		if (totals[i].probe == probe && !strcmp(totals[i].label, label))
			return &totals[i];
	return NULL;
}

static struct total *total_of(const struct event *event)
{
	char label[LABEL_SIZE];
	int known = total_count;
	struct total *total;

	write_label(label, event);
	total = find_total(0, known, event->probe, label);
	if (total)
		return total;
	pthread_mutex_lock(&totals_lock);
	total = find_total(known, total_count, event->probe, label);
	if (!total && total_count < MAX_TOTALS) {
		total = &totals[total_count];
		total->probe = event->probe;
		strcpy(total->label, label);
		total_count++;
	}
	pthread_mutex_unlock(&totals_lock);
	return total;
}

static void count_event(const struct event *event)
{
	struct total *total = total_of(event);
	int sum = 0;

	if (!total)
		abort(); /* labels are few, or the totals are not exact */
	total->hits++;
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++)
		if (probes[event->probe].fields[i].kind & SUM)
			total->sums[sum++] += event->args[i].number > 0 ? event->args[i].number : 0; /* as agents add up */
}

static void write_total(FILE *out, const struct total *total)
{
	int sum = 0;

	write_text(out, total->label);
	fprintf(out, ": {\"hits\": %llu", (unsigned long long)total->hits);
	for (int i = 0; i < MAX_ARGS && probes[total->probe].fields[i].key; i++)
		if (probes[total->probe].fields[i].kind & SUM)
			fprintf(out, ", \"%s\": %lld", probes[total->probe].fields[i].key, (long long)total->sums[sum++]);
	fputc('}', out);
}

/* As members of a JSON object: for each tracepoint of this build an object by label. */
static void write_totals(FILE *out)
{
	const char *after_probe = "";

	for (int probe = BLOCK_PROBES; probe < PROBE_COUNT; probe++) {
		const char *separator = "";

		if (!probes[probe].semaphore)
			continue;
		fprintf(out, "%s\"%s\": {", after_probe, probes[probe].name);
		for (int i = 0; i < total_count; i++) {
			if (totals[i].probe != (enum probe)probe)
				continue;
			fputs(separator, out);
			write_total(out, &totals[i]);
			separator = ", ";
		}
		fputc('}', out);
		after_probe = ", ";
	}
}
