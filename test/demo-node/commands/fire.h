/* The command that fires one hit with given values. */

/* The memory ends where a payload does. */
static const uint8_t *payload_of(uint64_t size)
{
	static uint8_t *page;

	if (!page) {
		page = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(page + page_size, page_size);
		memcpy(page, payload, page_size);
	}
	return page + page_size - (size < (uint64_t)page_size ? size : (uint64_t)page_size);
}

/* Fields have the names that they are recorded under. One that is left out is 0, an empty text or a hash of zeros. */
static void read_fields(const char *fields, struct event *event)
{
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++) {
		const char *value = find_value(fields, probes[event->probe].fields[i].key);
		enum kind kind = kind_of(event->probe, i);
		union argument *arg = &event->args[i];

		if (kind == PAYLOAD)
			arg->raw = payload_of(arg[-1].number);
		else if (value)
			read_argument(value, kind, arg);
		else if (kind == TEXT)
			arg->text = strdup("");
		else if (kind == RAW_HASH)
			arg->raw = calloc(1, 32);
	}
}

static void run_fire(const struct command *command)
{
	const char *name = command->count > 1 ? command->words[1] : "fire";
	int probe = find_probe(name);
	struct event event = { .probe = probe };
	struct tally tally = { 0 };

	if (probe < 0)
		return refuse("no such probe", name);
	read_fields(command->fields, &event);
	if (emit(&event, &tally)) {
		printf("{\"command\": \"fire\", \"sent\": {");
		write_fields(stdout, &event);
		printf("}}\n");
	} else {
		refuse("no tracer is attached", name);
	}
	free_event(&event);
}
