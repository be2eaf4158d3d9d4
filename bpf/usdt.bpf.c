/*
 * The one kernel program of fibre-agent. It knows no tracepoint: user space writes, for each place in bitcoind where a
 * tracepoint fires, a `struct spec` that says where its arguments are, and attaches with the spec's number and its target's as cookie.
 *
 * Hits of several threads run at once, are preempted and sleep. Since Linux 6.13 a function with 64 bytes of stack or more gets
 * a stack for each CPU, on which such hits overwrite each other: every function here uses 48 at most, and the build checks it.
 *
 * record_event writes one record a hit to a ring buffer. count_event adds to totals, for tracepoints too hot for that, and
 * records the hits that have one of a few texts.
 * Every struct here is read by user space through this object's BTF, so this file is the only statement of their layout.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>

/* For 128 nodes, with 64 places of tracepoints (MAX_SITES in user space) and 1,024 totals each; they take 4 MB together. */
#define MAX_SPECS 8192
#define MAX_ARGUMENTS 12
#define MAX_TOTALS 131072
#define MAX_SHARES 1024

/* Of tracepoints that are counted: of each one, and of all. */
#define MAX_LABELS 3
#define MAX_SUMS 4
#define MAX_BOUNDS 20
#define MAX_HISTOGRAMS 64
#define MAX_TEXTS 1024

/* A register is found by its byte offset in pt_regs: 168 bytes on x86-64, 272 on arm64 (user_pt_regs). */
#define REGISTERS 34

/* An onion v3 address with its port takes 69 bytes, a hash in hex 65; the coinbase script (100 bytes) in hex 201. */
#define MAX_TEXT_LENGTH 256
#define HASH_LENGTH 32
/* 96 bytes hold what is needed of a message that tells of a block. */
#define MAX_BYTES_LENGTH 128
/* Twelve numbers, two texts of 128 bytes and one of 256. */
#define VALUES_LENGTH 608

#define UNREAD (~0ULL)

/* Hits that run at once: many more than a machine has CPUs, since a hit may be preempted. */
#define MAX_DRAFTS 256
#define DRAFT_TRIES 8

/* Above settings.wake_bytes, within which each record wakes a reader that drains by timer. */
#define WAKE_BYTES 4096

/* Texts are told apart by their start, such as a message type (12 bytes in Bitcoin's protocol). */
#define LABEL_LENGTH 32

enum place { PLACE_UNKNOWN, PLACE_CONSTANT, PLACE_REGISTER, PLACE_MEMORY, PLACE_INDEXED };
enum type { TYPE_SKIP, TYPE_UNSIGNED, TYPE_SIGNED, TYPE_TEXT, TYPE_HASH, TYPE_BYTES };

struct argument {
	__u8 place;
	__u8 type;
	__u8 size;	/* bytes: 1, 2, 4 or 8 */
	__u8 base;	/* register, in units of 8 bytes of pt_regs */
	__u8 index;
	__u8 scale;	/* shift of the index */
	__u16 length;	/* bytes that a text may take, its NUL among them, or of which those before are the number */
	__s64 offset;	/* or the constant */
};

/* What hits are told apart by: an argument, and which of the values that are known it has. */
struct label {
	__u8 argument;
	__u8 known;	/* values from 0 on; any other counts as this one */
	__u8 length;	/* bytes of a text that are compared, its NUL among them; 0 of a number */
	__u16 step;	/* from the totals of one value to those of the next */
};

struct spec {
	__u32 target;		/* user space's number of the process */
	__u32 pid;		/* of the process, as the agent sees it */
	__u16 tracepoint;	/* user space's number of the tracepoint */
	__u16 count;		/* arguments that follow */
	__u32 share;		/* of the ring, that the process has */
	struct argument arguments[MAX_ARGUMENTS];

	/* Of a tracepoint that is counted. Totals of hits with the same labels stand together: hits, sums, buckets. */
	__u64 recorded;		/* bit i: hits whose first label has value i are recorded as well */
	__u32 totals;		/* where they begin */
	__u8 labels;
	__u8 sums;
	__u8 bounds;		/* of the histogram; 0 where there is none */
	__u8 measured;		/* its argument */
	__u8 summed[MAX_SUMS];	/* arguments */
	struct label by[MAX_LABELS];
};

/* As long as its values are: those that could be read, in the order of the arguments, each filled up to a multiple of 8 bytes. */
struct record {
	__u64 stamp;		/* CLOCK_MONOTONIC, ns */
	__u32 target;
	__u16 tracepoint;
	__u16 count;		/* arguments that this build of bitcoind passes */
	__u32 failed;		/* bit i: argument i could not be read */
	__u32 share;
	char values[VALUES_LENGTH];	/* a number takes 8 bytes, a hash 32, a text ends at its NUL; bytes are as many as the number before them says */
};

/* A record while its arguments are read, which nobody reads but the hit that holds it. */
struct draft {
	__u32 holders;
	__u32 length;	/* of the values so far; in memory, where the verifier does not follow each of its values */
	__u64 number;	/* the last one, or UNREAD */
	struct record record;
};

/* Hits of a spec that were not told, or not yet. */
struct state {
	__u64 lost;
	__u64 asleep_since;	/* CLOCK_MONOTONIC, ns: when the first of those began that are asleep */
	__u32 asleep;		/* hits that wait for a page of bitcoind's memory just now */
};

/* Bytes of a process that the ring took and gave back: the reader counts the latter, in the map's memory. */
struct share {
	__u32 written;
	__u32 taken;
};

struct text_key {
	__u32 list;
	char text[LABEL_LENGTH];
};

/* Upper bounds of a histogram's buckets, which they are part of. */
struct bounds {
	__u64 upper[MAX_BOUNDS];
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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_DRAFTS);
	__type(key, __u32);
	__type(value, struct draft);
} drafts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_TOTALS);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

/* The texts that labels know, and which value of its label each is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TEXTS);
	__type(key, struct text_key);
	__type(value, __u32);
} texts SEC(".maps");

/* By tracepoint. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_HISTOGRAMS);
	__type(key, __u32);
	__type(value, struct bounds);
} histograms SEC(".maps");

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
} reader = {};

/* Hits of all specs that may be asleep just now; user space reads it. A map of its own: what user space writes must not touch it. */
__u64 sleeping SEC(".data.sleeping") = 0;

/* `ids`: of the thread, as bpf_get_current_pid_tgid gives them. */
static __always_inline __u32 current_pid(__u64 ids)
{
	struct bpf_pidns_info ns = {};

	if (!settings.namespace_inode)
		return ids >> 32;
	if (bpf_get_ns_current_pid_tgid(settings.namespace_device, settings.namespace_inode, &ns, sizeof(ns)))
		return 0;
	return ns.tgid;
}

/* Some 6.6 to 6.9 kernels hand a link's program the hits of other processes too. */
static __always_inline bool is_of_process(const struct spec *spec, __u64 ids)
{
	__u32 pid = current_pid(ids);

	/* A process in a namespace below the agent's has no number that both know; its link filters alone. */
	return !pid || pid == spec->pid;
}

/* NULL where the hit is of a link that was let go of, which goes on for a moment: its spec may be another attachment's by now. */
static __always_inline struct spec *find_spec(__u64 cookie, __u64 ids)
{
	__u32 key = cookie;
	struct spec *spec = bpf_map_lookup_elem(&specs, &key);

	return spec && spec->target == cookie >> 32 && is_of_process(spec, ids) ? spec : NULL;
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

static __always_inline long read_argument_inline(struct bpf_user_pt_regs_t *ctx, const struct argument *argument, __u64 *value)
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

__noinline long read_argument(struct bpf_user_pt_regs_t *ctx, const struct argument *argument, __u64 *value)
{
	return read_argument_inline(ctx, argument, value);
}

/* NULL where it does not have that much room. The verifier wants to see that the address was made of what was compared. */
static __always_inline void *room_in(struct draft *draft, __u32 bytes)
{
	__u32 at = draft->length;

	if (at > VALUES_LENGTH - bytes)
		return 0;
	barrier_var(at);
	return draft->record.values + at;
}

/* As many bytes as the number before them says, up to those that are asked for. */
static __always_inline long add_bytes(struct draft *draft, const struct argument *argument, __u64 from)
{
	__u64 length = draft->number < argument->length ? draft->number : argument->length;
	void *to = room_in(draft, MAX_BYTES_LENGTH);

	if (!to || draft->number == UNREAD || length > MAX_BYTES_LENGTH)
		return -1;
	barrier_var(length);
	if (length && bpf_probe_read_user(to, length, (void *)from))
		return -1;
	return length;
}

/* Adds a value to the draft, and returns its length. */
static __always_inline long add_value(struct draft *draft, const struct argument *argument, __u64 value)
{
	void *to;

	if (argument->type < TYPE_TEXT) {
		to = room_in(draft, sizeof(value));
		if (!to)
			return -1;
		*(__u64 *)to = value;
		draft->number = value;
		return sizeof(value);
	}
	if (argument->type == TYPE_BYTES)
		return add_bytes(draft, argument, value);
	to = room_in(draft, MAX_TEXT_LENGTH);
	if (!to || argument->length > MAX_TEXT_LENGTH)
		return -1;
	if (argument->type == TYPE_HASH)
		return bpf_probe_read_user(to, HASH_LENGTH, (void *)value) ? -1 : HASH_LENGTH;
	return bpf_probe_read_user_str(to, argument->length, (void *)value);
}

/* Reads an argument without sleeping, adds it to the draft, and returns its length there. */
__noinline long add_argument(struct bpf_user_pt_regs_t *ctx, const struct argument *argument, struct draft *draft)
{
	__u64 value = 0;

	if (!ctx || !argument || !draft || read_argument_inline(ctx, argument, &value))
		return -1;
	return add_value(draft, argument, value);
}

/* Reads all arguments without sleeping, and marks what could not be read. */
__noinline long read_arguments(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, struct draft *draft)
{
	if (!ctx || !spec || !draft)
		return -1;
	draft->length = 0;
	draft->record.failed = 0;
	for (int i = 0; i < MAX_ARGUMENTS && i < spec->count; i++) {
		const struct argument *argument = &spec->arguments[i];
		long length;

		if (argument->type == TYPE_SKIP)
			continue;
		length = add_argument(ctx, argument, draft);
		if (length < 0) {
			draft->record.failed |= 1 << i;
			draft->number = UNREAD;
		} else {
			draft->length += (length + 7) & ~7;
		}
	}
	return 0;
}

/* Pages in the two pages that an object of less than a page can touch. May sleep for as long as bitcoind would. */
static __noinline void page_in(__u64 from)
{
	char byte;

	if (!settings.sleepable) /* before Linux 6.8 the verifier also looks at what is not called */
		return;
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
__noinline long page_in_arguments(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 failed, __u64 cookie)
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

/*
 * Wakes the reader for a record that finds it asleep; while it drains by timer, only when the ring is filling up. Hits at once
 * may each step over the mark without meeting it, so there is more than one record's chance.
 */
static __always_inline __u64 wake_up(void)
{
	if (!reader.draining)
		return 0;
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) - settings.wake_bytes < WAKE_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/*
 * Where several processes have the ring, one whose events come faster than they are read may fill it up to seven times what it
 * leaves free. However many do so, others find room: 1/8 of the ring beside one, 1/15 beside two. A little is each one's
 * without asking what is free.
 */
static __always_inline bool has_room(const struct share *share)
{
	__s64 bytes = (__s32)(share->written - share->taken);

	if (!reader.shared || bytes <= (__s64)(settings.ring_bytes / 256))
		return true;
	return bytes <= 7 * (__s64)(settings.ring_bytes - bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA));
}

/*
 * A thread has one hit at a time, so drafts are found by its id. Not by the CPU: a hit may be preempted, and a flood's are so
 * nearly always. Of those that reach for a draft at once at most one sees itself alone.
 */
static __always_inline struct draft *hold_draft(__u32 thread)
{
	for (__u32 i = 0; i < DRAFT_TRIES; i++) {
		__u32 key = (thread + i) % MAX_DRAFTS;
		struct draft *draft = bpf_map_lookup_elem(&drafts, &key);

		if (!draft)
			return 0;
		__sync_fetch_and_add(&draft->holders, 1);
		if (*(volatile __u32 *)&draft->holders == 1)
			return draft;
		__sync_fetch_and_add(&draft->holders, -1);
	}
	return 0;
}

static __always_inline void release_draft(struct draft *draft)
{
	__sync_fetch_and_add(&draft->holders, -1);
}

/* Nonzero if the ring has no room. */
static __always_inline long write_record(struct draft *draft, const struct spec *spec, __u64 stamp)
{
	struct share *share = share_of(spec);
	__u32 length = draft->length;

	if (!share || length > VALUES_LENGTH || !has_room(share))
		return -1;
	length += offsetof(struct record, values);
	draft->record.stamp = stamp;
	draft->record.target = spec->target;
	draft->record.tracepoint = spec->tracepoint;
	draft->record.count = spec->count;
	draft->record.share = spec->share;
	if (bpf_ringbuf_output(&events, &draft->record, length, wake_up()))
		return -1;
	__sync_fetch_and_add(&share->written, BPF_RINGBUF_HDR_SZ + length);
	return 0;
}

/* No hit sleeps while it holds a draft: nodes shall not wait for a page of one. What cannot be read at once is paged in, and read again. */
static __always_inline void record_hit(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u64 cookie, __u64 ids, __u64 stamp)
{
	struct draft *draft = hold_draft(ids);
	long refused;

	if (!draft)
		goto lost;
	read_arguments(ctx, spec, draft);
	if (draft->record.failed && settings.sleepable) {
		__u32 failed = draft->record.failed;

		release_draft(draft);
		if (page_in_arguments(ctx, spec, failed, cookie))
			return;
		draft = hold_draft(ids);
		if (!draft)
			goto lost;
		read_arguments(ctx, spec, draft);
	}
	refused = write_record(draft, spec, stamp);
	release_draft(draft);
	if (!refused)
		return;
lost:
	count_lost(cookie);
}

SEC("uprobe")
int record_event(struct bpf_user_pt_regs_t *ctx)
{
	__u64 stamp = bpf_ktime_get_ns();
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 ids = bpf_get_current_pid_tgid();
	struct spec *spec = find_spec(cookie, ids);

	if (spec)
		record_hit(ctx, spec, cookie, ids, stamp);
	return 0;
}

/* Which of the values that a label knows a text is. */
static __noinline long find_text(__u32 list, const struct label *label, const void *from)
{
	struct text_key key = { .list = list };
	__u32 *known;

	if (!label || label->length > LABEL_LENGTH || bpf_probe_read_user_str(key.text, label->length, from) < 0)
		return -1;
	known = bpf_map_lookup_elem(&texts, &key);
	return known ? *known : label->known;
}

/* Reads an argument of a hit that is counted, without sleeping. */
static __always_inline long read_counted(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 i, __u64 *value)
{
	return i < MAX_ARGUMENTS ? read_argument(ctx, &spec->arguments[i], value) : -1;
}

/* Which value of a label a hit has, read without sleeping; below 0 if it cannot be read. */
__noinline long find_value(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 i)
{
	const struct label *label;
	__u64 value = 0;

	if (!ctx || !spec || i >= MAX_LABELS)
		return -1;
	label = &spec->by[i];
	if (label->argument >= MAX_ARGUMENTS || !spec->arguments[label->argument].place)
		return label->known;
	if (read_counted(ctx, spec, label->argument, &value))
		return -1;
	if (label->length)
		return find_text(spec->tracepoint * MAX_LABELS + i, label, (void *)value);
	return value < label->known ? value : label->known;
}

/* Nonzero if the spec is another attachment's by now. */
__noinline long page_in_counted(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 i, __u64 cookie)
{
	if (!ctx || !spec || i >= MAX_ARGUMENTS)
		return -1;
	fall_asleep(cookie);
	page_in_argument(ctx, &spec->arguments[i]);
	wake(cookie);
	return spec->target != cookie >> 32;
}

/*
 * Reads a number; one below 0 is 0, since totals never fall. Above 0 if it cannot be read, below 0 if the spec is another
 * attachment's by now.
 */
static __always_inline long read_number(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 i, __u64 cookie, __u64 *value)
{
	if (i >= MAX_ARGUMENTS || !spec->arguments[i].place)
		return 1;
	if (read_counted(ctx, spec, i, value)) {
		if (!settings.sleepable)
			return 1;
		if (page_in_counted(ctx, spec, i, cookie))
			return -1;
		if (read_counted(ctx, spec, i, value))
			return 1;
	}
	if (spec->arguments[i].type == TYPE_SIGNED && (__s64)*value < 0)
		*value = 0;
	return 0;
}

static __always_inline __u32 find_bucket(const struct spec *spec, __u64 value)
{
	__u32 key = spec->tracepoint, i;
	struct bounds *bounds = bpf_map_lookup_elem(&histograms, &key);

	if (!bounds)
		return 0;
	for (i = 0; i < MAX_BOUNDS && i < spec->bounds; i++)
		if (value <= bounds->upper[i])
			break;
	return i;
}

/* Sites fire in several threads at once. */
static __always_inline void add_to_total(__u32 at, __u64 more)
{
	__u64 *total = bpf_map_lookup_elem(&totals, &at);

	if (total)
		__sync_fetch_and_add(total, more);
}

/* Adds a number of a hit to its total. Below 0 if the spec is another attachment's by now. */
static __noinline long add_number(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 i, __u32 at, __u64 cookie)
{
	__u64 value = 0;
	long unread = ctx && spec ? read_number(ctx, spec, i, cookie, &value) : -1;

	if (!unread)
		add_to_total(at, value);
	return unread;
}

/* Adds a hit to the bucket of its number, of those that begin there. Below 0 likewise. */
static __noinline long add_to_bucket(struct bpf_user_pt_regs_t *ctx, const struct spec *spec, __u32 at, __u64 cookie)
{
	__u64 value = 0;
	long unread = ctx && spec ? read_number(ctx, spec, spec->measured, cookie, &value) : -1;

	if (!unread)
		add_to_total(at + find_bucket(spec, value), 1);
	return unread;
}

SEC("uprobe")
int count_event(struct bpf_user_pt_regs_t *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 ids = bpf_get_current_pid_tgid();
	struct spec *spec = find_spec(cookie, ids);
	__u64 stamp = 0;
	__u32 at, first = 0;

	if (!spec)
		return 0;
	at = spec->totals;
	for (__u32 i = 0; i < MAX_LABELS && i < spec->labels; i++) {
		const struct label *label = &spec->by[i];
		long value = find_value(ctx, spec, i);

		if (value < 0 && settings.sleepable) {
			if (!stamp)
				stamp = bpf_ktime_get_ns();
			if (page_in_counted(ctx, spec, label->argument, cookie))
				return 0;
			value = find_value(ctx, spec, i);
		}
		if (value < 0)
			value = label->known;
		if (!i)
			first = value;
		at += value * label->step;
	}
	add_to_total(at, 1);
	for (__u32 i = 0; i < MAX_SUMS && i < spec->sums; i++)
		if (add_number(ctx, spec, spec->summed[i], ++at, cookie) < 0)
			return 0;
	if (spec->bounds && add_to_bucket(ctx, spec, at + 1, cookie) < 0)
		return 0;
	if (first < 64 && spec->recorded >> first & 1)
		record_hit(ctx, spec, cookie, ids, stamp ? stamp : bpf_ktime_get_ns());
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
