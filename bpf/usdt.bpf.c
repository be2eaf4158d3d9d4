/*
 * The one kernel program of fibre-agent. It knows no tracepoint: user space writes, for each place in bitcoind where a
 * tracepoint fires, a `struct spec` that says where its arguments are, and attaches with the spec's number as cookie.
 *
 * record_event writes one record a hit to a ring buffer; count_event adds to totals for tracepoints too hot for that.
 * Every struct here is read by user space through this object's BTF, so this file is the only statement of their layout.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#define MAX_SPECS 512
#define MAX_ARGUMENTS 12
#define MAX_TOTALS 4096

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
	__u32 padding;
	struct argument arguments[MAX_ARGUMENTS];
};

struct record {
	__u64 stamp;		/* CLOCK_MONOTONIC, ns */
	__u32 target;
	__u16 tracepoint;
	__u16 count;		/* arguments that this build of bitcoind passes */
	__u32 failed;		/* bit i: argument i could not be read */
	__u32 padding;
	__s64 numbers[MAX_ARGUMENTS];	/* scalars */
	char slots[SLOTS][SLOT_LENGTH];	/* not zeroed: a text ends at its NUL */
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

/* Hits that could not be told, by spec. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SPECS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);	/* user space sets it before loading */
} events SEC(".maps");

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
	__u64 wake_bytes;	/* unread bytes at which a reader that drains by timer is woken all the same */
};

const volatile struct settings settings = { .registers_size = 168 };

/* Set while running: the reader comes back by itself soon, so it need not be woken for each record. */
volatile struct reader {
	__u32 draining;
	struct record *record[0];	/* nothing but a mention, which keeps the record's layout in BTF */
} reader = {};

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
static __always_inline bool is_target(const struct spec *spec)
{
	__u32 pid = current_pid();

	/* A process in a namespace below the agent's has no number that both know; its link filters alone. */
	return !pid || pid == spec->pid;
}

static __always_inline void count_lost(__u32 key)
{
	__u64 *count = bpf_map_lookup_elem(&lost, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline long read_user(void *to, __u32 size, const void *from)
{
	long error = bpf_probe_read_user(to, size, from);

	if (error && settings.sleepable)
		error = bpf_copy_from_user(to, size, from);
	return error;
}

/* Reading a string does not page it in, so one byte of each page that it can touch is paged in by hand. */
static __always_inline long read_text(char *to, __u32 size, const void *from)
{
	long length = bpf_probe_read_user_str(to, size, from);
	char byte;

	if (length >= 0 || !settings.sleepable)
		return length;
	bpf_copy_from_user(&byte, 1, from);
	bpf_copy_from_user(&byte, 1, (void *)(((__u64)from | 4095) + 1));
	return bpf_probe_read_user_str(to, size, from);
}

static __noinline long read_argument(const __u64 *registers, const struct argument *argument, __u64 *value)
{
	__u64 word = 0;
	__u8 shift;

	if (!registers || !argument || !value)
		return -1;
	if (argument->place == PLACE_UNKNOWN || argument->base >= REGISTERS || argument->index >= REGISTERS)
		return -1;
	if (argument->place == PLACE_CONSTANT) {
		word = argument->offset;
	} else {
		word = registers[argument->base];
		if (argument->place == PLACE_INDEXED)
			word += registers[argument->index] << (argument->scale & 3);
		if (argument->place >= PLACE_MEMORY) {
			const void *from = (void *)(word + argument->offset);
			__u32 size = argument->size;

			word = 0;
			if (size < 1 || size > 8 || read_user(&word, size, from))
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
		return read_user(record->slots[slot], HASH_LENGTH, from);
	return read_text(record->slots[slot], size, from) < 0;
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

SEC("uprobe")
int record_event(void *ctx)
{
	__u64 registers[REGISTERS] = {};
	__u32 key = bpf_get_attach_cookie(ctx);
	struct spec *spec = bpf_map_lookup_elem(&specs, &key);
	struct record *record;

	if (!spec || !is_target(spec))
		return 0;
	record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record) {
		count_lost(key);
		return 0;
	}
	record->stamp = bpf_ktime_get_ns();
	record->target = spec->target;
	record->tracepoint = spec->tracepoint;
	record->count = spec->count;
	record->failed = 0;
	bpf_probe_read_kernel(registers, settings.registers_size, ctx);

	for (int i = 0; i < MAX_ARGUMENTS && i < spec->count; i++) {
		const struct argument *argument = &spec->arguments[i];
		__u64 value = 0;

		if (argument->type == TYPE_SKIP)
			continue;
		if (read_argument(registers, argument, &value) || read_memory(record, argument, (void *)value))
			record->failed |= 1 << i;
		record->numbers[i] = value;
	}
	bpf_ringbuf_submit(record, wake_up());
	return 0;
}

/* The spec's first argument is the text to count by, its second the number to add up; either may be PLACE_UNKNOWN. */
SEC("uprobe")
int count_event(void *ctx)
{
	__u64 registers[REGISTERS] = {};
	__u32 cookie = bpf_get_attach_cookie(ctx);
	struct spec *spec = bpf_map_lookup_elem(&specs, &cookie);
	struct total_key key = {};
	struct total *total;
	__u64 label = 0, sum = 0;

	if (!spec || !is_target(spec))
		return 0;
	key.target = spec->target;
	key.tracepoint = spec->tracepoint;
	if (spec->arguments[0].place || spec->arguments[1].place) {
		bpf_probe_read_kernel(registers, settings.registers_size, ctx);
		if (!read_argument(registers, &spec->arguments[0], &label))
			read_text(key.label, sizeof(key.label), (void *)label);
		read_argument(registers, &spec->arguments[1], &sum);
	}

	total = bpf_map_lookup_elem(&totals, &key);
	if (!total) {
		struct total zero = {};

		bpf_map_update_elem(&totals, &key, &zero, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&totals, &key);
		if (!total) {
			count_lost(cookie);
			return 0;
		}
	}
	/* Sites fire in several threads at once. */
	__sync_fetch_and_add(&total->count, 1);
	__sync_fetch_and_add(&total->sum, sum);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
