package axon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/synapse"
)

// Mode tells how far peers are believed. See the package comment.
type Mode uint8

// The modes.
const (
	Strict Mode = iota
	Compatible
)

// String is "strict" or "compatible".
func (m Mode) String() string {
	switch m {
	case Strict:
		return "strict"
	case Compatible:
		return "compatible"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Config configures an Axon.
type Config struct {
	// Settings are the address and the number of workers; SettingsFrom reads them
	// from flags and the environment.
	Settings

	// Signer is the hotkey of this neuron. Required.
	Signer synapse.Signer
	// Verifier checks the signatures of callers: wallet.NewVerifier's, or
	// wallet.Sr25519, which is slower where there are many. Required.
	Verifier synapse.Verifier
	// Coldkey is the address of the coldkey, for Info. Defaults to "".
	Coldkey string
	// Mode tells how far peers are believed. Defaults to Strict.
	Mode Mode
	// BTAuth accepts requests signed with btauth/1 as well; its Receiver must be
	// the address of Signer. Defaults to nil: they are refused.
	BTAuth *btauth.Authenticator

	// Nonces remembers the nonces of clients; package sqlnonces has one that lasts
	// and that replicas share. Defaults to a MemoryNonces of its own; then
	// messages are refused, in Strict mode, that were signed before New, because
	// the process before this one may have taken them. (One from a caller whose
	// clock is ahead can be taken again for as long as that clock is ahead.)
	Nonces NonceStore
	// MaxTimeout is the longest timeout of a message that counts, for the age of
	// its nonce and for how long a function may take. Only for Strict mode.
	// Defaults to 10 minutes.
	MaxTimeout time.Duration
	// MaxSkew is how much a caller's clock may be ahead of ours. Only for Strict
	// mode. Defaults to 4 s; negative means 0.
	MaxSkew time.Duration

	// MaxBody is the size of the largest body, in bytes. Defaults to 16 MiB.
	MaxBody int64
	// MaxHeader is the size of the largest head of a request, in bytes. Defaults
	// to 64 KiB.
	MaxHeader int
	// MaxQueue is how many messages may wait for a worker. When there are more,
	// the one with the lowest priority is answered with status 503. Defaults to
	// 1024.
	MaxQueue int
	// MaxConnections is how many connections Start accepts at once. Defaults to
	// 4096.
	MaxConnections int
	// HeaderTimeout is the time for the head of a request. Defaults to 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout is the time for the body of a request. Defaults to 30 s.
	BodyTimeout time.Duration
	// WriteTimeout is the time in which a caller has to take an answer, or the
	// next piece of a stream. Defaults to 30 s.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection may be unused. Defaults to 2 minutes.
	IdleTimeout time.Duration

	// TLS makes Start serve HTTPS. Defaults to nil: plain HTTP, which is all that
	// Python dendrites speak. Certificate makes a certificate for a key of the
	// chain.
	TLS *tls.Config
	// Logger gets errors, and messages at the debug level. Defaults to nothing.
	Logger *slog.Logger
	// Observe is called once for each message, after its answer. Defaults to
	// nothing; Metrics makes one for Prometheus.
	Observe func(Observation)
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c *Config) validate() error {
	switch {
	case c.Signer == nil:
		return errors.New("axon: Signer is required")
	case c.Verifier == nil:
		return errors.New("axon: Verifier is required: nobody would be checked")
	case c.Mode > Compatible:
		return fmt.Errorf("axon: Mode %v is unknown", c.Mode)
	}
	if _, _, err := ss58.Decode(c.Signer.Address()); err != nil {
		return fmt.Errorf("axon: Signer: %w", err)
	}
	if c.BTAuth != nil && c.BTAuth.Receiver() != c.Signer.Address() {
		return errors.New("axon: BTAuth: its Receiver is not the address of Signer")
	}
	if err := c.Settings.setDefaults(); err != nil {
		return err
	}
	for name, d := range map[string]time.Duration{
		"MaxTimeout": c.MaxTimeout, "HeaderTimeout": c.HeaderTimeout, "BodyTimeout": c.BodyTimeout,
		"WriteTimeout": c.WriteTimeout, "IdleTimeout": c.IdleTimeout,
	} {
		if d < 0 {
			return fmt.Errorf("axon: %s is negative", name)
		}
	}
	for name, n := range map[string]int64{
		"MaxBody": c.MaxBody, "MaxHeader": int64(c.MaxHeader), "MaxQueue": int64(c.MaxQueue), "MaxConnections": int64(c.MaxConnections),
	} {
		if n < 0 {
			return fmt.Errorf("axon: %s is negative", name)
		}
	}
	setDefault(&c.MaxTimeout, 10*time.Minute)
	setDefault(&c.MaxSkew, 4*time.Second)
	c.MaxSkew = max(c.MaxSkew, 0)
	setDefault(&c.MaxBody, 16<<20)
	setDefault(&c.MaxHeader, 64<<10)
	setDefault(&c.MaxQueue, 1024)
	setDefault(&c.MaxConnections, 4096)
	setDefault(&c.HeaderTimeout, 10*time.Second)
	setDefault(&c.BodyTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.IdleTimeout, 2*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(Observation) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
