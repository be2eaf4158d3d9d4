/* Events as JSON. */
#include <stdio.h>
#include <string.h>

#define RECORDED_PAYLOAD 96 /* bytes: more than tells of which block a message is */

static void write_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = *text;

		/* All we say is ASCII, but for the event that is not UTF-8 on purpose: each byte of that decodes to U+FFFD. */
		if (byte >= 0x80)
			fputs("\\ufffd", out);
		else if (byte < ' ')
			fprintf(out, "\\u%04x", byte);
		else
			fprintf(out, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
	}
	fputc('"', out);
}

static void write_raw_hash(FILE *out, const uint8_t *raw)
{
	fputc('"', out);
	for (int i = 31; i >= 0; i--)
		fprintf(out, "%02x", raw[i]);
	fputc('"', out);
}

static void write_payload_start(FILE *out, const uint8_t *payload, int64_t size)
{
	fputc('"', out);
	for (int i = 0; i < size && i < RECORDED_PAYLOAD; i++)
		fprintf(out, "%02x", payload[i]);
	fputc('"', out);
}

static void write_argument(FILE *out, enum kind kind, const union argument *arg)
{
	if (kind == TEXT)
		write_text(out, arg->text);
	else if (kind == RAW_HASH)
		write_raw_hash(out, arg->raw);
	else if (kind == PREFIX)
		fprintf(out, "\"%llx\"", (unsigned long long)arg->number);
	else if (kind == FOUR_NUMBERS)
		fprintf(out, "[%lld, %lld, %lld, %lld]", (long long)arg[0].number, (long long)arg[1].number,
			(long long)arg[2].number, (long long)arg[3].number);
	else if (kind == PAYLOAD)
		write_payload_start(out, arg->raw, arg[-1].number);
	else
		fprintf(out, "%lld", (long long)arg->number);
}

/* The probe and its fields, as members of a JSON object. */
static void write_fields(FILE *out, const struct event *event)
{
	fprintf(out, "\"probe\": \"%s\"", probes[event->probe].name);
	for (int i = 0; i < MAX_ARGS && probes[event->probe].fields[i].key; i++) {
		const union argument *arg = &event->args[i];
		enum kind kind = kind_of(event->probe, i);

		fprintf(out, ", \"%s\": ", probes[event->probe].fields[i].key);
		if ((kind == TEXT || kind == RAW_HASH) && (!arg->text || event->unreadable & 1u << i))
			fputs("null", out);
		else
			write_argument(out, kind, arg);
	}
}
