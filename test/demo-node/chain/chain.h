/* The chain that the blocks form: each header names the block before it, and its hash is the block's. */
#include "sha256.h"

#include <pthread.h>

#define HEADER_SIZE 80
#define REMEMBERED 256 /* blocks below the tip: as deep as a reorganisation can go */

struct place {
	uint64_t number; /* of the invented block */
	int32_t height;
	uint8_t header[HEADER_SIZE];
	uint8_t hash[32];
};

static struct {
	pthread_mutex_t lock;
	uint64_t seed, next_number;
	int32_t start, height; /* of the block before the first, and of the tip */
	uint8_t hashes[REMEMBERED][32];
} chain = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint8_t *hash_at(int32_t height)
{
	return chain.hashes[(uint32_t)height % REMEMBERED];
}

static void begin_chain(uint64_t seed, int32_t first_height)
{
	chain.seed = seed;
	chain.start = chain.height = first_height - 1;
	double_sha256((const uint8_t *)&seed, sizeof(seed), hash_at(chain.height));
}

static void put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* A place upon another block; branches differ in what they hold. */
static struct place place_on(const uint8_t previous[32], int32_t height, uint64_t number, uint64_t branch)
{
	struct place place = { .number = number, .height = height };
	uint64_t word = mix(mix(chain.seed) + number) ^ mix(branch);

	put_u32(place.header, 0x20000000);
	memcpy(place.header + 4, previous, 32);
	for (int i = 0; i < 4; i++, word = mix(~word))
		memcpy(place.header + 36 + 8 * i, &word, 8);
	put_u32(place.header + 68, 1767225600 + 600 * number);
	put_u32(place.header + 72, 0x1701f0cc);
	put_u32(place.header + 76, word);
	double_sha256(place.header, HEADER_SIZE, place.hash);
	return place;
}

static void become_tip(int32_t height, const uint8_t hash[32])
{
	chain.height = height;
	memcpy(hash_at(height), hash, 32);
}

/* The next place of the chain, from whichever thread. */
static struct place claim_place(void)
{
	struct place place;

	pthread_mutex_lock(&chain.lock);
	place = place_on(hash_at(chain.height), chain.height + 1, chain.next_number++, 0);
	become_tip(place.height, place.hash);
	pthread_mutex_unlock(&chain.lock);
	return place;
}
