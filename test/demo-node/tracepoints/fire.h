/* One site for each tracepoint, so that a binary's notes name each once. */

#ifndef STOCK
static __attribute__((noinline)) void fire_fibre(const struct event *event)
{
	const union argument *a = event->args;

	switch (event->probe) {
	case BLOCK_RECONSTRUCTED:
#ifdef OLDER
		STAP_PROBE6(udp, block_reconstructed, a[0].text, a[1].text, (uint32_t)a[2].number,
			    (uint32_t)a[3].number, (uint32_t)a[4].number, a[5].number);
		break;
#else
		STAP_PROBE7(udp, block_reconstructed, a[0].text, a[1].text, (uint32_t)a[2].number,
			    (uint32_t)a[3].number, (uint32_t)a[4].number, a[5].number, (int32_t)a[6].number);
		break;
	case BLOCK_RECONSTRUCTION_DETAIL:
		STAP_PROBE7(udp, block_reconstruction_detail, a[0].text, (int32_t)a[1].number, (uint32_t)a[2].number,
			    (uint64_t)a[3].number, (uint32_t)a[4].number, (uint32_t)a[5].number, (uint32_t)a[6].number);
		break;
#endif
	case BLOCK_SEND_START:
		STAP_PROBE2(udp, block_send_start, a[0].text, a[1].number);
		break;
	case BLOCK_COINBASE:
		STAP_PROBE2(udp, block_coinbase, a[0].text, a[1].text);
		break;
	case BLOCK_HEADER_CHUNK:
		STAP_PROBE5(udp, block_header_chunk, (uint64_t)a[0].number, a[1].number, a[2].number, a[3].number, a[4].number);
		break;
/* Clang puts every operand on the stack when it may. gcc, which builds nodes, uses registers too: so do all that follow. */
#undef STAP_SDT_ARG_CONSTRAINT
#define STAP_SDT_ARG_CONSTRAINT nr
	case BLOCK_RACE_WINNER:
		STAP_PROBE4(udp, block_race_winner, a[0].raw, (int32_t)a[1].number, a[2].text, a[3].text);
		break;
	case BLOCK_RACE_TIME:
		STAP_PROBE6(udp, block_race_time, a[0].raw, (int32_t)a[1].number, a[2].number, a[3].text, a[4].number, a[5].text);
		break;
	default:
		break;
	}
}
#endif

#undef STAP_SDT_ARG_CONSTRAINT
#define STAP_SDT_ARG_CONSTRAINT nr

#if CORE < 29
#undef _SDT_NOTE_SEMAPHORE_USE
#define _SDT_NOTE_SEMAPHORE_USE(provider, name)
#undef _SDT_SEMAPHORE
#define _SDT_SEMAPHORE(provider, name) _SDT_ASM_1(_SDT_ASM_ADDR 0)
#endif

#if CORE >= 26
typedef int32_t vsize_t;
#else
typedef uint64_t vsize_t;
#endif

static __attribute__((noinline)) void fire_net(const struct event *event)
{
	const union argument *a = event->args;

	switch (event->probe) {
	case INBOUND_MESSAGE:
		STAP_PROBE6(net, inbound_message, a[0].number, a[1].text, a[2].text, a[3].text, (uint64_t)a[4].number, a[5].raw);
		break;
	case OUTBOUND_MESSAGE:
		STAP_PROBE6(net, outbound_message, a[0].number, a[1].text, a[2].text, a[3].text, (uint64_t)a[4].number, a[5].raw);
		break;
#if CORE >= 29
	case INBOUND_CONNECTION:
		STAP_PROBE5(net, inbound_connection, a[0].number, a[1].text, a[2].text, (uint32_t)a[3].number, (uint64_t)a[4].number);
		break;
	case OUTBOUND_CONNECTION:
		STAP_PROBE5(net, outbound_connection, a[0].number, a[1].text, a[2].text, (uint32_t)a[3].number, (uint64_t)a[4].number);
		break;
	case EVICTED_INBOUND_CONNECTION:
		STAP_PROBE5(net, evicted_inbound_connection, a[0].number, a[1].text, a[2].text, (uint32_t)a[3].number, a[4].number);
		break;
	case CLOSED_CONNECTION:
		STAP_PROBE5(net, closed_connection, a[0].number, a[1].text, a[2].text, (uint32_t)a[3].number, a[4].number);
		break;
	case MISBEHAVING_CONNECTION:
		STAP_PROBE2(net, misbehaving_connection, a[0].number, a[1].text);
		break;
#endif
#if CORE >= 32
	case BLOCK_HEADER:
		STAP_PROBE4(net, block_header, (int32_t)a[0].number, a[1].number, (bool)a[2].number, a[3].raw);
		break;
	case COMPACT_BLOCK_RECONSTRUCTED:
		STAP_PROBE7(net, compact_block_reconstructed, a[0].number, (uint32_t)a[1].number, (uint32_t)a[2].number,
			    (uint32_t)a[3].number, (uint32_t)a[4].number, (uint32_t)a[5].number, a[6].raw);
		break;
#endif
	default:
		break;
	}
}

static __attribute__((noinline)) void fire_chain_state(const struct event *event)
{
	const union argument *a = event->args;

	switch (event->probe) {
	case BLOCK_CONNECTED:
#if CORE >= 25
		STAP_PROBE6(validation, block_connected, a[0].raw, (int32_t)a[1].number, (uint64_t)a[2].number,
			    (int32_t)a[3].number, a[4].number, a[5].number);
#else /* sigops without a sign, and a duration in µs */
		STAP_PROBE6(validation, block_connected, a[0].raw, (int32_t)a[1].number, (uint64_t)a[2].number,
			    (int32_t)a[3].number, (uint64_t)a[4].number, (int64_t)(a[5].number / 1000));
#endif
		break;
#if CORE >= 25
	case MEMPOOL_ADDED:
		STAP_PROBE3(mempool, added, a[0].raw, (vsize_t)a[1].number, a[2].number);
		break;
	case MEMPOOL_REMOVED:
		STAP_PROBE5(mempool, removed, a[0].raw, a[1].text, (vsize_t)a[2].number, a[3].number, (uint64_t)a[4].number);
		break;
	case MEMPOOL_REPLACED:
#if CORE >= 29
		STAP_PROBE8(mempool, replaced, a[0].raw, (vsize_t)a[1].number, a[2].number, (uint64_t)a[3].number, a[4].raw,
			    (vsize_t)a[5].number, a[6].number, (bool)a[7].number);
#else
		STAP_PROBE7(mempool, replaced, a[0].raw, (vsize_t)a[1].number, a[2].number, (uint64_t)a[3].number, a[4].raw,
			    (vsize_t)a[5].number, a[6].number);
#endif
		break;
	case MEMPOOL_REJECTED:
		STAP_PROBE2(mempool, rejected, a[0].raw, a[1].text);
		break;
#endif
	case UTXOCACHE_FLUSH:
		STAP_PROBE5(utxocache, flush, a[0].number, (uint32_t)a[1].number, (uint64_t)a[2].number, (uint64_t)a[3].number,
			    (bool)a[4].number);
		break;
	case UTXOCACHE_ADD:
		STAP_PROBE5(utxocache, add, a[0].raw, (uint32_t)a[1].number, (uint32_t)a[2].number, a[3].number, (bool)a[4].number);
		break;
	case UTXOCACHE_SPENT:
		STAP_PROBE5(utxocache, spent, a[0].raw, (uint32_t)a[1].number, (uint32_t)a[2].number, a[3].number, (bool)a[4].number);
		break;
	case UTXOCACHE_UNCACHE:
		STAP_PROBE5(utxocache, uncache, a[0].raw, (uint32_t)a[1].number, (uint32_t)a[2].number, a[3].number, (bool)a[4].number);
		break;
	default:
		break;
	}
}

static void fire(const struct event *event)
{
	if (event->probe > BLOCK_CONNECTED && event->probe <= COMPACT_BLOCK_RECONSTRUCTED)
		fire_net(event);
#ifndef STOCK
	else if (event->probe < BLOCK_CONNECTED)
		fire_fibre(event);
#endif
	else
		fire_chain_state(event);
}
