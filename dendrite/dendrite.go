package dendrite

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Config configures a Dendrite.
type Config struct {
	// Signer is the hotkey that signs. Required.
	Signer synapse.Signer
	// ExternalIP is our own address as others see it. It is told to axons, and an
	// axon that announces the same address is called through the loopback
	// interface. Defaults to none.
	ExternalIP string
	// PublicKey returns the public key of the certificate that a target has on the
	// chain. Such targets are called by HTTPS, and have to have that key; nothing
	// is sent to others. Defaults to none: plain HTTP, which is all that Python
	// axons speak.
	PublicKey func(target synapse.AxonInfo) (key ed25519.PublicKey, ok bool)
	// Certificate is ours for targets that are called by HTTPS and ask for one.
	// Defaults to none.
	Certificate *tls.Certificate
	// Concurrency is how many calls Forward makes at once. Defaults to 256.
	Concurrency int
	// MaxResponse is the size of the largest answer, in bytes; for streams, of the
	// largest error answer. Defaults to 64 MiB.
	MaxResponse int64
	// Transport sends requests instead of HTTP connections of our own. Defaults to
	// none.
	Transport http.RoundTripper
	// Observe is called once for each call, after its end. Defaults to nothing.
	Observe func(Observation)
	// Now is the clock of the nonces. Defaults to time.Now.
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.ExternalIP != "" {
		ip, err := netip.ParseAddr(c.ExternalIP)
		if err != nil {
			return errors.New("dendrite: ExternalIP is no address")
		}
		c.ExternalIP = ip.Unmap().String()
	}
	switch {
	case c.Signer == nil:
		return errors.New("dendrite: Signer is required")
	case c.Concurrency < 0:
		return errors.New("dendrite: Concurrency is negative")
	case c.MaxResponse < 0:
		return errors.New("dendrite: MaxResponse is negative")
	}
	if c.Concurrency == 0 {
		c.Concurrency = 256
	}
	if c.MaxResponse == 0 {
		c.MaxResponse = 64 << 20
	}
	if c.Observe == nil {
		c.Observe = func(Observation) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Dendrite calls axons. It keeps connections to use them again. It is safe for
// concurrent use.
type Dendrite struct {
	config Config
	hotkey string
	last   atomic.Int64 // nonce
	lanes  lanes

	plain http.RoundTripper
	mu    sync.Mutex
	// The connections by the public key that the other side has to have.
	pinned map[[ed25519.PublicKeySize]byte]*http.Transport // guarded by mu
}

// New returns a Dendrite. It opens nothing.
func New(c Config) (*Dendrite, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	d := &Dendrite{
		config: c,
		hotkey: c.Signer.Address(),
		lanes:  lanes{uuids: []string{newUUID()}, busy: make(map[string]*lane)},
		plain:  c.Transport,
		pinned: make(map[[ed25519.PublicKeySize]byte]*http.Transport),
	}
	if d.plain == nil {
		d.plain = newTransport()
	}
	return d, nil
}

// Close closes the connections that are not in use. Calls that are being made
// go on, and more can be made.
func (d *Dendrite) Close() {
	if t, ok := d.plain.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.pinned {
		t.CloseIdleConnections()
	}
}

// Hotkey returns the address of the hotkey that signs.
func (d *Dendrite) Hotkey() string { return d.hotkey }

// UUID returns the id under which axons count the nonces of this Dendrite. Of
// calls to one axon at once, only the first has it.
func (d *Dendrite) UUID() string {
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	return d.lanes.uuids[0]
}

// String is dendrite(hotkey).
func (d *Dendrite) String() string { return "dendrite(" + d.hotkey + ")" }

// nonce returns the time in nanoseconds, or one more than the last nonce.
func (d *Dendrite) nonce() int64 {
	for {
		last := d.last.Load()
		next := max(d.config.Now().UnixNano(), last+1)
		if d.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// newUUID returns a random UUID. Python's are made of time and machine, but are
// any text to their readers.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Observation is what came of one call.
type Observation struct {
	// Name is the message's name, and Target the axon that was called.
	Name   string
	Target synapse.AxonInfo
	// Status is the status code in the answer, or 0 when it had none.
	Status int
	// Duration is the time of the whole call.
	Duration time.Duration
	// BytesOut and BytesIn are the sizes of the bodies.
	BytesOut, BytesIn int64
}
