/*
 * A node with one tracepoint of the mempool, as Bitcoin Core has it. For each line "FIRST COUNT" from stdin two threads fire it
 * COUNT times each, with vsizes FIRST, FIRST + 1, …; it answers with a line of JSON.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

/* Core 25 passes 64 bits, later versions 32 with a sign. */
#ifndef VSIZE
#define VSIZE int32_t
#endif

volatile unsigned short mempool_added_semaphore __attribute__((used, section(".probes")));

static const unsigned char txid[32] = { 1, 2, 3 };
static long first, count;

static void *fire(void *unused)
{
	for (long i = 0; i < count; i++)
		if (mempool_added_semaphore)
			STAP_PROBE3(mempool, added, txid, (VSIZE)(first + i), (int64_t)(1000 + i));
	return unused;
}

int main(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		pthread_t other;

		if (sscanf(line, "%ld %ld", &first, &count) != 2)
			count = 0;
		pthread_create(&other, NULL, fire, NULL);
		fire(NULL);
		pthread_join(other, NULL);
		puts("{}");
		fflush(stdout);
	}
	return 0;
}
