/* Blocks of which an event has difficult arguments. */
#include <sys/mman.h>

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

	for (enum probe probe = 0; probe < BLOCK_PROBES; probe++)
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
