/* The peers of the node. Addresses for documentation only: RFC 5737, RFC 3849. */

enum network { IPV4 = 1, IPV6, ONION_NETWORK, I2P, CJDNS };
enum habit { ANNOUNCES_BY_COMPACT_BLOCK, ANNOUNCES_BY_HEADERS, ANNOUNCES_BY_INV };

struct peer {
	int64_t id;
	const char *address, *type;
	enum network network;
	enum habit habit;
	bool wants_compact_blocks; /* has chosen this node as one of its high-bandwidth peers */
};

#define I2P_ADDRESS "demodemodemodemodemodemodemodemodemodemodemodemodemo.b32.i2p:0"

static const struct peer peers[] = {
	{ 3, "192.0.2.33:8333", "outbound-full-relay", IPV4, ANNOUNCES_BY_COMPACT_BLOCK, false },
	{ 4, "[2001:db8::44]:8333", "outbound-full-relay", IPV6, ANNOUNCES_BY_COMPACT_BLOCK, false },
	{ 5, "198.51.100.66:8333", "block-relay-only", IPV4, ANNOUNCES_BY_HEADERS, false },
	{ 6, ONION, "outbound-full-relay", ONION_NETWORK, ANNOUNCES_BY_HEADERS, false },
	{ 7, "203.0.113.9:51234", "inbound", IPV4, ANNOUNCES_BY_HEADERS, true },
	{ 8, "192.0.2.10:40512", "inbound", IPV4, ANNOUNCES_BY_INV, false },
	{ 9, I2P_ADDRESS, "outbound-full-relay", I2P, ANNOUNCES_BY_HEADERS, false },
	{ 10, "127.0.0.1:36022", "inbound", ONION_NETWORK, ANNOUNCES_BY_HEADERS, true },
	{ 11, "[fc00:db8::11]:8333", "manual", CJDNS, ANNOUNCES_BY_HEADERS, false },
};

/* The peer that a block says its compact block came from; it is another one after fifty blocks. */
static struct peer compact_block_peer(const struct block *block, char address[96])
{
	const char *named = strstr(block->cmpct_peer, "peeraddr=");
	struct peer peer = { .type = "outbound-full-relay", .network = IPV4, .address = address };

	peer.id = strtol(block->cmpct_peer + strlen("peer="), NULL, 10);
	if (named && strstr(named, ".onion"))
		peer.network = ONION_NETWORK;
	if (named)
		strcpy(address, named + strlen("peeraddr="));
	else
		snprintf(address, 96, "198.51.100.%lld:8333", 1 + (long long)peer.id % 250);
	return peer;
}
