/* debug.log: the lines that bitcoind writes of a block under debug=bench and debug=cmpctblock, and debug=net if asked for. */
#include <stdarg.h>

static FILE *debug_log;
static const char *debug_log_path;
static atomic_bool reopen_debug_log;
static bool log_net;

static bool open_debug_log(void)
{
	debug_log = fopen(debug_log_path, "ae");
	if (debug_log)
		setvbuf(debug_log, NULL, _IOLBF, 4096);
	return debug_log;
}

static __attribute__((format(printf, 1, 2))) void log_line(const char *format, ...)
{
	int64_t now = now_ns(CLOCK_REALTIME);
	time_t seconds = now / NS_PER_SECOND;
	char date[32];
	struct tm tm;
	va_list args;

	if (!debug_log)
		return;
	if (atomic_exchange(&reopen_debug_log, false)) { /* like bitcoind: at the next line after SIGHUP */
		fclose(debug_log);
		if (!open_debug_log())
			return;
	}
	strftime(date, sizeof(date), "%FT%T", gmtime_r(&seconds, &tm));
	fprintf(debug_log, "%s.%06lldZ ", date, (long long)(now % NS_PER_SECOND / 1000));
	va_start(args, format);
	vfprintf(debug_log, format, args);
	va_end(args);
	fputc('\n', debug_log);
}

static void log_reconstruction(const struct block *b)
{
	log_line("UDP: Block %s reconstructed from %s with %u chunks in %f ms (%u recvd from %u peers)", b->hash_hex, udp_peer(b, 0),
		 b->chunks_used, b->duration_us / 1e3, b->chunks_received, b->peers);
	for (uint32_t i = 0; i < b->peers; i++) /* an equal share from each, the remainder from the first */
		log_line("UDP:    %u/%u used from %s", b->chunks_used / b->peers + (i ? 0 : b->chunks_used % b->peers),
			 b->chunks_received / b->peers + (i ? 0 : b->chunks_received % b->peers), udp_peer(b, i));
	if (b->arrival != BY_FIBRE)
		log_line("UDP: Failed to decode block %s", b->hash_hex);
}

static void log_race(const struct block *b)
{
	char udp[32] = "n/a", cmpct[32] = "n/a";

	if (b->udp_ns >= 0)
		snprintf(udp, sizeof(udp), "%.2fms", b->udp_ns / 1e6);
	if (b->cmpct_ns >= 0)
		snprintf(cmpct, sizeof(cmpct), "%.2fms", b->cmpct_ns / 1e6);
	log_line("UDP: block=%s height=%d winner=%s winner_peer=%s udp=%s udp_peer=%s cmpct=%s cmpct_peer=%s", b->hash_hex, b->height,
		 b->winner, b->winner_peer, udp, b->udp_ns < 0 ? no_peer : udp_peer(b, 0), cmpct, b->cmpct_ns < 0 ? no_peer : b->cmpct_peer);
}

static void log_tip(const char *hash_hex, int32_t height, double progress)
{
	time_t now = time(NULL);
	char date[32];
	struct tm tm;

	strftime(date, sizeof(date), "%FT%TZ", gmtime_r(&now, &tm));
	log_line("UpdateTip: new best=%s height=%d version=0x20000000 log2_work=95.%06d tx=%lld date='%s' progress=%f "
		 "cache=420.5MiB(3210987txo)", hash_hex, height, height % 1000000, height * 1300LL, date, progress);
}

static void log_header(const struct block *b, bool by_compact_block, const char *peer)
{
	log_line("Saw new %sheader hash=%s height=%d %s", by_compact_block ? "cmpctblock " : "", b->hash_hex, b->height, peer);
}

static void log_compact_block(const struct block *b, size_t size)
{
	log_line("[cmpctblock] Initializing PartiallyDownloadedBlock for block %s using a cmpctblock of %zu bytes", b->hash_hex, size);
	log_line("[cmpctblock] Initialized PartiallyDownloadedBlock for block %s using a cmpctblock of %zu bytes", b->hash_hex, size);
}

static void log_compact_block_reconstructed(const struct block *b)
{
	log_line("[cmpctblock] Successfully reconstructed block %s with 1 txn prefilled, %u txn from mempool (incl at least 0 from "
		 "extra pool) and %u txn (%llu bytes) requested", b->hash_hex, b->mempool_tx, b->missing_tx,
		 (unsigned long long)b->missing_bytes);
}

static void log_shorttxids(const struct block *b)
{
	log_line("UDP: Got full header and shorttxids from %s in 0.000371 0.015022 0.139447 ms", udp_peer(b, 0));
}

static void log_arrival(const struct block *b)
{
	if (b->arrival == BY_FIBRE)
		log_shorttxids(b);
	if (b->cmpct_ns < 0)
		return;
	log_header(b, true, b->cmpct_peer);
	if (b->arrival == BY_COMPACT_BLOCK)
		log_compact_block_reconstructed(b);
}

/* The lines of a node that runs with debug=bench and debug=cmpctblock. */
static void log_event(const struct block *b, enum probe probe)
{
	const int64_t *us = b->header_chunk_us;

	switch (probe) {
	case BLOCK_HEADER_CHUNK:
		log_line("UDP: Processed first block header chunk in %f %f %f %f", us[0] / 1e3, us[1] / 1e3, us[2] / 1e3, us[3] / 1e3);
		break;
	case BLOCK_COINBASE:
		log_line("UDP: block=%s scriptsig=%s", b->hash_hex, b->coinbase_hex);
		break;
	case BLOCK_RECONSTRUCTED:
		log_reconstruction(b);
		break;
	case BLOCK_SEND_START:
		log_line("UDP: Starting header send for block %s at %lld us", b->hash_hex, (long long)b->send_start_us);
		log_line("UDP: Block %s had serialized size %llu", b->hash_hex, (unsigned long long)b->size);
		break;
	case BLOCK_CONNECTED:
		log_tip(b->hash_hex, b->height, 1);
		break;
	case BLOCK_RACE_TIME:
		log_race(b);
		break;
	default:
		break;
	}
}

static void log_end(const struct block *b)
{
	double connect_ms = b->connection_ns / 1e6;

	log_line("[bench] - Connect block: %.2fms [%.2fs (%.2fms/blk)]", connect_ms + 0.4, (connect_ms + 0.4) / 1e3, connect_ms + 0.4);
	if (b->arrival == BY_FIBRE)
		log_line("UDP: Final block processing for %s took 0.014972 0.074421 0.077725 %f ms (new: 1)", b->hash_hex, connect_ms + 1.1);
}

/* The lines of bench before those of log_event and log_end. */
static void log_validation(const struct block *b)
{
	double ms = b->connection_ns / 1e6, transactions_ms = 0.2 * ms, scripts_ms = 0.7 * ms;

	log_line("[bench]   - Using cached block");
	log_line("[bench]   - Load block from disk: 0.01ms");
	log_line("[bench]     - Sanity checks: %.2fms [0.00s (0.00ms/blk)]", 0.05 * ms);
	log_line("[bench]     - Fork checks: 0.01ms [0.00s (0.02ms/blk)]");
	log_line("[bench]       - Connect %u transactions: %.2fms (%.3fms/tx, %.3fms/txin) [0.00s (0.01ms/blk)]", b->tx_count, transactions_ms,
		 transactions_ms / b->tx_count, transactions_ms / b->inputs);
	log_line("[bench]     - Verify %d txins: %.2fms (%.3fms/txin) [0.00s (0.02ms/blk)]", b->inputs, scripts_ms, scripts_ms / b->inputs);
	log_line("[bench]     - Write undo data: %.2fms [0.00s (0.03ms/blk)]", 0.04 * ms);
	log_line("[bench]     - Index writing: 0.01ms [0.00s (0.01ms/blk)]");
	log_line("[bench]   - Connect total: %.2fms [%.2fs (%.2fms/blk)]", ms, ms / 1e3, ms);
	log_line("[bench]   - Flush: 0.21ms [0.00s (0.01ms/blk)]");
	log_line("[bench]   - Writing chainstate: 0.04ms [0.00s (0.02ms/blk)]");
}
