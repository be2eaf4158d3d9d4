/* Commands from stdin, each answered with a line of JSON. */
#include "commands/command.h"
#include "commands/blocks.h"
#include "commands/relay.h"
#include "commands/hits.h"
#include "commands/fire.h"

static const struct {
	const char *name;
	void (*run)(const struct command *command);
} commands[] = {
	{ "blocks", run_blocks },     { "relay", run_relay }, { "compete", run_compete }, { "header", run_header },
	{ "catch-up", run_catch_up }, { "reorg", run_reorg }, { "events", run_events },	  { "flood", run_flood },
	{ "load", run_load },	      { "totals", run_totals }, { "hit", run_hit },	  { "replay", run_replay },
	{ "fire", run_fire },	      { "odd", run_odd },	{ "wait", run_wait },	  { "semaphores", run_semaphores },
};

static void run(const struct command *command)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, command->words[0]))
			return commands[i].run(command);
	refuse("unknown command", command->words[0]);
}

/* Ends with the word quit or with stdin. */
static void obey(void)
{
	char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, stdin) >= 0) {
		char *fields = line, *rest = strsep(&fields, "{");
		struct command command = { .fields = fields ? fields : "" };

		while (command.count < MAX_WORDS && (command.words[command.count] = strtok_r(rest, " \t\n", &rest)))
			command.count++;
		if (!command.count)
			continue;
		if (!strcmp(command.words[0], "quit"))
			break;
		run(&command);
		flush_files();
		fflush(stdout);
	}
	free(line);
}
