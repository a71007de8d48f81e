package btauth

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Signer is a hotkey. A *wallet.Keypair is one.
type Signer interface {
	// Address is the SS58 address, with prefix 42.
	Address() string
	Sign(message []byte) [64]byte
}

// SenderConfig configures a Sender.
type SenderConfig struct {
	// Signer is the hotkey that signs. Required.
	Signer Signer
	// Scheme is the scheme of that hotkey. Defaults to Sr25519.
	Scheme Scheme
	// Receiver is the address of the hotkey that requests are for. Without it
	// they are unbound: any server that allows that takes them, once each.
	// Defaults to none.
	Receiver string
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c *SenderConfig) validate() error {
	switch {
	case c.Signer == nil:
		return errors.New("btauth: Signer is required")
	case c.Scheme > Ed25519:
		return fmt.Errorf("btauth: Scheme %v is unknown", c.Scheme)
	case strings.ContainsAny(c.Receiver, "\r\n"):
		return errors.New("btauth: Receiver is no address")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Sender signs requests with one hotkey. It is safe for concurrent use, and no
// two requests that it signs have the same nonce. Use one Sender for a hotkey
// in a process.
type Sender struct {
	config SenderConfig
	last   atomic.Int64
}

// NewSender returns a Sender.
func NewSender(c SenderConfig) (*Sender, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Sender{config: c}, nil
}

// nonce returns the time in nanoseconds, or one more than the last nonce.
func (s *Sender) nonce() int64 {
	for {
		last := s.last.Load()
		next := max(s.config.Now().UnixNano(), last+1)
		if s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Sign returns the headers of a request for the configured receiver.
func (s *Sender) Sign(r Request) (http.Header, error) { return s.SignFor(s.config.Receiver, r) }

// SignFor is Sign for another receiver; empty makes the request unbound. Every
// attempt to send a request needs headers of its own.
func (s *Sender) SignFor(receiver string, r Request) (http.Header, error) {
	nonce := s.nonce()
	hotkey := s.config.Signer.Address()
	payload, err := r.payload(s.config.Scheme, nonce, hotkey, receiver)
	if err != nil {
		return nil, fmt.Errorf("btauth: %w", err)
	}
	signature := s.config.Signer.Sign(payload)
	header := http.Header{
		HeaderVersion:   {version},
		HeaderHotkey:    {hotkey},
		HeaderNonce:     {strconv.FormatInt(nonce, 10)},
		HeaderSignature: {"0x" + hex.EncodeToString(signature[:])},
	}
	if s.config.Scheme != Sr25519 {
		header[HeaderCrypto] = []string{s.config.Scheme.String()}
	}
	if receiver != "" {
		header[HeaderReceiver] = []string{receiver}
	}
	return header, nil
}
