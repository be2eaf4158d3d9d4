/* The command line. */

static const char usage[] =
	"Usage: demo-node [options]\n"
#ifdef STOCK
	"Relays invented blocks through the tracepoints of Bitcoin Core.\n"
#else
	"Relays invented blocks through the tracepoints of a FIBRE node.\n"
#endif
	"\n"
	"  --interval SECONDS  from one block to the next (2; fractions are fine)\n"
	"  --blocks N          stop after N blocks (0: never)\n"
	"  --seed N            the same seed invents the same blocks (1)\n"
	"  --height N          height of the first block (900000)\n"
	"  --no-messages       only the events of blocks: no messages, no connections\n"
	"  --catch-up N        first catch up N blocks, 3000 a second\n"
	"  --reorg DEPTH       replace DEPTH blocks after each tenth\n"
	"  --messages RATE     besides, so many hits a second of messages and connections,\n"
	"  --mempool RATE      of the mempool,\n"
	"  --utxo RATE         and of the cache of coins; at the end a line of JSON says the totals\n"
	"  --datadir DIR       write DIR/debug.log as bitcoind does; SIGHUP reopens it\n"
	"  --log-net           debug.log has the lines of debug=net, too\n"
	"  --record FILE       append each fired event to FILE, one JSON object a line\n"
	"  --history FILE      append what became of each block to FILE, one JSON object a line\n"
	"  --always            fire and record also while no tracer is attached\n"
	"  --control           relay nothing; obey commands from stdin, answer each with a line of JSON\n"
	"  --threads T         fire from T threads on the commands events and flood (1)\n"
	"  --help              say this\n"
	"\n"
	"Commands, with messages: relay N [GAP_US] | compete | header | catch-up N [RATE] | reorg DEPTH\n"
	"          only events:   blocks N [GAP_US] | events N RATE | flood SECONDS | replay FILE [SPEED] [node=NAME] | odd KIND\n"
	"          only hits:     load SECONDS [messages=RATE] [mempool=RATE] [utxo=RATE] | hit PROBE N\n"
	"                         fire PROBE {\"FIELD\": VALUE, ...}\n"
	"          nothing:       totals | semaphores | wait COUNT|PROBE,... [SECONDS] | quit\n";

static struct {
	double interval, blocks, seed, height, threads, catch_up, reorg;
	const char *datadir, *record, *history;
	bool control, no_messages;
} options = { .interval = 2, .seed = 1, .height = 900000, .threads = 1 };

static bool is_number(const char *text, double lowest, double *number)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= lowest && value <= 1e15))
		return false;
	*number = value;
	return true;
}

static void fail(const char *reason, const char *about)
{
	fprintf(stderr, "demo-node: %s: %s\n", about, reason);
	exit(1);
}

static void read_number_option(const char *name, double lowest, double *number)
{
	if (!is_number(optarg, lowest, number))
		fail("not a number that will do", name);
}

/* The _only form, because bitcoind spells its options with one dash. */
static void read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "interval", required_argument, NULL, 'i' }, { "blocks", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 's' },     { "height", required_argument, NULL, 'h' },
		{ "datadir", required_argument, NULL, 'd' },  { "record", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 't' },  { "always", no_argument, NULL, 'a' },
		{ "control", no_argument, NULL, 'c' },	      { "help", no_argument, NULL, 'u' },
		{ "catch-up", required_argument, NULL, 'C' }, { "reorg", required_argument, NULL, 'R' },
		{ "messages", required_argument, NULL, 'm' }, { "mempool", required_argument, NULL, 'p' },
		{ "utxo", required_argument, NULL, 'x' },     { "history", required_argument, NULL, 'y' },
		{ "no-messages", no_argument, NULL, 'n' },  { "log-net", no_argument, NULL, 'l' },
		{ 0 },
	};
	int index = 0;

	for (int option; (option = getopt_long_only(argc, argv, "", known, &index)) != -1;) {
		switch (option) {
		case 'i': read_number_option("--interval", 0, &options.interval); break;
		case 'b': read_number_option("--blocks", 0, &options.blocks); break;
		case 's': read_number_option("--seed", 0, &options.seed); break;
		case 'h': read_number_option("--height", 0, &options.height); break;
		case 't': read_number_option("--threads", 1, &options.threads); break;
		case 'C': read_number_option("--catch-up", 0, &options.catch_up); break;
		case 'R': read_number_option("--reorg", 0, &options.reorg); break;
		case 'm': read_number_option("--messages", 0, &loaders[MESSAGES].rate); break;
		case 'p': read_number_option("--mempool", 0, &loaders[MEMPOOL].rate); break;
		case 'x': read_number_option("--utxo", 0, &loaders[UTXO].rate); break;
		case 'd': options.datadir = optarg; break;
		case 'r': options.record = optarg; break;
		case 'y': options.history = optarg; break;
		case 'n': options.no_messages = true; break;
		case 'l': log_net = true; break;
		case 'a': always = true; break;
		case 'c': options.control = true; break;
		case '?': exit(1); /* getopt has said why */
		default: fputs(usage, stdout); exit(0);
		}
	}
	if (optind < argc)
		fail("unexpected argument", argv[optind]);
}
