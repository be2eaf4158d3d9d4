/* Numbers that a seed decides, and clocks. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND 1000000000LL
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static void sleep_until(int64_t deadline_ns)
{
	struct timespec deadline = { deadline_ns / NS_PER_SECOND, deadline_ns % NS_PER_SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

static void sleep_ns(int64_t duration_ns)
{
	sleep_until(now_ns(CLOCK_MONOTONIC) + duration_ns);
}

/* The finalizer of SplitMix64: a bijection, so different numbers give different results. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t next_random(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15);
}

static double uniform(uint64_t *state, double low, double high)
{
	return low + (high - low) * (next_random(state) >> 11) * 0x1p-53;
}

static bool chance(uint64_t *state, double probability)
{
	return uniform(state, 0, 1) < probability;
}

/* Delays on a network: many near the median, a few far above it. */
static double log_normal(uint64_t *state, double median, double sigma)
{
	double radius = sqrt(-2 * log(1 - uniform(state, 0, 1)));

	return median * exp(sigma * radius * cos(uniform(state, 0, 2 * M_PI)));
}
