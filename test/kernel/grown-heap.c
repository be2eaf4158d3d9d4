/* Linked into a node: memory that the process has written to lies below the program, at first full of zeros, where the kernel allows it. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void *kept;

__attribute__((constructor)) static void grow_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	kept = malloc(64 << 20);
	memset(kept, 0, 64 << 20);
}
