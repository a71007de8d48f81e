package axon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
)

// Settings are what the SDK's flags --axon.* and its variables BT_AXON_* set.
type Settings struct {
	// IP is the address to listen on; "[::]" is every address of the machine.
	// Defaults to "[::]".
	IP string
	// Port is the port to listen on, from 1025 to 65534. Defaults to 8091.
	Port int
	// ExternalIP is the address that is announced on the chain. Defaults to none;
	// DiscoverIP finds it.
	ExternalIP string
	// ExternalPort is the port that is announced, from 1025 to 65534. Defaults to
	// Port.
	ExternalPort int
	// MaxWorkers is how many functions run at once; messages beyond that wait by
	// priority. Functions that wait for something else want more. Defaults to 10.
	MaxWorkers int
}

// The SDK's defaults.
const (
	DefaultIP         = "[::]"
	DefaultPort       = 8091
	DefaultMaxWorkers = 10
)

// The texts are the SDK's, whose limits are exclusive.
var (
	errPort         = errors.New("Axon port must be in range [1024, 65535]")
	errExternalPort = errors.New("External port must be in range [1024, 65535]") //nolint:staticcheck // Python's text
	errMaxWorkers   = errors.New("max_workers must be greater than 0")
)

// Check tells whether the ports are allowed, as the SDK's check_config does.
func (s Settings) Check() error {
	switch {
	case s.Port <= 1024 || s.Port >= 65535:
		return errPort
	case s.ExternalPort != 0 && (s.ExternalPort <= 1024 || s.ExternalPort >= 65535):
		return errExternalPort
	case s.MaxWorkers <= 0:
		return errMaxWorkers
	}
	return nil
}

func (s *Settings) setDefaults() error {
	setDefault(&s.IP, DefaultIP)
	setDefault(&s.Port, DefaultPort)
	setDefault(&s.MaxWorkers, DefaultMaxWorkers)
	if err := s.Check(); err != nil {
		return fmt.Errorf("axon: %w", err)
	}
	setDefault(&s.ExternalPort, s.Port)
	return nil
}

// Variables of the environment. There are no others for an axon.
const (
	envIP           = "BT_AXON_IP"
	envPort         = "BT_AXON_PORT"
	envExternalIP   = "BT_AXON_EXTERNAL_IP"
	envExternalPort = "BT_AXON_EXTERNAL_PORT"
	envMaxWorkers   = "BT_AXON_MAX_WORKERS"
)

// SettingsFrom returns settings from the environment, through a function such
// as os.LookupEnv, and the SDK's defaults. An empty variable is as one that is
// not set.
func SettingsFrom(lookup func(name string) (string, bool)) (Settings, error) {
	s := Settings{IP: DefaultIP, Port: DefaultPort, MaxWorkers: DefaultMaxWorkers}
	if text, _ := lookup(envIP); text != "" {
		s.IP = text
	}
	if text, _ := lookup(envExternalIP); text != "" {
		s.ExternalIP = text
	}
	for name, to := range map[string]*int{envPort: &s.Port, envExternalPort: &s.ExternalPort, envMaxWorkers: &s.MaxWorkers} {
		text, _ := lookup(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return Settings{}, fmt.Errorf("axon: %s is not a number", name)
		}
		*to = n
	}
	return s, nil
}

// AddFlags adds the SDK's flags --axon.port, --axon.ip, --axon.external_port,
// --axon.external_ip and --axon.max_workers to a flag set; a prefix "p" makes
// them --p.axon.port and so on. What s holds already is their default. Flags
// that the set has are left alone.
func (s *Settings) AddFlags(set *flag.FlagSet, prefix string) {
	if prefix != "" {
		prefix += "."
	}
	add := func(name string, declare func(name string)) {
		if name = prefix + "axon." + name; set.Lookup(name) == nil {
			declare(name)
		}
	}
	add("port", func(name string) {
		set.IntVar(&s.Port, name, s.Port, "The local port this axon endpoint is bound to. i.e. 8091")
	})
	add("ip", func(name string) {
		set.StringVar(&s.IP, name, s.IP, "The local ip this axon binds to. ie. [::]")
	})
	add("external_port", func(name string) {
		set.IntVar(&s.ExternalPort, name, s.ExternalPort, "The public port this axon broadcasts to the network. i.e. 8091")
	})
	add("external_ip", func(name string) {
		set.StringVar(&s.ExternalIP, name, s.ExternalIP, "The external ip this axon broadcasts to the network to. ie. [::]")
	})
	add("max_workers", func(name string) {
		set.IntVar(&s.MaxWorkers, name, s.MaxWorkers, "How many functions run at once; other messages wait by their priority.")
	})
}

// Help writes what the flags and the variables are.
func Help(w io.Writer) {
	s := Settings{IP: DefaultIP, Port: DefaultPort, MaxWorkers: DefaultMaxWorkers}
	set := flag.NewFlagSet("axon", flag.ContinueOnError)
	s.AddFlags(set, "")
	fmt.Fprintln(w, "An axon is the server end of a neuron: it answers the signed messages of others.")
	fmt.Fprintln(w)
	set.VisitAll(func(f *flag.Flag) {
		def := f.DefValue
		if def == "" || def == "0" {
			def = "none"
		}
		fmt.Fprintf(w, "  --%s  (BT_%s)\n        %s Default: %s.\n", f.Name, envName(f.Name), f.Usage, def)
	})
}

func envName(flagName string) string {
	out := []byte(flagName)
	for i, c := range out {
		switch {
		case c == '.':
			out[i] = '_'
		case 'a' <= c && c <= 'z':
			out[i] = c - 'a' + 'A'
		}
	}
	return string(out)
}
