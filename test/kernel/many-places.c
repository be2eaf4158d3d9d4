/* A node with one tracepoint at 100 places. Fires them all for each line from stdin, and answers it with a line of JSON. */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <stdio.h>

volatile unsigned short udp_block_send_start_semaphore __attribute__((used, section(".probes")));

static const char hash[] = "00000000000000000001a2b3c4d5e6f700000000000000000001a2b3c4d5e6f7";

#define ONE STAP_PROBE2(udp, block_send_start, hash, 5LL);
#define TEN ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE

int main(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
		puts("{}");
		fflush(stdout);
	}
	return 0;
}
