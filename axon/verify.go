package axon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/synapse"
)

// The texts of refused signatures are those of the SDK, because callers are
// told them and may look for them.
var (
	errNoHotkey         = errors.New("No SS58 formatted address or public key provided.")     //nolint:revive,staticcheck // Python's text
	errMissingNonce     = errors.New("Missing Nonce")                                         //nolint:revive,staticcheck // Python's text
	errMissingSignature = errors.New("Missing Signature")                                     //nolint:staticcheck // Python's text
	errNonceUsed        = errors.New("Nonce is too old, a newer one was last processed")      //nolint:staticcheck // Python's text
	errNonceStart       = errors.New("Nonce is too old, it is from before this axon started") //nolint:staticcheck // like the others
	errNonceFuture      = errors.New("Nonce is from the future: the clocks differ too much")  //nolint:staticcheck // like the others
)

// allowedDelta is how old the nonce of a message may be, besides its timeout.
const allowedDelta = 4 * time.Second

// DefaultVerify checks who sent a message: the signature of its headers, and
// that its nonce is fresh and was not used before. It is what a route without
// the hook Verify does, and for such hooks to call. The message has to come from
// the hook's or the function's context. The texts of its errors are for the
// caller.
func (a *Axon) DefaultVerify(ctx context.Context, m synapse.Message) error {
	c, ok := ctx.Value(callKey{}).(*call)
	if ok && c.caller().BTAuth {
		return nil // its signature was checked before any hook
	}
	base := m.Base()
	var known *call
	if ok && c.caller().Hotkey == base.Dendrite.Hotkey.Or("") {
		known = c // which has decoded the hotkey already
	}
	public, err := a.verify(ctx, base, known)
	if err != nil {
		return err
	}
	if ok {
		caller := *c.caller()
		caller.PublicKey, caller.Verified = public, true
		c.prove(caller)
	}
	return nil
}

func (a *Axon) verify(ctx context.Context, base *synapse.Synapse, c *call) (public [32]byte, err error) {
	from := &base.Dendrite
	hotkey, ok := from.Hotkey.Get()
	if !ok {
		return public, errNoHotkey
	}
	var prefix uint16
	if c != nil {
		public, prefix, err = c.caller().PublicKey, c.prefix, c.addressErr
	} else {
		public, prefix, err = ss58.Decode(hotkey)
	}
	if err != nil || a.config.Mode == Strict && prefix != ss58.Bittensor {
		return public, addressError(hotkey, err)
	}
	buffer := buffers.Get().(*[]byte)
	defer release(buffer)
	message := synapse.AppendRequestMessage((*buffer)[:0], from, a.hotkey, base.ComputedBodyHash())
	*buffer = message
	nonce, ok := from.Nonce.Get()
	if !ok {
		return public, errMissingNonce
	}
	client := hotkey + ":" + from.UUID.Or("None")
	now := a.config.Now()
	expires, err := a.checkNonce(ctx, base, client, nonce, now)
	if err != nil {
		return public, err
	}

	text := from.Signature.Or("")
	if text == "" {
		return public, errMissingSignature
	}
	signature, err := synapse.ParseSignature(text)
	if err != nil {
		return public, err
	}
	if !a.signed(public, message, signature) {
		return public, fmt.Errorf("Signature mismatch with %s and %s", message, text) //nolint:staticcheck // Python's text
	}

	advanced, err := a.config.Nonces.Advance(ctx, client, nonce, now, expires)
	if err != nil {
		return public, &storeError{err}
	}
	if !advanced {
		return public, errNonceUsed
	}
	if prefix == ss58.Bittensor {
		a.known.add(hotkey, public)
	}
	return public, nil
}

// storeError is a failure of the nonce store, which is not the caller's.
type storeError struct{ err error }

func (e *storeError) Error() string { return "nonce store: " + e.err.Error() }

func (e *storeError) Unwrap() error { return e.err }

// signed checks a signature. The all-zero key is the neutral element, for which
// a constant is a signature of everything.
func (a *Axon) signed(public [32]byte, message []byte, signature [64]byte) bool {
	if public == ([32]byte{}) {
		return false
	}
	if a.config.Verifier.Verify(public, message, signature) {
		return true
	}
	if a.config.Mode == Strict {
		return false
	}
	wrapped := append(append([]byte("<Bytes>"), message...), "</Bytes>"...)
	return a.config.Verifier.Verify(public, wrapped, signature)
}

// checkNonce applies the rules of the nonce before the signature is looked at,
// and returns when its record may go.
func (a *Axon) checkNonce(ctx context.Context, base *synapse.Synapse, client string, nonce int64, now time.Time) (expires time.Time, err error) {
	last, known, err := a.config.Nonces.Last(ctx, client)
	if err != nil {
		return expires, &storeError{err}
	}
	if known && nonce <= last {
		return expires, errNonceUsed
	}
	if a.config.Mode == Compatible {
		timed := base.Dendrite.Version.Or(0) >= synapse.TimedNonceVersion
		if timed && !known {
			err = checkWindow(nonce, now, base.Timeout.Or(0))
		}
		return time.Time{}, err
	}
	switch {
	case nonce > now.Add(a.config.MaxSkew).UnixNano():
		return expires, errNonceFuture
	case nonce < a.notBefore:
		return expires, errNonceStart
	}
	// The version says which kind of nonce this is, but no signature covers it.
	if err := checkWindow(nonce, now, a.timeout(base).Seconds()); err != nil {
		return expires, err
	}
	return time.Unix(0, nonce).Add(allowedDelta + a.config.MaxTimeout), nil
}

// checkWindow refuses a nonce that is as old as the window or older. The
// timeout is in seconds, and may be what no clock shows.
func checkWindow(nonce int64, now time.Time, timeout float64) error {
	window := float64(allowedDelta) + timeout*float64(time.Second)
	age := float64(now.UnixNano()) - float64(nonce)
	exact := math.Abs(window) < math.MaxInt64/2 && nonce > 0
	if exact && now.UnixNano()-nonce < int64(window) || !exact && !(age >= window) {
		return nil
	}
	const format = "Nonce is too old: acceptable delta is %.2f seconds but request was %.2f seconds old"
	return fmt.Errorf(format, window/float64(time.Second), age/float64(time.Second)) //nolint:staticcheck // Python's text
}

// timeout is the message's timeout within our bounds.
func (a *Axon) timeout(base *synapse.Synapse) time.Duration {
	seconds := base.Timeout.Or(0)
	switch {
	case !(seconds > 0): // also not a number
		return 0
	case seconds >= a.config.MaxTimeout.Seconds():
		return a.config.MaxTimeout
	}
	return time.Duration(seconds * float64(time.Second))
}

// base58 are the characters of an address.
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// addressError says what is wrong with an address in the words of the SDK, which
// looks at the characters before it looks at the length.
func addressError(hotkey string, err error) error {
	reason := "Invalid SS58 prefix byte."
	switch {
	case errors.Is(err, ss58.ErrLength) && strings.Trim(hotkey, base58) == "":
		reason = "Length is bad"
	case errors.Is(err, ss58.ErrLength) || errors.Is(err, ss58.ErrAlphabet):
		reason = "Base 58 requirement is violated"
	case errors.Is(err, ss58.ErrChecksum):
		reason = "Invalid checksum"
	}
	return errors.New("Invalid SS58 address: " + reason)
}
