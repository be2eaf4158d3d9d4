/* Recorded events of blocks, fired again. */

struct replayed {
	int64_t ts_ns;
	struct event event;
};

/* The place in a line of JSON where the value of a key begins. Keys never occur in our texts. */
static const char *find_value(const char *line, const char *key)
{
	char quoted[32];
	const char *found;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	found = strstr(line, quoted);
	if (!found)
		return NULL;
	found += strlen(quoted);
	return found + strspn(found, " ");
}

/* A new copy of a JSON string; NULL for null. Peers and hashes hold no escapes. */
static char *read_text(const char *value)
{
	return value && *value == '"' ? strndup(value + 1, strcspn(value + 1, "\"")) : NULL;
}

static uint8_t *read_raw_hash(const char *value)
{
	uint8_t *raw = value && *value == '"' ? calloc(1, 32) : NULL;

	for (int i = 0; raw && i < 32; i++)
		sscanf(value + 1 + 2 * i, "%2hhx", &raw[31 - i]);
	return raw;
}

static void read_four_numbers(const char *value, union argument *args)
{
	for (int i = 0; value && i < 4; i++) {
		char *end;

		args[i].number = strtoll(value + strspn(value, "[, "), &end, 10);
		value = end;
	}
}

static void read_argument(const char *value, enum kind kind, union argument *arg)
{
	if (kind == TEXT)
		arg->text = read_text(value);
	else if (kind == RAW_HASH)
		arg->raw = read_raw_hash(value);
	else if (kind == PREFIX)
		arg->number = value ? strtoull(value + 1, NULL, 16) : 0;
	else if (kind == FOUR_NUMBERS)
		read_four_numbers(value, arg);
	else
		arg->number = value ? strtoll(value, NULL, 10) : -1; /* older recordings lack the height here and there */
}

static bool read_event(const char *line, const char *node, struct replayed *replayed)
{
	char *name = read_text(find_value(line, "probe")), *from = read_text(find_value(line, "node"));
	const char *ts = find_value(line, "ts_ns");
	int probe = find_probe(name);
	bool wanted = probe >= 0 && probe < BLOCK_PROBES && ts && (!node || (from && !strcmp(from, node)));

	free(name);
	free(from);
	if (!wanted)
		return false;
	*replayed = (struct replayed){ .ts_ns = strtoll(ts, NULL, 10), .event.probe = probe };
	for (int i = 0; i < MAX_ARGS && probes[probe].fields[i].key; i++)
		read_argument(find_value(line, probes[probe].fields[i].key), kind_of(probe, i), &replayed->event.args[i]);
	if (probe == BLOCK_RECONSTRUCTION_DETAIL) /* all from the mempool: follows from nothing missing, and may be left out */
		replayed->event.args[6].number = replayed->event.args[2].number == 0;
	return true;
}

static void free_event(struct event *event)
{
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++)
		if (kind_of(event->probe, i) == TEXT || kind_of(event->probe, i) == RAW_HASH)
			free((void *)event->args[i].text);
}

static void replay(FILE *file, double speed, const char *node, struct tally *tally)
{
	int64_t start = now_ns(CLOCK_MONOTONIC), first_ns = -1;
	char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, file) >= 0) {
		struct replayed replayed;

		if (!read_event(line, node, &replayed))
			continue;
		if (first_ns < 0)
			first_ns = replayed.ts_ns;
		if (speed > 0)
			sleep_until(start + (int64_t)((replayed.ts_ns - first_ns) / speed));
		emit(&replayed.event, tally);
		free_event(&replayed.event);
	}
	free(line);
}
