/*
 * A node with one tracepoint whose hash lies on a page that is held back until it is told to let go, as a page of a network
 * file system that does not answer is. Obeys "hit", "pass" (fires with another hash, which is there) and "release" from stdin,
 * answers each with a line of JSON.
 */
#define _GNU_SOURCE
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char hash[] = "00000000000000000001a2b3c4d5e6f700000000000000000001a2b3c4d5e6f7";
static const char other_hash[] = "000000000000000000091a2b3c4d5e6f000000000000000000091a2b3c4d5e6f";

volatile unsigned short udp_block_send_start_semaphore __attribute__((used, section(".probes")));

static char *held;
static long page_size;

static __attribute__((noinline)) void fire(const char *text, long long start_us)
{
	STAP_PROBE2(udp, block_send_start, text, start_us);
}

static void *hit(void *unused)
{
	(void)unused;
	fire(held, 5);
	return NULL;
}

/* All on one CPU: what a hit leaves there, the next one finds. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int hold_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int faults = syscall(SYS_userfaultfd, O_CLOEXEC);

	page_size = sysconf(_SC_PAGESIZE);
	held = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range = (struct uffdio_range){ (unsigned long)held, page_size };
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &range)) {
		perror("userfaultfd");
		exit(1);
	}
	return faults;
}

static void release_page(int faults)
{
	struct uffdio_copy copy = { .dst = (unsigned long)held, .len = page_size };
	char *page = calloc(1, page_size);

	memcpy(page, hash, sizeof(hash));
	copy.src = (unsigned long)page;
	ioctl(faults, UFFDIO_COPY, &copy);
	free(page);
}

int main(void)
{
	int faults = hold_page();
	char line[64];
	pthread_t thread;

	stay_on_one_cpu();
	while (fgets(line, sizeof(line), stdin)) {
		struct uffd_msg fault;

		if (!strcmp(line, "hit\n")) {
			pthread_create(&thread, NULL, hit, NULL);
			if (read(faults, &fault, sizeof(fault)) < 0) /* it sleeps inside the tracepoint now */
				return 1;
		} else if (!strcmp(line, "pass\n")) {
			fire(other_hash, 7);
		} else if (!strcmp(line, "release\n")) {
			release_page(faults);
			pthread_join(thread, NULL);
		}
		puts("{}");
		fflush(stdout);
	}
	return 0;
}
