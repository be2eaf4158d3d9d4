/* A command: a line of words from stdin, and of fields in braces behind them. */

#define MAX_WORDS 5

struct command {
	int count;
	char *words[MAX_WORDS];
	const char *fields; /* as in JSON, behind the brace */
};

static void refuse(const char *reason, const char *about)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", reason, about);
	printf("{\"error\": ");
	write_text(stdout, text);
	printf("}\n");
}

/* Reads a word if it is there, and says what is wrong with it otherwise. */
static bool read_number(const struct command *command, int word, bool required, double lowest, double *number)
{
	if (word >= command->count) {
		if (required)
			refuse("a number is missing", command->words[0]);
		return !required;
	}
	if (is_number(command->words[word], lowest, number))
		return true;
	refuse("not a number that will do", command->words[word]);
	return false;
}
