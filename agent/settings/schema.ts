import type * as z from 'zod'
import {
  durationInMs,
  fileBytes,
  fileMode,
  hostNames,
  intervalInMs,
  intervalInSeconds,
  listenAddresses,
  logFormat,
  logLevel,
  namedNodes,
  nonEmptyText,
  otlpBaseUrl,
  otlpMetricsUrl,
  otlpProtocol,
  pathOrNone,
  retention,
  ringBytes,
  sourceName,
  spanInMs,
  tracepointGroups,
  userNames,
  webhookHeaders,
  webhookUrl,
  wholeNumber,
  yesOrNo,
} from './values.ts'

export const groups = ['Node', 'Metrics and page', 'Health', 'Push', 'Blocks', 'Slow blocks', 'Logs', 'General'] as const

/** The type that a variable has of its own, and how its values are written for the type of the option. */
export interface OwnType {
  readonly type: z.ZodType
  readonly write: (value: never) => string
}

/** The declaration of one option; parsing, help and documents follow from it. */
export interface Option {
  readonly group: (typeof groups)[number]
  /** Sentences for the help, the README and the example file. */
  readonly help: string
  /** Parses the text that was given. */
  readonly type: z.ZodType
  /** As a user would write it. Without a default the setting is undefined until it is given. */
  readonly default?: string | readonly string[]
  /** Value in the example file, for an option without a default. */
  readonly example?: string
  readonly flag: string
  readonly short?: string
  /** Name of the flag's value in the help; a flag without one is a switch. */
  readonly placeholder?: string
  readonly env: string
  /** OpenTelemetry's standard names and those of older programs, with their own type where unit or meaning differ. */
  readonly alsoEnv?: readonly { readonly name: string; readonly own?: OwnType }[]
  /** Standard variables that unset this setting, each with the value that does so. */
  readonly switchedOffBy?: Readonly<Record<string, string>>
  /** Keys in the configuration file, the preferred one first. */
  readonly yaml: readonly string[]
  /** May be given several times. In the file it is a map, or a list. */
  readonly many?: 'map' | 'list'
  /** Stands between several values. In the file they may be a list. */
  readonly separator?: ',' | '\n'
  /** A beginning that other flags have as well is theirs, as it was before there was this one. */
  readonly yields?: true
  /** Never printed. Partly: printed without the part that may be secret. */
  readonly secret?: true | 'partly'
}

/** The configuration file that is read where it is there and no other is named. */
export const usualConfig = '/etc/fibre-agent/config.yaml'

/** Of variables that are in milliseconds where the setting is in seconds. */
const milliseconds: OwnType = { type: intervalInMs, write: (ms: number) => String(ms / 1000) }

const schema = {
  bitcoind: {
    group: 'Node',
    help: 'Executable of the node to measure. Without --bitcoind, --pid and --node, every process called bitcoind or bitcoin-node is measured, and bitcoin-qt and bitcoin-gui where they carry the tracepoints.',
    type: nonEmptyText,
    example: '/usr/local/bin/bitcoind',
    flag: 'bitcoind',
    short: 'b',
    placeholder: 'PATH',
    env: 'FIBRE_BITCOIND_PATH',
    alsoEnv: [{ name: 'FIBRE_RECORDER_BITCOIND_PATH' }],
    yaml: ['bitcoind_path', 'bitcoind'],
  },
  pid: {
    group: 'Node',
    help: 'Process to measure; 0 finds it. If no such process runs at the start, the agent exits with 1 unless --wait is given.',
    type: wholeNumber(0, 2 ** 22), // the kernel's PID_MAX_LIMIT
    default: '0',
    flag: 'pid',
    short: 'p',
    placeholder: 'N',
    env: 'FIBRE_PID',
    alsoEnv: [{ name: 'FIBRE_RECORDER_PID' }],
    yaml: ['pid'],
  },
  nodeName: {
    group: 'Node',
    help: 'Value of the label "node".',
    type: nonEmptyText,
    default: 'localhost',
    flag: 'node-name',
    short: 'n',
    placeholder: 'NAME',
    env: 'FIBRE_NODE_NAME',
    alsoEnv: [{ name: 'FIBRE_RECORDER_NODE_NAME' }],
    yaml: ['node_name'],
  },
  nodes: {
    group: 'Node',
    help: 'Name of one of several nodes, and its data directory or executable. If several chains share a data directory, give the directory of the chain, such as ~/.bitcoin/signet. Repeat the flag for each node; the variable takes a comma-separated list, the file a map.',
    type: namedNodes,
    default: [],
    example: '{ alpha: /srv/alpha, beta: /srv/beta }',
    flag: 'node',
    placeholder: 'NAME=PATH',
    env: 'FIBRE_NODES',
    yaml: ['nodes'],
    many: 'map',
  },
  users: {
    group: 'Node',
    help: 'Users whose processes are measured: names or numbers, comma-separated. By default processes of all users are, and any user can start one that is called bitcoind.',
    type: userNames,
    example: '1000',
    flag: 'users',
    placeholder: 'USERS',
    env: 'FIBRE_USERS',
    yaml: ['users'],
    separator: ',',
  },
  forgetAfterMs: {
    group: 'Node',
    help: 'Time after which a node that ended is forgotten, unless --node names it. Until then /ready reports it and its series continue.',
    type: spanInMs,
    default: '1d',
    flag: 'forget-after',
    placeholder: 'TIME',
    env: 'FIBRE_FORGET_AFTER',
    yaml: ['forget_after'],
  },
  waitForTarget: {
    group: 'Node',
    help: 'Wait for a node if none runs at the start; with --no-wait the agent exits with 1.',
    type: yesOrNo,
    default: 'true',
    flag: 'wait',
    env: 'FIBRE_WAIT',
    yaml: ['wait'],
  },
  source: {
    group: 'Node',
    help: 'Where events come from: "kernel", through the tracepoints of bitcoind, or "log", its debug.log, which takes no privileges but tells less (agent/sources/log/README.md).',
    type: sourceName,
    default: 'kernel',
    flag: 'source',
    placeholder: 'SOURCE',
    env: 'FIBRE_SOURCE',
    yaml: ['source'],
    yields: true,
  },
  debugLog: {
    group: 'Node',
    help: 'With --source log: the debug.log of the node that --node-name names, instead of those of the processes that are found. For an agent that may read the log, but not look at bitcoind.',
    type: nonEmptyText,
    example: '/var/log/bitcoind/debug.log',
    flag: 'debug-log',
    placeholder: 'PATH',
    env: 'FIBRE_DEBUG_LOG',
    yaml: ['debug_log'],
  },
  tracepoints: {
    group: 'Node',
    help: 'Groups of tracepoints to measure, comma-separated: fibre, validation, net, mempool, utxocache; "auto" is the first three and "all" is all. Those that the build of bitcoind lacks are left out. Each hit of mempool and utxocache costs bitcoind about a microsecond, and a new node has 100,000 a second while it catches up.',
    type: tracepointGroups,
    default: 'auto',
    flag: 'tracepoints',
    placeholder: 'GROUPS',
    env: 'FIBRE_TRACEPOINTS',
    yaml: ['tracepoints'],
    separator: ',',
  },
  ringSize: {
    group: 'Node',
    help: 'Buffer between kernel and agent, from 256KiB to 1GiB, rounded up to a power of two.',
    type: ringBytes,
    default: '4MiB',
    flag: 'ring-size',
    placeholder: 'BYTES',
    env: 'FIBRE_RING_SIZE',
    yaml: ['ring_size'],
  },
  countRuns: {
    group: 'Node',
    help: 'Count runs of the eBPF programs and the time they take of bitcoind, without the trap into the kernel before each, as metrics. Each run of every eBPF program on this machine then takes 0.1 µs longer. Needs CAP_SYS_ADMIN.',
    type: yesOrNo,
    default: 'false',
    flag: 'count-runs',
    env: 'FIBRE_COUNT_RUNS',
    yaml: ['count_runs'],
  },
  dropCapabilities: {
    group: 'Node',
    help: 'Give up capabilities once all known nodes are attached, all but CAP_SYS_PTRACE, which reading processes of other users takes. When bitcoind is restarted, the agent must be, too: until then it measures nothing, and log and /ready say so.',
    type: yesOrNo,
    default: 'false',
    flag: 'drop-capabilities',
    env: 'FIBRE_DROP_CAPABILITIES',
    yaml: ['drop_capabilities'],
  },
  port: {
    group: 'Metrics and page',
    help: 'Port of /metrics and the page; 0 takes any free port.',
    type: wholeNumber(0, 65535),
    default: '9435',
    flag: 'port',
    placeholder: 'N',
    env: 'FIBRE_METRICS_PORT',
    yaml: ['metrics_port', 'port'],
  },
  listenAddresses: {
    group: 'Metrics and page',
    help: 'Address that both ports listen on, or unix:PATH for a socket that serves what both ports do, without TLS. 0.0.0.0 or :: opens the ports to other machines: set a password then. Repeat the flag for several; the variable takes a comma-separated list, the file a list.',
    type: listenAddresses,
    default: '127.0.0.1',
    flag: 'listen-address',
    placeholder: 'ADDRESS',
    env: 'FIBRE_LISTEN_ADDRESS',
    yaml: ['listen_address'],
    many: 'list',
  },
  socketMode: {
    group: 'Metrics and page',
    help: 'Mode of unix sockets. Who may write to one may connect to it.',
    type: fileMode,
    default: '0660',
    flag: 'socket-mode',
    placeholder: 'MODE',
    env: 'FIBRE_SOCKET_MODE',
    yaml: ['socket_mode'],
    yields: true, // --s is --slow-threshold-ms
  },
  allowedHosts: {
    group: 'Metrics and page',
    help: 'Names by which clients may call this machine, comma-separated, besides localhost and its host name; * for any. Requests without a password for other names are refused, as a protection against DNS rebinding.',
    type: hostNames,
    example: 'node1.example.org',
    flag: 'allowed-hosts',
    placeholder: 'NAMES',
    env: 'FIBRE_ALLOWED_HOSTS',
    yaml: ['allowed_hosts'],
    separator: ',',
  },
  metricsAuthUsername: {
    group: 'Metrics and page',
    help: 'User name that /metrics and the page ask for; needs a password too.',
    type: nonEmptyText.regex(/^[^:]*$/, 'must not contain a colon: basic authentication has one between user name and password'),
    example: 'prometheus',
    flag: 'metrics-auth-username',
    placeholder: 'NAME',
    env: 'FIBRE_METRICS_AUTH_USERNAME',
    yaml: ['metrics_auth_username'],
    secret: 'partly', // some write name:password, which an error must not repeat
  },
  metricsAuthPassword: {
    group: 'Metrics and page',
    help: 'The password. On the command line everybody on this machine can read it with ps: prefer the variable or a file.',
    type: nonEmptyText,
    example: 'change-me',
    flag: 'metrics-auth-password',
    placeholder: 'PASSWORD',
    env: 'FIBRE_METRICS_AUTH_PASSWORD',
    yaml: ['metrics_auth_password'],
    secret: true,
  },
  metricsAuthPasswordFile: {
    group: 'Metrics and page',
    help: 'File that holds the password; a line break at its end is ignored. SIGHUP reads it again.',
    type: nonEmptyText,
    example: '/etc/fibre-agent/password',
    flag: 'metrics-auth-password-file',
    placeholder: 'PATH',
    env: 'FIBRE_METRICS_AUTH_PASSWORD_FILE',
    yaml: ['metrics_auth_password_file'],
  },
  tlsCert: {
    group: 'Metrics and page',
    help: 'Certificate (PEM, with its chain) to serve HTTPS; needs --tls-key too.',
    type: nonEmptyText,
    example: '/etc/fibre-agent/node.crt',
    flag: 'tls-cert',
    placeholder: 'PATH',
    env: 'FIBRE_TLS_CERT',
    yaml: ['tls_cert'],
  },
  tlsKey: {
    group: 'Metrics and page',
    help: 'Private key of the certificate (PEM, not encrypted).',
    type: nonEmptyText,
    example: '/etc/fibre-agent/node.key',
    flag: 'tls-key',
    placeholder: 'PATH',
    env: 'FIBRE_TLS_KEY',
    yaml: ['tls_key'],
  },
  webConfigFile: {
    group: 'Metrics and page',
    help: "File of Prometheus' exporter-toolkit with certificate, users, clients' certificates and headers, in place of the settings for these. It is read again when it or a file that it names changes.",
    type: nonEmptyText,
    example: '/etc/fibre-agent/web-config.yml',
    flag: 'web.config.file',
    placeholder: 'PATH',
    env: 'FIBRE_WEB_CONFIG_FILE',
    yaml: ['web_config_file'],
    yields: true, // --w is --wait
  },
  peerLabel: {
    group: 'Metrics and page',
    help: 'Number of peers of each mechanism that fibre_block_deliveries_total names; the rest are "other". 0 omits the label.',
    type: wholeNumber(0, 10_000),
    default: '0',
    flag: 'peer-label',
    placeholder: 'N',
    env: 'FIBRE_PEER_LABEL',
    yaml: ['peer_label'],
  },
  healthPort: {
    group: 'Health',
    help: 'Port of /health and /ready; 0 takes any free port.',
    type: wholeNumber(0, 65535),
    default: '9436',
    flag: 'health-port',
    placeholder: 'N',
    env: 'FIBRE_HEALTH_PORT',
    yaml: ['health_port'],
  },
  otlpEndpoint: {
    group: 'Push',
    help: 'URL of an OpenTelemetry Collector to push to by OTLP/HTTP; without a path, /v1/metrics is added. OTEL_SDK_DISABLED=true or OTEL_METRICS_EXPORTER=none switch pushing off.',
    type: otlpMetricsUrl,
    example: 'http://127.0.0.1:4318',
    flag: 'otlp-endpoint',
    placeholder: 'URL',
    env: 'FIBRE_OTLP_ENDPOINT',
    alsoEnv: [
      { name: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT' },
      { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', own: { type: otlpBaseUrl, write: (url: string) => url } },
    ],
    switchedOffBy: { OTEL_SDK_DISABLED: 'true', OTEL_METRICS_EXPORTER: 'none' },
    yaml: ['otlp_endpoint'],
    secret: 'partly', // http://user:password@collector
  },
  otlpProtocol: {
    group: 'Push',
    help: 'Encoding of pushes: http/json, or http/protobuf for receivers that accept nothing else.',
    type: otlpProtocol,
    default: 'http/json',
    flag: 'otlp-protocol',
    placeholder: 'PROTOCOL',
    env: 'FIBRE_OTLP_PROTOCOL',
    alsoEnv: [{ name: 'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL' }, { name: 'OTEL_EXPORTER_OTLP_PROTOCOL' }],
    yaml: ['otlp_protocol'],
  },
  otlpIntervalMs: {
    group: 'Push',
    help: 'Seconds between two pushes (OTEL_METRIC_EXPORT_INTERVAL: milliseconds).',
    type: intervalInSeconds,
    default: '10',
    flag: 'otlp-interval',
    placeholder: 'SECONDS',
    env: 'FIBRE_OTLP_INTERVAL',
    alsoEnv: [{ name: 'OTEL_METRIC_EXPORT_INTERVAL', own: milliseconds }],
    yaml: ['otlp_interval'],
  },
  otlpTimeoutMs: {
    group: 'Push',
    help: 'Seconds that a push may take, retries included: at most nine tenths of the interval, and by default that, up to 10 (OTEL_*_TIMEOUT: milliseconds).',
    type: intervalInSeconds,
    example: '5',
    flag: 'otlp-timeout',
    placeholder: 'SECONDS',
    env: 'FIBRE_OTLP_TIMEOUT',
    alsoEnv: ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_METRIC_EXPORT_TIMEOUT'].map((name) => ({
      name,
      own: milliseconds,
    })),
    yaml: ['otlp_timeout'],
  },
  journal: {
    group: 'Blocks',
    help: 'File that gets a line of JSON for each block; "none" for no journal.',
    type: pathOrNone,
    default: '/var/lib/fibre-agent/blocks.ndjson',
    flag: 'journal',
    placeholder: 'PATH',
    env: 'FIBRE_JOURNAL',
    yaml: ['journal'],
  },
  journalFileBytes: {
    group: 'Blocks',
    help: 'Size at which the journal starts a new file.',
    type: fileBytes,
    default: '8MiB',
    flag: 'journal-file-size',
    placeholder: 'BYTES',
    env: 'FIBRE_JOURNAL_FILE_SIZE',
    yaml: ['journal_file_size'],
  },
  journalKeep: {
    group: 'Blocks',
    help: 'Amount of the journal to keep: a size such as 100MiB (a node fills about 50 MB a year), or an age such as 365d.',
    type: retention,
    default: '100MiB',
    flag: 'journal-keep',
    placeholder: 'SIZE|AGE',
    env: 'FIBRE_JOURNAL_KEEP',
    yaml: ['journal_keep'],
  },
  pendingTimeoutMs: {
    group: 'Blocks',
    help: 'Seconds after which the record of a block that was not connected is closed.',
    type: intervalInSeconds,
    default: '600',
    flag: 'pending-timeout',
    placeholder: 'SECONDS',
    env: 'FIBRE_PENDING_TIMEOUT',
    alsoEnv: [{ name: 'FIBRE_RECORDER_PENDING_TIMEOUT_SEC' }],
    yaml: ['pending_timeout', 'pending_timeout_sec'],
  },
  record: {
    group: 'Blocks',
    help: 'File to which every event is appended, for `fibre-agent replay`.',
    type: nonEmptyText,
    example: '/var/tmp/events.ndjson',
    flag: 'record',
    placeholder: 'PATH',
    env: 'FIBRE_RECORD',
    yaml: ['record'],
  },
  slowThresholdMs: {
    group: 'Slow blocks',
    help: 'Reconstruction time, in milliseconds, from which on a block is slow.',
    type: durationInMs,
    default: '50',
    flag: 'slow-threshold-ms',
    placeholder: 'MS',
    env: 'FIBRE_SLOW_THRESHOLD_MS',
    alsoEnv: [{ name: 'FIBRE_RECORDER_SLOW_THRESHOLD_MS' }],
    yaml: ['slow_threshold_ms'],
  },
  verySlowThresholdMs: {
    group: 'Slow blocks',
    help: 'Reconstruction time, in milliseconds, from which on a block is very slow.',
    type: durationInMs,
    default: '100',
    flag: 'very-slow-threshold-ms',
    placeholder: 'MS',
    env: 'FIBRE_VERY_SLOW_THRESHOLD_MS',
    alsoEnv: [{ name: 'FIBRE_RECORDER_VERY_SLOW_THRESHOLD_MS' }],
    yaml: ['very_slow_threshold_ms'],
  },
  alertWebhookUrl: {
    group: 'Slow blocks',
    help: 'URL to which each slow block is posted as JSON.',
    type: webhookUrl,
    example: 'https://alerts.example.org/fibre',
    flag: 'alert-webhook-url',
    placeholder: 'URL',
    env: 'FIBRE_ALERT_WEBHOOK_URL',
    alsoEnv: [{ name: 'FIBRE_RECORDER_ALERT_WEBHOOK_URL' }],
    yaml: ['alert_webhook_url'],
    secret: true, // many such addresses hold a token in their path
  },
  alertWebhookHeaders: {
    group: 'Slow blocks',
    help: 'Headers of these posts, one "Name: value" per line, such as "Authorization: Bearer TOKEN". They are sent to that origin only, not to one that it redirects to.',
    type: webhookHeaders,
    example: '"Authorization: Bearer TOKEN"',
    flag: 'alert-webhook-headers',
    placeholder: 'HEADERS',
    env: 'FIBRE_ALERT_WEBHOOK_HEADERS',
    yaml: ['alert_webhook_headers'],
    separator: '\n',
    secret: true,
  },
  alertWebhookHeadersFile: {
    group: 'Slow blocks',
    help: 'File that holds these headers. SIGHUP reads it again.',
    type: nonEmptyText,
    example: '/etc/fibre-agent/webhook.headers',
    flag: 'alert-webhook-headers-file',
    placeholder: 'PATH',
    env: 'FIBRE_ALERT_WEBHOOK_HEADERS_FILE',
    yaml: ['alert_webhook_headers_file'],
  },
  alerts: {
    group: 'Slow blocks',
    help: 'Log slow blocks, and post them if there is a webhook.',
    type: yesOrNo,
    default: 'true',
    flag: 'alerts',
    env: 'FIBRE_ALERTS',
    alsoEnv: [{ name: 'FIBRE_RECORDER_ALERT_ENABLED' }],
    yaml: ['alerts', 'alert_enabled'],
  },
  verbose: {
    group: 'Logs',
    help: 'Log a line for each event.',
    type: yesOrNo,
    default: 'false',
    flag: 'verbose',
    short: 'v',
    env: 'FIBRE_VERBOSE',
    alsoEnv: [{ name: 'FIBRE_RECORDER_VERBOSE' }],
    yaml: ['verbose'],
  },
  logLevel: {
    group: 'Logs',
    help: 'Lowest level that is logged: DEBUG, INFO, WARNING or ERROR, in any case.',
    type: logLevel,
    default: 'INFO',
    flag: 'log-level',
    placeholder: 'LEVEL',
    env: 'FIBRE_LOG_LEVEL',
    alsoEnv: [{ name: 'FIBRE_RECORDER_LOG_LEVEL' }],
    yaml: ['log_level'],
  },
  logFormat: {
    group: 'Logs',
    help: "Form of the log's lines: text for people, json, or fibre_exporter, as the older exporter writes them. auto is text in a terminal and in systemd's journal, and json elsewhere, the log file included.",
    type: logFormat,
    default: 'auto',
    flag: 'log-format',
    placeholder: 'FORMAT',
    env: 'FIBRE_LOG_FORMAT',
    yaml: ['log_format'],
  },
  logFile: {
    group: 'Logs',
    help: 'File to log to, in addition to standard output.',
    type: nonEmptyText,
    example: '/var/log/fibre-agent.log',
    flag: 'log-file',
    placeholder: 'PATH',
    env: 'FIBRE_LOG_FILE',
    alsoEnv: [{ name: 'FIBRE_RECORDER_LOG_FILE' }],
    yaml: ['log_file'],
  },
  config: {
    group: 'General',
    help: `Configuration file (YAML); without it ${usualConfig} is read where it is there. "none" reads none.`,
    type: nonEmptyText,
    flag: 'config',
    short: 'c',
    placeholder: 'PATH',
    env: 'FIBRE_CONFIG',
    yaml: [],
  },
} as const satisfies Record<string, Option>

/** Settings of the older slow-block recorder that are accepted and ignored, by the reason. */
export const withoutUse: Readonly<Record<string, { readonly env: string; readonly yaml: string }>> = {
  'blocks are kept in the journal, there is no database': { env: 'FIBRE_RECORDER_DB_PATH', yaml: 'db_path' },
  'records are looked after every second': { env: 'FIBRE_RECORDER_HOUSEKEEPING_INTERVAL_SEC', yaml: 'housekeeping_interval_sec' },
}

export type Key = keyof typeof schema

/** The settings that the agent runs with. */
export type Settings = {
  readonly [K in Key]: z.output<(typeof schema)[K]['type']> | ((typeof schema)[K] extends { readonly default: unknown } ? never : undefined)
}

export const options: Readonly<Record<Key, Option>> = schema
export const keys = Object.keys(schema) as readonly Key[]
