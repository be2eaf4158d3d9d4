/*
 * The one kernel program of fibre-agent. It knows no tracepoint: user space writes, for each place in bitcoind where a
 * tracepoint fires, a `struct spec` that says where its arguments are, and attaches with the spec's number and its target's as cookie.
 *
 * Hits of several threads run at once, are preempted and sleep. Since Linux 6.13 a function with 64 bytes of stack or more gets
 * a stack for each CPU, on which such hits overwrite each other: every function here uses 48 at most, and the build checks it.
 *
 * record_event writes one record a hit to a ring buffer; count_event adds to totals for tracepoints too hot for that.
 * Every struct here is read by user space through this object's BTF, so this file is the only statement of their layout.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

/* For 128 nodes, with 64 places of tracepoints (MAX_SITES in user space) and 128 labels each; they take 4 MB together. */
#define MAX_SPECS 8192
#define MAX_ARGUMENTS 12
#define MAX_TOTALS 16384
#define MAX_SHARES 1024

/* A register is found by its byte offset in pt_regs: 168 bytes on x86-64, 272 on arm64 (user_pt_regs). */
#define REGISTERS 34

/* An onion v3 address with its port takes 69 bytes, a hash in hex 65; the coinbase script (100 bytes) in hex 201. */
#define SLOT_LENGTH 128
#define SLOTS 4
#define HASH_LENGTH 32

/* Totals are kept by the start of a text, such as a message type (12 bytes in Bitcoin's protocol). */
#define LABEL_LENGTH 32

enum place { PLACE_UNKNOWN, PLACE_CONSTANT, PLACE_REGISTER, PLACE_MEMORY, PLACE_INDEXED };
enum type { TYPE_SKIP, TYPE_UNSIGNED, TYPE_SIGNED, TYPE_TEXT, TYPE_HASH };

struct argument {
	__u8 place;
	__u8 type;
	__u8 size;	/* bytes: 1, 2, 4 or 8 */
	__u8 base;	/* register, in units of 8 bytes of pt_regs */
	__u8 index;
	__u8 scale;	/* shift of the index */
	__u8 slot;	/* of the record, for a text or hash */
	__u8 slots;	/* that a text may fill: 1 or 2 */
	__s64 offset;	/* or the constant */
};

struct spec {
	__u32 target;		/* user space's number of the process */
	__u32 pid;		/* of the process, as the agent sees it */
	__u16 tracepoint;	/* user space's number of the tracepoint */
	__u16 count;		/* arguments that follow */
	__u32 share;		/* of the ring, that the process has */
	struct argument arguments[MAX_ARGUMENTS];
};

struct record {
	__u64 stamp;		/* CLOCK_MONOTONIC, ns */
	__u32 target;
	__u16 tracepoint;
	__u16 count;		/* arguments that this build of bitcoind passes */
	__u32 failed;		/* bit i: argument i could not be read */
	__u32 share;
	__s64 numbers[MAX_ARGUMENTS];	/* scalars */
	char slots[SLOTS][SLOT_LENGTH];	/* not zeroed: a text ends at its NUL */
};

/* Hits of a spec that were not told, or not yet. */
struct state {
	__u64 lost;
	__u64 asleep_since;	/* CLOCK_MONOTONIC, ns: when the first of those began that are asleep */
	__u32 asleep;		/* hits that wait for a page of bitcoind's memory just now */
};

/* Records of a process that the ring took and gave back: the reader counts the latter, in the map's memory. */
struct share {
	__u32 written;
	__u32 taken;
};

struct total_key {
	__u32 target;
	__u32 tracepoint;
	char label[LABEL_LENGTH];
};

struct total {
	__u64 count;
	__u64 sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SPECS);
	__type(key, __u32);
	__type(value, struct spec);
} specs SEC(".maps");

/* By spec. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SPECS);
	__type(key, __u32);
	__type(value, struct state);
} states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);	/* user space sets it before loading */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SHARES);
	__type(key, __u32);
	__type(value, struct share);
} shares SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TOTALS);
	__type(key, struct total_key);
	__type(value, struct total);
} totals SEC(".maps");

/* Set before loading. */
struct settings {
	__u32 registers_size;	/* bytes of pt_regs on this machine */
	__u32 sleepable;	/* may page in what bitcoind has not touched yet */
	__u64 namespace_device;	/* the agent's PID namespace, where that is not the machine's own */
	__u64 namespace_inode;
	__u64 ring_bytes;
	__u64 wake_bytes;	/* unread bytes at which a reader that drains by timer is woken all the same */
};

const volatile struct settings settings = { .registers_size = 168 };

/* Set while running. */
volatile struct reader {
	__u32 draining;	/* it comes back by itself soon, so it need not be woken for each record */
	__u32 shared;	/* the ring is several processes' */
	struct record *record[0];	/* nothing but a mention, which keeps the record's layout in BTF */
} reader = {};

/* Hits of all specs that may be asleep just now; user space reads it. A map of its own: what user space writes must not touch it. */
__u64 sleeping SEC(".data.sleeping") = 0;

static __always_inline __u32 current_pid(void)
{
	struct bpf_pidns_info ns = {};

	if (!settings.namespace_inode)
		return bpf_get_current_pid_tgid() >> 32;
	if (bpf_get_ns_current_pid_tgid(settings.namespace_device, settings.namespace_inode, &ns, sizeof(ns)))
		return 0;
	return ns.tgid;
}

/* Some 6.6 to 6.9 kernels hand a link's program the hits of other processes too. */
static __always_inline bool is_of_process(const struct spec *spec)
{
	__u32 pid = current_pid();

	/* A process in a namespace below the agent's has no number that both know; its link filters alone. */
	return !pid || pid == spec->pid;
}

/* NULL where the hit is of a link that was let go of, which goes on for a moment: its spec may be another attachment's by now. */
static __always_inline struct spec *find_spec(__u64 cookie)
{
	__u32 key = cookie;
	struct spec *spec = bpf_map_lookup_elem(&specs, &key);

	return spec && spec->target == cookie >> 32 && is_of_process(spec) ? spec : NULL;
}

static __always_inline struct share *share_of(const struct spec *spec)
{
	__u32 key = spec->share;

	return bpf_map_lookup_elem(&shares, &key);
}

static __always_inline void count_lost(__u32 key)
{
	struct state *state = bpf_map_lookup_elem(&states, &key);

	if (state)
		__sync_fetch_and_add(&state->lost, 1);
}

static __noinline void fall_asleep(__u32 key)
{
	struct state *state = bpf_map_lookup_elem(&states, &key);

	__sync_fetch_and_add(&sleeping, 1);
	if (!state)
		return;
	if (!state->asleep)
		state->asleep_since = bpf_ktime_get_ns();
	__sync_fetch_and_add(&state->asleep, 1);
}

static __noinline void wake(__u32 key)
{
	struct state *state = bpf_map_lookup_elem(&states, &key);

	if (state)
		__sync_fetch_and_add(&state->asleep, -1);
	__sync_fetch_and_add(&sleeping, -1);
}

/*
 * The verifier takes loads from the context at constant offsets alone, and a helper's call for each costs a hit 15 % more.
 * Older verifiers do not see that a case is out of range, so those that x86-64 lacks stand behind a constant.
 */
#define LOAD(n) case n: asm volatile("%0 = *(u64 *)(%1 + 8 * " #n ")" : "=r"(word) : "r"(ctx)); break;

static __always_inline __u64 read_register(const void *ctx, __u32 number)
{
	__u64 word = 0;

	if (number < 21) {
		switch (number) {
		LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5)
		LOAD(6) LOAD(7) LOAD(8) LOAD(9) LOAD(10) LOAD(11)
		LOAD(12) LOAD(13) LOAD(14) LOAD(15) LOAD(16) LOAD(17)
		LOAD(18) LOAD(19) LOAD(20)
		}
	} else if (settings.registers_size > 21 * sizeof(word)) {
		switch (number) {
		LOAD(21) LOAD(22) LOAD(23) LOAD(24) LOAD(25) LOAD(26)
		LOAD(27) LOAD(28) LOAD(29) LOAD(30) LOAD(31) LOAD(32)
		LOAD(33)
		}
	}
	return word;
}

/* The register, or the address in memory, that an argument names. */
static __always_inline __u64 read_place(const void *ctx, const struct argument *argument)
{
	__u64 word;

	if (!ctx || !argument || argument->base >= REGISTERS || argument->index >= REGISTERS)
		return 0;
	word = read_register(ctx, argument->base);
	if (argument->place == PLACE_INDEXED)
		word += read_register(ctx, argument->index) << (argument->scale & 3);
	return argument->place >= PLACE_MEMORY ? word + argument->offset : word;
}

/*
 * Functions that are not static the verifier looks at once, and not at each call, which took 0.1 s at each start. It then knows
 * the context by this name alone, on all kernels, and does not compare what is in there.
 */
struct bpf_user_pt_regs_t {
	__u64 words[REGISTERS];
};

__noinline long read_argument(struct bpf_user_pt_regs_t *ctx, const struct argument *argument, __u64 *value)
{
	__u64 word;
	__u8 shift;

	if (!ctx || !argument || !value || argument->place == PLACE_UNKNOWN)
		return -1;
	if (argument->place == PLACE_CONSTANT) {
		word = argument->offset;
	} else {
		word = read_place(ctx, argument);
		if (argument->place >= PLACE_MEMORY) {
			const void *from = (void *)word;
			__u32 size = argument->size;

			word = 0;
			if (size < 1 || size > 8 || bpf_probe_read_user(&word, size, from))
				return -1;
		}
	}
	shift = (64 - 8 * argument->size) & 63;
	word <<= shift;
	*value = argument->type == TYPE_SIGNED ? (__u64)((__s64)word >> shift) : word >> shift;
	return 0;
}

/* Reads what a text or hash points to. The verifier wants to see that it fits: the last slot is only ever a second one. */
static __always_inline long read_memory(struct record *record, const struct argument *argument, const void *from)
{
	__u32 slot = argument->slot, size = argument->slots * SLOT_LENGTH;

	if (argument->type < TYPE_TEXT)
		return 0;
	if (slot > SLOTS - 2 || size > 2 * SLOT_LENGTH)
		return -1;
	if (argument->type == TYPE_HASH)
		return bpf_probe_read_user(record->slots[slot], HASH_LENGTH, from);
	return bpf_probe_read_user_str(record->slots[slot], size, from) < 0;
}

/* Reads all arguments without sleeping, and marks what could not be read. */
static __noinline long read_arguments(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, struct record *record)
{
	if (!ctx || !spec || !record)
		return -1;
	for (int i = 0; i < MAX_ARGUMENTS && i < spec->count; i++) {
		const struct argument *argument = &spec->arguments[i];
		__u64 value = 0;

		if (argument->type == TYPE_SKIP)
			continue;
		if (read_argument(ctx, argument, &value) || read_memory(record, argument, (void *)value))
			record->failed |= 1 << i;
		record->numbers[i] = value;
	}
	return 0;
}

/* Pages in the two pages that an object of less than a page can touch. May sleep for as long as bitcoind would. */
static __noinline void page_in(__u64 from)
{
	char byte;

	bpf_copy_from_user(&byte, 1, (void *)from);
	bpf_copy_from_user(&byte, 1, (void *)((from | 4095) + 1));
}

__noinline long page_in_argument(struct bpf_user_pt_regs_t *ctx, const struct argument *argument)
{
	__u64 value = 0;

	if (!ctx || !argument || argument->place == PLACE_UNKNOWN)
		return -1;
	if (argument->place >= PLACE_MEMORY && read_argument(ctx, argument, &value))
		page_in(read_place(ctx, argument));
	if (argument->type >= TYPE_TEXT && !read_argument(ctx, argument, &value))
		page_in(value);
	return 0;
}

/* Nonzero if the spec is another attachment's by now. */
static __noinline long page_in_arguments(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 failed, __u64 cookie)
{
	if (!ctx || !spec)
		return -1;
	fall_asleep(cookie);
	for (int i = 0; i < MAX_ARGUMENTS && i < spec->count; i++)
		if (failed & (1 << i))
			page_in_argument(ctx, &spec->arguments[i]);
	wake(cookie);
	return spec->target != cookie >> 32;
}

/* Wakes the reader for a record that finds it asleep; while it drains by timer, only when the ring is filling up. */
static __always_inline __u64 wake_up(void)
{
	__u64 unread;

	if (!reader.draining)
		return 0;
	unread = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	if (unread >= settings.wake_bytes && unread < settings.wake_bytes + sizeof(struct record) + 8)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/*
 * Where several processes have the ring, one whose events come faster than they are read may fill it up to seven times what it
 * leaves free. However many do so, others find room: 1/8 of the ring beside one, 1/15 beside two. A little is each one's
 * without asking what is free.
 */
static __always_inline bool has_room(const struct share *share)
{
	__s64 bytes = (__s32)(share->written - share->taken) * (__s64)(sizeof(struct record) + BPF_RINGBUF_HDR_SZ);

	if (!reader.shared || bytes <= (__s64)(settings.ring_bytes / 256))
		return true;
	return bytes <= 7 * (__s64)(settings.ring_bytes - bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA));
}

static __always_inline struct record *reserve_record(const struct spec *spec, struct share *share, __u64 stamp)
{
	struct record *record;

	if (!has_room(share))
		return 0;
	record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record)
		return 0;
	__sync_fetch_and_add(&share->written, 1);
	record->stamp = stamp;
	record->target = spec->target;
	record->tracepoint = spec->tracepoint;
	record->count = spec->count;
	record->failed = 0;
	record->share = spec->share;
	return record;
}

/*
 * The reader stops at a record that is reserved and not submitted, so nothing sleeps while one is: not all nodes shall wait
 * for a page of one. What cannot be read at once is paged in with the record given back, and then read again.
 */
SEC("uprobe")
int record_event(struct bpf_user_pt_regs_t *ctx)
{
	__u64 stamp = bpf_ktime_get_ns();
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct spec *spec = find_spec(cookie);
	struct share *share;
	struct record *record;
	__u32 failed;

	if (!spec)
		return 0;
	share = share_of(spec);
	if (!share)
		goto lost;
	record = reserve_record(spec, share, stamp);
	if (!record)
		goto lost;
	read_arguments(ctx, spec, record);
	failed = record->failed;
	if (failed && settings.sleepable) {
		__sync_fetch_and_add(&share->written, -1);
		bpf_ringbuf_discard(record, wake_up()); /* the wake-up of a record at the reader's place is the only one */
		if (page_in_arguments(ctx, spec, failed, cookie))
			return 0;
		record = reserve_record(spec, share, stamp);
		if (!record)
			goto lost;
		read_arguments(ctx, spec, record);
	}
	bpf_ringbuf_submit(record, wake_up());
	return 0;
lost:
	count_lost(cookie);
	return 0;
}

static __noinline struct total *new_total(const struct total_key *key)
{
	struct total zero = {};

	if (!key)
		return 0;
	bpf_map_update_elem(&totals, key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&totals, key);
}

static __noinline long count_hit(const struct spec *spec, const void *label, __u64 sum, __u32 spec_key)
{
	struct total_key key = {};
	struct total *total;

	if (!spec)
		return -1;
	key.target = spec->target;
	key.tracepoint = spec->tracepoint;
	if (label && bpf_probe_read_user_str(key.label, sizeof(key.label), label) < 0 && settings.sleepable) {
		fall_asleep(spec_key);
		page_in((__u64)label);
		wake(spec_key);
		bpf_probe_read_user_str(key.label, sizeof(key.label), label);
	}
	total = bpf_map_lookup_elem(&totals, &key);
	if (!total)
		total = new_total(&key);
	if (!total)
		return -1;
	/* Sites fire in several threads at once. */
	__sync_fetch_and_add(&total->count, 1);
	__sync_fetch_and_add(&total->sum, sum);
	return 0;
}

static __always_inline __u64 read_number(struct bpf_user_pt_regs_t *ctx, const struct argument *argument, __u32 spec_key)
{
	__u64 value = 0;

	if (argument->place && read_argument(ctx, argument, &value) && settings.sleepable) {
		fall_asleep(spec_key);
		page_in_argument(ctx, argument);
		wake(spec_key);
		read_argument(ctx, argument, &value);
	}
	return value;
}

/* The spec's first argument is the text to count by, its second the number to add up; either may be PLACE_UNKNOWN. */
SEC("uprobe")
int count_event(struct bpf_user_pt_regs_t *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct spec *spec = find_spec(cookie);
	__u64 label, sum;

	if (!spec)
		return 0;
	label = read_number(ctx, &spec->arguments[0], cookie);
	sum = read_number(ctx, &spec->arguments[1], cookie);
	if (count_hit(spec, (void *)label, sum, cookie))
		count_lost(cookie);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
