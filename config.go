package pylon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config says where a service is and who asks. Only the address is required; what else is needed depends on what is
// asked for.
type Config struct {
	// Address is the URL of the service, http or https. A path in it is kept: http://host/p leads to http://host/p/api/….
	// Required.
	Address string
	// OpenAccessToken lets in to what the service tells about any subnet. Defaults to none: only what is public can be read.
	OpenAccessToken string
	// OpenAccessWithoutToken says that the service's open access needs no token. Defaults to false.
	OpenAccessWithoutToken bool
	// IdentityName and IdentityToken let in as one of the service's identities, with whose hotkey it writes. Both or
	// neither. Defaults to none.
	IdentityName, IdentityToken string

	// Retry says how often and when a request is repeated. Defaults to 3 attempts.
	Retry RetryPolicy
	// Timeouts bound each attempt. Defaults to a minute for an answer.
	Timeouts Timeouts
	// MaxAnswer is how many bytes of an answer are read at most, after decompression. Defaults to 64 MiB.
	MaxAnswer int64
	// MaxConnections is how many requests are made at once; more wait for their turn. Defaults to 100.
	MaxConnections int
	// PollInterval is the time between two looks at an intent that is waited for, and at a service that is away. Defaults
	// to 2 seconds.
	PollInterval time.Duration
	// Outage is how long a stream of events or a wait for an intent, once begun, goes on without the service, which may
	// have to be restarted; below 0, not at all. Defaults to a minute.
	Outage time.Duration
	// Transport makes the requests: in tests, or where connections need something that is no field here, such as an
	// authority of one's own. With it Timeouts.Connect and Timeouts.Write mean nothing. Defaults to a pool of connections
	// of the client's own, through the proxy that the environment names, if it names one.
	Transport http.RoundTripper

	// NeuronsFile is a file with the shape of the answer to LatestNeurons. Latest and recent neurons then come from it
	// and not from the service, whatever the subnet. It is read at every call. Defaults to none.
	NeuronsFile string
	// DecodeNeuronsFile turns the file's content into JSON. Defaults to leaving it as it is. The package neuronsyaml has
	// one for YAML.
	DecodeNeuronsFile func([]byte) ([]byte, error)
	// MTLSCertPath and MTLSKeyPath are PEM files with the certificate and the private key with which clients of neurons
	// show who they are. With them neurons are spoken to over TLS. Both or neither. Defaults to none.
	MTLSCertPath, MTLSKeyPath string
	// NeuronTimeout is how long a look at a neuron's certificate may take, and each request to a neuron together with its
	// answer; below 0, requests may take as long as their contexts allow. Defaults to 30 seconds.
	NeuronTimeout time.Duration
	// NeuronKeepAlive is how long an idle connection to a neuron is kept; below 0, not at all. Defaults to 5 seconds.
	NeuronKeepAlive time.Duration
}

// String returns the configuration without its secrets, so that it can be logged. Client has the same.
func (c Config) String() string {
	for _, secret := range []*string{&c.OpenAccessToken, &c.IdentityToken} {
		if *secret != "" {
			*secret = "[set]"
		}
	}
	c.Address = redacted(c.Address)
	type plain Config // without this method
	return fmt.Sprintf("%+v", plain(c))
}

// GoString returns what String returns.
func (c Config) GoString() string { return c.String() }

// LogValue returns what String returns.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// redacted returns an address without its password.
func redacted(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "[not a URL]" // it may have one all the same
	}
	return parsed.Redacted()
}

// Timeouts bound one attempt of a request. The deadline of the call's context bounds all attempts together.
type Timeouts struct {
	// Connect is for opening a connection. Defaults to 5 seconds.
	Connect time.Duration
	// Read is for the whole answer. The service is told to give up half a second earlier, so that it is the one to say
	// why. Defaults to 60 seconds.
	Read time.Duration
	// Write is for each piece of a request to be taken. Defaults to 5 seconds.
	Write time.Duration
	// Pool is for a connection to become free. Defaults to 5 seconds.
	Pool time.Duration
}

// The defaults of Config.
const (
	defaultConnect         = 5 * time.Second
	defaultRead            = 60 * time.Second
	defaultWrite           = 5 * time.Second
	defaultPool            = 5 * time.Second
	defaultMaxAnswer       = 64 << 20
	defaultMaxConnections  = 100
	defaultPollInterval    = 2 * time.Second
	defaultOutage          = time.Minute
	defaultNeuronTimeout   = 30 * time.Second
	defaultNeuronKeepAlive = 5 * time.Second
)

func (c Config) withDefaults() Config {
	c.Retry = c.Retry.withDefaults()
	c.Timeouts.Connect = cmp.Or(c.Timeouts.Connect, defaultConnect)
	c.Timeouts.Read = cmp.Or(c.Timeouts.Read, defaultRead)
	c.Timeouts.Write = cmp.Or(c.Timeouts.Write, defaultWrite)
	c.Timeouts.Pool = cmp.Or(c.Timeouts.Pool, defaultPool)
	c.MaxAnswer = cmp.Or(c.MaxAnswer, defaultMaxAnswer)
	c.MaxConnections = cmp.Or(c.MaxConnections, defaultMaxConnections)
	c.PollInterval = cmp.Or(c.PollInterval, defaultPollInterval)
	c.Outage = cmp.Or(c.Outage, defaultOutage)
	c.NeuronTimeout = cmp.Or(c.NeuronTimeout, defaultNeuronTimeout)
	c.NeuronKeepAlive = cmp.Or(c.NeuronKeepAlive, defaultNeuronKeepAlive)
	return c
}

// noTokenCharacter tells whether no header can carry a token with that character.
func noTokenCharacter(r rune) bool { return r <= ' ' || r == 0x7f }

// validate returns the address without a slash at its end.
func (c Config) validate() (base string, err error) {
	wrong := func(field, detail string) (string, error) { return "", &ConfigError{Field: field, Detail: detail} }
	address, err := url.Parse(c.Address)
	switch {
	case c.Address == "":
		return wrong("Address", "Address is required.")
	case err != nil:
		// What url.Parse says would show a password.
		return wrong("Address", "Address is not a URL.")
	case address.Scheme != "http" && address.Scheme != "https":
		return wrong("Address", "Address must begin with http:// or https://.")
	case address.Host == "":
		return wrong("Address", "Address has no host.")
	case address.RawQuery != "" || address.ForceQuery || address.Fragment != "":
		return wrong("Address", "Address must not have a query or a fragment.")
	case (c.IdentityName == "") != (c.IdentityToken == ""):
		return wrong("IdentityName", "Identity name must be provided in pair with identity token.")
	case (c.MTLSCertPath == "") != (c.MTLSKeyPath == ""):
		return wrong("MTLSCertPath", "mtls_cert_path and mtls_key_path must be provided together.")
	case strings.ContainsFunc(c.OpenAccessToken, noTokenCharacter):
		return wrong("OpenAccessToken", "A token must not contain white space or control characters.")
	case strings.ContainsFunc(c.IdentityToken, noTokenCharacter):
		return wrong("IdentityToken", "A token must not contain white space or control characters.")
	case c.Retry.Attempts < 0:
		return wrong("Retry", "Retry.Attempts must not be negative.")
	case c.Retry.MaxRetryAfter < 0:
		return wrong("Retry", "Retry.MaxRetryAfter must not be negative.")
	case min(c.Timeouts.Connect, c.Timeouts.Read, c.Timeouts.Write, c.Timeouts.Pool) < 0:
		return wrong("Timeouts", "Timeouts must not be negative.")
	case c.MaxAnswer < 0 || c.MaxConnections < 0 || c.PollInterval < 0:
		return wrong("MaxAnswer", "MaxAnswer, MaxConnections and PollInterval must not be negative.")
	}
	for _, file := range []struct{ field, name, path string }{
		{"MTLSCertPath", "mtls_cert_path", c.MTLSCertPath},
		{"MTLSKeyPath", "mtls_key_path", c.MTLSKeyPath},
		{"NeuronsFile", "neurons_file", c.NeuronsFile},
	} {
		if file.path == "" {
			continue
		}
		if _, err := os.Stat(file.path); err != nil {
			detail := file.name + " not found: '" + file.path + "'"
			if !errors.Is(err, fs.ErrNotExist) {
				detail = file.name + " cannot be read: '" + file.path + "'"
			}
			return "", &ConfigError{Field: file.field, Detail: detail, Err: err}
		}
	}
	return strings.TrimRight(address.String(), "/"), nil
}
