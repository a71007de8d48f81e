package app

import (
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/server"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Settings is everything that an operator can set. Its zero value is of no use: Load and Defaults make it. It can be
// printed: tokens and addresses show nothing secret.
type Settings struct {
	// Network and ArchiveNetwork name the nodes to read from: the newest blocks, and the ones that are too old for them.
	Network        []Address
	ArchiveNetwork []Address
	// ArchiveBlocksCutoff is the age in blocks above which a read goes to the archive.
	ArchiveBlocksCutoff uint64
	// BlockDuration is the time between blocks.
	BlockDuration time.Duration

	// Host and Port are where the service listens. Port 0 takes any free one.
	Host string
	Port uint16

	// Identities are the hotkeys at work, in the order in which they were named.
	Identities []Identity
	// WalletPath is the folder of the wallets that they name.
	WalletPath string
	// OpenAccessToken guards the routes of open access; without one they are open to everybody.
	OpenAccessToken server.Secret
	// MetricsToken guards the metrics; without one nobody sees them.
	MetricsToken server.Secret
	// LegacyLogin serves clients of versions 0.x and 1.x, which send no token.
	LegacyLogin bool

	// DefaultRequestTimeout and MaxRequestTimeout bound a request that asks for no timeout, and for any.
	DefaultRequestTimeout time.Duration
	MaxRequestTimeout     time.Duration
	// ShutdownTimeout bounds the whole stop, requests in flight included.
	ShutdownTimeout time.Duration

	// RecentSoftLimit and RecentHardLimit are the ages in blocks above which a recent object is served with a warning,
	// and is not served.
	RecentSoftLimit uint64
	RecentHardLimit uint64
	// RecentRefreshLead is by how many blocks the refresh comes before the soft limit.
	RecentRefreshLead uint64
	// RecentNetuids are kept for open access besides the subnets of the identities.
	RecentNetuids []pylon.Netuid

	// WeightsRetries and CommitmentRetries are how often a write is tried again after the first time.
	WeightsRetries       int
	WeightsRetryDelay    time.Duration
	CommitmentRetries    int
	CommitmentRetryDelay time.Duration
	// TipRao is paid for every extrinsic, beside the fee.
	TipRao uint64
	// DatabasePath is the file in which wanted writes are recorded; DatabaseURL is a PostgreSQL server used instead.
	DatabasePath string
	DatabaseURL  server.Secret

	// EVMRPC and EVMArchiveRPC are the EVM nodes; EVMArchiveCutoff is the age in blocks above which the archive is asked.
	EVMRPC           Address
	EVMArchiveRPC    Address
	EVMArchiveCutoff uint64

	// Environment is the name of the deployment, for those who watch several.
	Environment string
	// Debug makes the log talk, in a form for people.
	Debug bool
	// LogLevel is "debug", "info", "warn" or "error"; LogFormat is "json" or "text".
	LogLevel  string
	LogFormat string
	// AccessLogLevel is the level at which each request is logged.
	AccessLogLevel string
	// NoCreatedSeries leaves the *_created series out of the metrics.
	NoCreatedSeries bool

	// OTELCollector is where traces are sent; empty for nowhere. The others describe this process to it.
	OTELCollector   Address
	OTELNamespace   string
	OTELName        string
	OTELVersion     string
	OTELInstance    string
	OTELEnvironment string
	// SentryDSN is where errors are sent; empty for nowhere. SentryEnvironment describes this process to it.
	SentryDSN         server.Secret
	SentryEnvironment string

	// Warnings are the things about these settings that an operator should look at, in whole sentences.
	Warnings []string
	// Ignored are the names of variables that look like ours, have a value, and mean nothing to us.
	Ignored []string
}

// Identity is a hotkey at work on one subnet, as an operator describes it.
type Identity struct {
	// Name is what URLs call it.
	Name string
	// WalletName and HotkeyName say where its hotkey is, below the wallet path.
	WalletName string
	HotkeyName string
	// Key is the hotkey. Defaults to the one in its file.
	Key *wallet.Keypair
	// Netuid is the subnet it works on.
	Netuid pylon.Netuid
	// VersionKey is the version key of its weights. Defaults to 9003000.
	VersionKey *uint64
	// Token is what users of the identity have to know.
	Token server.Secret
}
