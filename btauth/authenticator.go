package btauth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bittensor-pylon/pylon/ss58"
)

// Why a request is refused. Every error of Verify that is the caller's fault
// wraps one of these, which have the names of the SDK's classes, and none
// contains a signature.
var (
	ErrMalformedAuth   = errors.New("MalformedAuth")
	ErrWrongReceiver   = errors.New("WrongReceiver")
	ErrStaleRequest    = errors.New("StaleRequest")
	ErrBadSignature    = errors.New("BadSignature")
	ErrReplayedRequest = errors.New("ReplayedRequest")
)

// Defaults of Config.
const (
	DefaultMaxAge  = 10 * time.Second
	DefaultMaxSkew = 2 * time.Second

	DefaultBodyTimeout = 30 * time.Second
)

// Verifier checks signatures of one scheme. wallet.Sr25519 and wallet.Ed25519
// are Verifiers.
type Verifier interface {
	Verify(publicKey [32]byte, message []byte, signature [64]byte) bool
}

// NonceStore remembers which nonces were used.
type NonceStore interface {
	// Use records that a hotkey used a nonce, and tells whether this was the first
	// time. Both happen at once: of two equal calls, one is told true. The record
	// may go after expires, when the request is too old; now is the time of the
	// call by the clock that decides that.
	Use(ctx context.Context, hotkey string, nonce int64, now, expires time.Time) (first bool, err error)
}

// Config configures an Authenticator.
type Config struct {
	// Receiver is the address of our own hotkey. Required.
	Receiver string
	// Verifier checks sr25519 signatures. Required.
	Verifier Verifier
	// Ed25519 checks ed25519 signatures. Defaults to none: such requests are
	// refused.
	Ed25519 Verifier
	// AllowUnbound takes requests that name no receiver, which anybody who
	// received one can pass on to another server, once. Defaults to false.
	AllowUnbound bool
	// MaxAge is how long after its signing a request is good. Defaults to 10 s.
	MaxAge time.Duration
	// MaxSkew is how much the sender's clock may be ahead of ours. Defaults to
	// 2 s; negative means 0.
	MaxSkew time.Duration
	// Nonces remembers used nonces. Defaults to a MemoryNonces of its own.
	Nonces NonceStore
	// NotBefore refuses requests that were signed earlier. What a store in memory
	// knew is lost when a process ends; this keeps requests that the process
	// before took from being sent again. (One from a sender whose clock is ahead
	// can be, for as long as that clock is ahead.) Defaults to the time of New
	// when Nonces is not set, and to no limit otherwise.
	NotBefore time.Time
	// MaxBody is how many bytes of body Middleware reads. Defaults to 16 MiB.
	MaxBody int64
	// BodyTimeout is the time that a body has to come in, in Middleware. Defaults
	// to 30 s.
	BodyTimeout time.Duration
	// Refuse answers a request that Middleware does not let through. Defaults to
	// Refuse.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c *Config) validate() error {
	if _, prefix, err := ss58.Decode(c.Receiver); err != nil || prefix != ss58.Bittensor {
		return errors.New("btauth: Receiver is not the address of a hotkey")
	}
	switch {
	case c.Verifier == nil:
		return errors.New("btauth: Verifier is required")
	case c.MaxAge < 0:
		return errors.New("btauth: MaxAge is negative")
	case c.MaxBody < 0:
		return errors.New("btauth: MaxBody is negative")
	case c.BodyTimeout < 0:
		return errors.New("btauth: BodyTimeout is negative")
	}
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	switch {
	case c.MaxSkew == 0:
		c.MaxSkew = DefaultMaxSkew
	case c.MaxSkew < 0:
		c.MaxSkew = 0
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = DefaultBodyTimeout
	}
	if c.Refuse == nil {
		c.Refuse = Refuse
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Nonces == nil {
		c.Nonces = NewMemoryNonces(0)
		if c.NotBefore.IsZero() {
			c.NotBefore = c.Now()
		}
	}
	return nil
}

// Authenticator checks who sent requests. It is safe for concurrent use.
type Authenticator struct{ config Config }

// New returns an Authenticator.
func New(c Config) (*Authenticator, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Authenticator{config: c}, nil
}

// Receiver returns the address of our own hotkey.
func (a *Authenticator) Receiver() string { return a.config.Receiver }

// Caller is who sent a request.
type Caller struct {
	Hotkey    string // SS58 address with prefix 42
	PublicKey [32]byte
	Scheme    Scheme
	Nonce     int64 // the time of signing, in nanoseconds since 1970
	Bound     bool  // whether the request names us as its receiver
}

// claim is what headers say before the signature is checked.
type claim struct {
	Caller
	receiver  string
	signature [64]byte
}

// Signed tells whether a request claims to be signed with btauth.
func Signed(header http.Header) bool { return len(header[HeaderVersion]) > 0 }

// Verify checks a request and uses up its nonce. A request that is refused uses
// none. An error that wraps none of this package's comes from the nonce store.
func (a *Authenticator) Verify(ctx context.Context, header http.Header, r Request) (Caller, error) {
	c, err := a.read(header)
	if err != nil {
		return Caller{}, err
	}
	return a.check(ctx, c, r)
}

// read checks all that can be checked without the body.
func (a *Authenticator) read(header http.Header) (c claim, err error) {
	if value, ok, err := single(header, HeaderVersion); err != nil || !ok || value != version {
		return c, malformed("version", err)
	}
	hotkey, _, err := single(header, HeaderHotkey)
	if err != nil || hotkey == "" {
		return c, malformed("hotkey", err)
	}
	nonceText, _, err := single(header, HeaderNonce)
	if err != nil || !isInteger(nonceText) {
		return c, malformed("nonce", err)
	}
	if scheme, ok, err := single(header, HeaderCrypto); err != nil {
		return c, malformed("crypto", err)
	} else if ok {
		switch {
		case scheme == Sr25519.String():
		case scheme == Ed25519.String() && a.config.Ed25519 != nil:
			c.Scheme = Ed25519
		default:
			return c, malformed("crypto", nil)
		}
	}
	signature, ok, err := single(header, HeaderSignature)
	if err != nil || !ok {
		return c, malformed("signature", err)
	}
	digits, prefixed := strings.CutPrefix(signature, "0x")
	raw, err := hex.DecodeString(digits)
	if err != nil || !prefixed || strings.ToLower(digits) != digits {
		return c, malformed("signature", nil)
	}
	c.receiver, c.Bound, err = single(header, HeaderReceiver)
	switch {
	case err != nil:
		return c, malformed("receiver", err)
	case !c.Bound && !a.config.AllowUnbound:
		return c, fmt.Errorf("%w: the request names no receiver", ErrWrongReceiver)
	case c.Bound && c.receiver != a.config.Receiver:
		return c, fmt.Errorf("%w: the request is for somebody else", ErrWrongReceiver)
	}

	// Nonces that are no int64 are of no time near ours.
	if c.Nonce, err = strconv.ParseInt(nonceText, 10, 64); err != nil {
		return c, fmt.Errorf("%w: the nonce is not a time of these days", ErrStaleRequest)
	}
	// Differences of such nonces may overflow, so limits are computed instead.
	now := a.config.Now().UnixNano()
	switch {
	case c.Nonce < now-int64(a.config.MaxAge):
		return c, fmt.Errorf("%w: signed more than %v ago", ErrStaleRequest, a.config.MaxAge)
	case !a.config.NotBefore.IsZero() && c.Nonce < a.config.NotBefore.UnixNano():
		return c, fmt.Errorf("%w: signed before this server started", ErrStaleRequest)
	case c.Nonce > now+int64(a.config.MaxSkew):
		return c, fmt.Errorf("%w: signed more than %v ahead of our clock", ErrStaleRequest, a.config.MaxSkew)
	}

	if len(raw) != len(c.signature) {
		return c, malformed("signature", nil)
	}
	c.signature = [64]byte(raw)
	var prefix uint16
	c.Hotkey = hotkey
	if c.PublicKey, prefix, err = ss58.Decode(hotkey); err != nil || prefix != ss58.Bittensor {
		return c, malformed("hotkey", nil)
	}
	return c, nil
}

// check checks the signature and the nonce.
func (a *Authenticator) check(ctx context.Context, c claim, r Request) (Caller, error) {
	payload, err := r.payload(c.Scheme, c.Nonce, c.Hotkey, c.receiver)
	if err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrMalformedAuth, err)
	}
	verifier := a.config.Verifier
	if c.Scheme == Ed25519 {
		verifier = a.config.Ed25519
	}
	if weakKey(c.Scheme, c.PublicKey) || !verifier.Verify(c.PublicKey, payload, c.signature) {
		return Caller{}, fmt.Errorf("%w: the signature is not the hotkey's", ErrBadSignature)
	}
	expires := time.Unix(0, c.Nonce).Add(a.config.MaxAge)
	first, err := a.config.Nonces.Use(ctx, c.Hotkey, c.Nonce, a.config.Now(), expires)
	if err != nil {
		return Caller{}, fmt.Errorf("btauth: nonce store: %w", err)
	}
	if !first {
		return Caller{}, fmt.Errorf("%w: the nonce was used before", ErrReplayedRequest)
	}
	return c.Caller, nil
}

// single returns the one value of a header. Two could be read differently by a
// proxy.
func single(header http.Header, name string) (value string, ok bool, err error) {
	switch values := header[name]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	}
	return "", true, errors.New("more than one")
}

func malformed(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrMalformedAuth, what, err)
	}
	return fmt.Errorf("%w: missing or malformed %s", ErrMalformedAuth, what)
}

// isInteger tells whether text is an integer in the one spelling that the SDK
// sends.
func isInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 1 && digits[0] == '0' || len(digits) > 4300 {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
