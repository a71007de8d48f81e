package pylon

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// envPrefix begins the names of the variables, which are those of the Python client.
const envPrefix = "PYLON_CLIENT_"

// FromEnv returns an open client whose configuration comes from the environment where config leaves it open. See
// Config.WithEnv.
func FromEnv(config Config) (*Client, error) {
	config, err := config.WithEnv(os.Environ())
	if err != nil {
		return nil, err
	}
	return New(config)
}

// WithEnv fills the fields that are not set from variables, each in the form name=value:
//
//	PYLON_CLIENT_ADDRESS                    Address
//	PYLON_CLIENT_OPEN_ACCESS_TOKEN          OpenAccessToken
//	PYLON_CLIENT_OPEN_ACCESS_WITHOUT_TOKEN  OpenAccessWithoutToken: true or false
//	PYLON_CLIENT_IDENTITY_NAME              IdentityName
//	PYLON_CLIENT_IDENTITY_TOKEN             IdentityToken
//	PYLON_CLIENT_TIMEOUT                    Timeouts in seconds: {"connect": 5, "read": 60, "write": 5, "pool": 5}
//	PYLON_CLIENT_TIMEOUT__READ              Timeouts.Read; also __CONNECT, __WRITE, __POOL
//	PYLON_CLIENT_NEURONS_FILE               NeuronsFile
//	PYLON_CLIENT_MTLS_CERT_PATH             MTLSCertPath
//	PYLON_CLIENT_MTLS_KEY_PATH              MTLSKeyPath
//	PYLON_CLIENT_NEURON_KEEPALIVE_EXPIRY    NeuronKeepAlive in seconds
//
// Names are taken in either case, unknown ones and empty values are ignored. A part of a timeout wins over the whole.
// There is no variable for the retry policy: PYLON_CLIENT_RETRY is an error.
func (c Config) WithEnv(environ []string) (Config, error) {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if key, ours := strings.CutPrefix(strings.ToUpper(name), envPrefix); ours && value != "" {
			values[key] = value
		}
	}
	if _, set := values["RETRY"]; set {
		return c, envError("RETRY", "the retry policy cannot be set by a variable")
	}
	for name, field := range map[string]*string{
		"ADDRESS":           &c.Address,
		"OPEN_ACCESS_TOKEN": &c.OpenAccessToken,
		"IDENTITY_NAME":     &c.IdentityName,
		"IDENTITY_TOKEN":    &c.IdentityToken,
		"NEURONS_FILE":      &c.NeuronsFile,
		"MTLS_CERT_PATH":    &c.MTLSCertPath,
		"MTLS_KEY_PATH":     &c.MTLSKeyPath,
	} {
		if *field == "" {
			*field = values[name]
		}
	}
	if text := values["OPEN_ACCESS_WITHOUT_TOKEN"]; text != "" && !c.OpenAccessWithoutToken {
		without, err := strconv.ParseBool(text)
		if err != nil {
			return c, envError("OPEN_ACCESS_WITHOUT_TOKEN", "it is neither true nor false")
		}
		c.OpenAccessWithoutToken = without
	}
	if text := values["NEURON_KEEPALIVE_EXPIRY"]; text != "" && c.NeuronKeepAlive == 0 {
		keep, err := parseSeconds(text)
		if err != nil {
			return c, envError("NEURON_KEEPALIVE_EXPIRY", err.Error())
		}
		if keep == 0 {
			keep = -1 // not at all
		}
		c.NeuronKeepAlive = keep
	}
	return c, c.Timeouts.fill(values)
}

// fill sets the times that are not set.
func (t *Timeouts) fill(values map[string]string) error {
	whole := map[string]json.Number{}
	if text := values["TIMEOUT"]; text != "" {
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			return envError("TIMEOUT", "it is no JSON object of numbers")
		}
	}
	for _, part := range []struct {
		name  string
		field *time.Duration
	}{{"CONNECT", &t.Connect}, {"READ", &t.Read}, {"WRITE", &t.Write}, {"POOL", &t.Pool}} {
		name, text := "TIMEOUT__"+part.name, values["TIMEOUT__"+part.name]
		if text == "" {
			name, text = "TIMEOUT", whole[strings.ToLower(part.name)].String()
		}
		if text == "" || *part.field != 0 {
			continue
		}
		seconds, err := parseSeconds(text)
		if err != nil {
			return envError(name, err.Error())
		}
		if seconds == 0 {
			return envError(name, "it must be more than 0")
		}
		*part.field = seconds
	}
	return nil
}

// parseSeconds reads a number of seconds, which is not negative.
func parseSeconds(text string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0) || seconds > math.MaxInt64/float64(2*time.Second) {
		return 0, fmt.Errorf("%q is no number of seconds", text)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

func envError(name, detail string) error {
	return &ConfigError{Field: envPrefix + name, Detail: envPrefix + name + ": " + detail}
}
