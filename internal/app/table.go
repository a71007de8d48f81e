package app

import "math"

// section is a group of settings, as the documentation shows them.
type section struct {
	title string
	about string
	rows  []row
}

// row is one setting. The rows are all there is to know about the settings: Load reads by them, docs/settings.md is
// made of them.
type row struct {
	// name is the name of the variable.
	name string
	// form is how it is read. A row without a read function is accepted and has no effect.
	form form
	// preset is the text of the default. An empty one leaves the zero value.
	preset string
	// meaning is one or two sentences for the operator.
	meaning string
	// required tells that the setting has no default and must be given.
	required bool
}

// unused is the form of names that old deployments set and that mean nothing here.
var unused = form{name: "anything"}

const (
	envFileName         = "PYLON_ENV_FILE"
	identityEnvFileName = "PYLON_ID_ENV_FILE"
	networkName         = "PYLON_BITTENSOR_NETWORK"
	archiveNetworkName  = "PYLON_BITTENSOR_ARCHIVE_NETWORK"
	evmName             = "PYLON_EVM_RPC_URL"
	evmArchiveName      = "PYLON_EVM_ARCHIVE_RPC_URL"
	identitiesName      = "PYLON_IDENTITIES"
	openAccessTokenName = "PYLON_OPEN_ACCESS_TOKEN"
	metricsTokenName    = "PYLON_METRICS_TOKEN"
	defaultTimeoutName  = "PYLON_DEFAULT_REQUEST_TIMEOUT_SECONDS"
	maxTimeoutName      = "PYLON_MAX_REQUEST_TIMEOUT_SECONDS"
	softLimitName       = "PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS"
	hardLimitName       = "PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS"
	refreshLeadName     = "PYLON_RECENT_OBJECTS_REFRESH_LEAD_BLOCKS"
	legacyLoginName     = "PYLON_LEGACY_LOGIN"
	environmentName     = "PYLON_ENVIRONMENT"
	hostName            = "PYLON_UVICORN_HOST"
	portName            = "PYLON_UVICORN_PORT"
	databasePathName    = "PYLON_DATABASE_PATH"
	databaseURLName     = "PYLON_DATABASE_URL"
)

// mostBlocks bounds settings that count blocks: a number of blocks times their duration has to fit into a time.
const mostBlocks = math.MaxInt32

// table returns the settings that do not belong to an identity, bound to s.
func (s *Settings) table(identities *[]string) []section {
	return []section{
		{"Chain", "", []row{
			{name: networkName, form: nodes(&s.Network), preset: "finney", meaning: "The nodes that are read: `finney`, `archive`, `test`, `local`, or `ws://` and `wss://` addresses. Several are separated by commas; the ones that answer and keep up are used."},
			{name: archiveNetworkName, form: nodes(&s.ArchiveNetwork), preset: "archive", meaning: "The nodes that are asked for blocks which the others have forgotten. Has to be set together with `" + networkName + "` when that one is not its default."},
			{name: "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF", form: integer(&s.ArchiveBlocksCutoff, 0, mostBlocks), preset: "300", meaning: "Blocks older than this many are read from the archive at once."},
			{name: "PYLON_BLOCK_DURATION_SECONDS", form: seconds(&s.BlockDuration), preset: "12.0", meaning: "The time between blocks: ages of recent objects are counted with it."},
		}},
		{"Service", "", []row{
			{name: hostName, form: host(&s.Host), preset: "0.0.0.0", meaning: "The address to listen on."},
			{name: portName, form: integer(&s.Port, 0, math.MaxUint16), preset: "8000", meaning: "The port to listen on; 0 takes any free one."},
			{name: defaultTimeoutName, form: seconds(&s.DefaultRequestTimeout), preset: "60.0", meaning: "How long a request may take that names no timeout of its own."},
			{name: maxTimeoutName, form: seconds(&s.MaxRequestTimeout), preset: "300.0", meaning: "The longest time that a request may ask for with `X-Pylon-Timeout`."},
			{name: "PYLON_SHUTDOWN_TIMEOUT_SECONDS", form: seconds(&s.ShutdownTimeout), preset: "8.0", meaning: "How long a stop may take, requests in flight included. Docker kills after 10 seconds."},
		}},
		{"Access", "", []row{
			{name: openAccessTokenName, form: token(&s.OpenAccessToken), meaning: "The token of the open-access routes. Empty: they need no token and take any."},
			{name: metricsTokenName, form: token(&s.MetricsToken), meaning: "The token of `/metrics`. Empty: it always answers 403."},
			{name: identitiesName, form: names(identities), preset: "[]", meaning: "The names of the identities. The settings of each are described below."},
			{name: "PYLON_BITTENSOR_WALLET_PATH", form: file(&s.WalletPath), preset: "/root/.bittensor/wallets", meaning: "The folder of the wallets of the identities."},
			{name: legacyLoginName, form: boolean(&s.LegacyLogin), preset: "false", meaning: "Serve clients of versions 0.x and 1.x: the login route exists, and requests **without** an `Authorization` header are let through to open-access and identity routes. A token that is sent is checked as always."},
		}},
		{"Recent objects", "", []row{
			{name: softLimitName, form: integer(&s.RecentSoftLimit, 0, mostBlocks), preset: "100", meaning: "Older objects are served with a warning in the log."},
			{name: hardLimitName, form: integer(&s.RecentHardLimit, 0, mostBlocks), preset: "150", meaning: "Older objects are not served (503). Not below the soft limit."},
			{name: refreshLeadName, form: integer(&s.RecentRefreshLead, 0, mostBlocks), preset: "10", meaning: "Objects are refreshed this many blocks before the soft limit: every (soft limit − lead, at least 1) × block duration."},
			{name: "PYLON_RECENT_OBJECTS_NETUIDS", form: netuids(&s.RecentNetuids), preset: "[]", meaning: "Subnets that are kept for open access besides those of the identities."},
		}},
		{"Writes", "", []row{
			{name: "PYLON_WEIGHTS_RETRY_ATTEMPTS", form: integer(&s.WeightsRetries, 0, math.MaxInt32), preset: "200", meaning: "How often weights are tried again after the first time."},
			{name: "PYLON_WEIGHTS_RETRY_DELAY_SECONDS", form: wholeSeconds(&s.WeightsRetryDelay), preset: "1", meaning: "The shortest wait between two tries; the longest is ten times as long."},
			{name: "PYLON_COMMITMENT_RETRY_ATTEMPTS", form: integer(&s.CommitmentRetries, 0, math.MaxInt32), preset: "10", meaning: "How often a commitment is tried again after the first time."},
			{name: "PYLON_COMMITMENT_RETRY_DELAY_SECONDS", form: wholeSeconds(&s.CommitmentRetryDelay), preset: "1", meaning: "As for weights."},
			{name: databasePathName, form: file(&s.DatabasePath), preset: "./pylon.db", meaning: "The SQLite file in which wanted writes are recorded. Its folder must exist. One process at a time writes: a second one serves reads, and answers writes with 503. Without identities it is not opened."},
			{name: databaseURLName, form: postgres(&s.DatabaseURL), meaning: "A PostgreSQL server that is used instead of the file, `postgres://user:password@host:5432/database`: several processes can share its work."},
			{name: "PYLON_EXTRINSIC_TIP_RAO", form: integer(&s.TipRao, 0, math.MaxInt64), preset: "0", meaning: "What is paid for every extrinsic beside the fee, in rao (10⁻⁹ TAO)."},
		}},
		{"EVM", "", []row{
			{name: evmName, form: webAddress(&s.EVMRPC), preset: "https://lite.chain.opentensor.ai", meaning: "The EVM node that is asked for logs."},
			{name: evmArchiveName, form: webAddress(&s.EVMArchiveRPC), preset: "https://archive.chain.opentensor.ai", meaning: "The EVM node for old blocks. Has to be set together with `" + evmName + "` when that one is not its default."},
			{name: "PYLON_EVM_ARCHIVE_BLOCKS_CUTOFF", form: integer(&s.EVMArchiveCutoff, 0, mostBlocks), preset: "300", meaning: "Logs of blocks older than this many are asked from the archive."},
		}},
		{"Log and metrics", "", []row{
			{name: "PYLON_DEBUG", form: boolean(&s.Debug), preset: "false", meaning: "The log shows every request, as text for people, unless the two names below say otherwise."},
			{name: "PYLON_LOG_LEVEL", form: choice(&s.LogLevel, "debug", "info", "warn", "error"), meaning: "What is logged, on standard error. Empty: `info`, and `debug` with `PYLON_DEBUG`."},
			{name: "PYLON_ACCESS_LOG_LEVEL", form: choice(&s.AccessLogLevel, "debug", "info", "warn", "error"), preset: "debug", meaning: "The level at which each request is logged, so that `info` shows them all and `debug` none unless the log shows everything."},
			{name: "PYLON_LOG_FORMAT", form: choice(&s.LogFormat, "json", "text"), meaning: "Empty: `json`, and `text` with `PYLON_DEBUG`."},
			{name: environmentName, form: text(&s.Environment), preset: "production", meaning: "The name of this deployment."},
			{name: "PROMETHEUS_DISABLE_CREATED_SERIES", form: boolean(&s.NoCreatedSeries), preset: "false", meaning: "Leave the `*_created` series out of the metrics."},
		}},
		{"Telemetry", "Traces go to an OpenTelemetry collector and errors to Sentry, when they are told where. Both are off by default. The collector's " +
			"`OTEL_EXPORTER_OTLP_*` and `OTEL_TRACES_SAMPLER` variables of the OpenTelemetry specification count as well.", []row{
			{name: "PYLON_OTEL_COLLECTOR_ENDPOINT", form: webAddress(&s.OTELCollector), meaning: "The base URL of a collector that takes OTLP over HTTP; traces go to `/v1/traces` below it. Empty: no traces."},
			{name: "PYLON_OTEL_SERVICE_NAMESPACE", form: textOrDefault(&s.OTELNamespace), preset: "bittensor-pylon", meaning: "`service.namespace` of the traces."},
			{name: "PYLON_OTEL_SERVICE_NAME", form: textOrDefault(&s.OTELName), preset: "pylon_service", meaning: "`service.name` of the traces."},
			{name: "PYLON_OTEL_SERVICE_VERSION", form: text(&s.OTELVersion), meaning: "`service.version` of the traces. Empty: the version of this program."},
			{name: "PYLON_OTEL_SERVICE_INSTANCE_ID", form: text(&s.OTELInstance), meaning: "`service.instance.id` of the traces. Empty: a random UUID for each process."},
			{name: "PYLON_OTEL_DEPLOYMENT_ENVIRONMENT", form: text(&s.OTELEnvironment), meaning: "The deployment of the traces. Empty: that of `" + environmentName + "`."},
			{name: "PYLON_SENTRY_DSN", form: dsn(&s.SentryDSN), meaning: "The DSN of a Sentry project, which is sent what the log shows at level `error`. Empty: nothing is sent."},
			{name: "PYLON_SENTRY_ENVIRONMENT", form: text(&s.SentryEnvironment), meaning: "The environment that Sentry is told. Empty: `" + environmentName + "` when that is set, else `development`."},
		}},
		{"Accepted, without effect", "Deployments of the Python service set these names. They are read by nothing here, and any value is fine.", []row{
			{name: "PYLON_DOCKER_IMAGE_NAME", form: unused, meaning: "Only the Python client reads it."},
			{name: "PYLON_COMMIT_CYCLE_LENGTH", form: unused, meaning: "Unused in the Python service too."},
			{name: "PYLON_COMMIT_WINDOW_START_OFFSET", form: unused, meaning: "Unused in the Python service too."},
			{name: "PYLON_COMMIT_WINDOW_END_BUFFER", form: unused, meaning: "Unused in the Python service too."},
			{name: "PYLON_TEMPO", form: unused, meaning: "Versions 0.x and 1.x only: the chain knows the tempo of each subnet."},
		}},
	}
}

// table returns the settings of one identity, bound to id. The name is the identity's in upper case.
func (id *Identity) table(name string) []row {
	prefix := "PYLON_ID_" + name
	return []row{
		{name: prefix + "_WALLET_NAME", form: text(&id.WalletName), required: true, meaning: "The name of the wallet."},
		{name: prefix + "_HOTKEY_NAME", form: text(&id.HotkeyName), required: true, meaning: "The name of the hotkey in the wallet. One that is encrypted is opened with the password in `BT_PW_…`, as bittensor-wallet does; one that cannot be opened cannot write."},
		{name: prefix + "_NETUID", form: integer(&id.Netuid, 0, math.MaxUint16), required: true, meaning: "The subnet that the identity works on."},
		{name: prefix + "_TOKEN", form: token(&id.Token), required: true, meaning: "The token that users of the identity send. Empty is refused."},
		{name: prefix + "_VERSION_KEY", form: optional(&id.VersionKey, 0, math.MaxInt64), meaning: "The version key that its weights are sent with. Without it 9003000, as the Python service sends."},
	}
}
