package substrate

// network is a chain node that is known by a name.
type network struct {
	url string
	// genesis is nil where the name stands for whatever runs there.
	genesis *Hash
}

var (
	finneyGenesis = mustHash("0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03")
	testGenesis   = mustHash("0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105")
)

// networks are the names that the Python SDK knows, with the addresses that it uses.
var networks = map[string]network{
	"finney":      {url: "wss://entrypoint-finney.opentensor.ai:443", genesis: &finneyGenesis},
	"archive":     {url: "wss://archive.chain.opentensor.ai:443", genesis: &finneyGenesis},
	"latent-lite": {url: "wss://lite.sub.latent.to:443", genesis: &finneyGenesis},
	"test":        {url: "wss://test.finney.opentensor.ai:443", genesis: &testGenesis},
	"local":       {url: "ws://127.0.0.1:9944"},
}

func mustHash(s string) Hash {
	h, err := ParseHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

// Public tells whether a genesis hash is that of Bittensor's main or test network.
func Public(genesis Hash) bool { return genesis == finneyGenesis || genesis == testGenesis }
