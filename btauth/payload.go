package btauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The headers of a signed request.
const (
	HeaderVersion   = "X-Bittensor-Version"
	HeaderHotkey    = "X-Bittensor-Hotkey"
	HeaderNonce     = "X-Bittensor-Nonce"
	HeaderSignature = "X-Bittensor-Signature"
	HeaderCrypto    = "X-Bittensor-Crypto"   // only for ed25519
	HeaderReceiver  = "X-Bittensor-Receiver" // absent from unbound requests
)

// version is the one version of the protocol.
const version = "1"

// Scheme is a signature scheme. The zero Scheme is Sr25519, which practically
// every hotkey uses.
type Scheme uint8

// The schemes of btauth/1.
const (
	Sr25519 Scheme = iota
	Ed25519
)

// String returns the scheme's name in headers and payloads.
func (s Scheme) String() string {
	switch s {
	case Sr25519:
		return "sr25519"
	case Ed25519:
		return "ed25519"
	}
	return fmt.Sprintf("Scheme(%d)", uint8(s))
}

// Request is the part of an HTTP request that a signature covers.
type Request struct {
	// Method is upper-cased in the payload.
	Method string
	// Target is the request target exactly as on the wire: http.Request's
	// RequestURI on the server's side, URL.RequestURI() on the client's.
	Target string
	// Body is the body after transfer coding and before content coding.
	Body []byte
}

// errTarget is why a request cannot be signed.
var errTarget = errors.New("the method or the target is not one line of UTF-8")

// payload returns the bytes that are signed. Receiver is empty when the request
// is not bound to one.
func (r Request) payload(scheme Scheme, nonce int64, hotkey, receiver string) ([]byte, error) {
	// Lines are not escaped, so a line feed would make one request look like
	// another.
	for _, line := range [...]string{r.Method, r.Target} {
		if strings.ContainsAny(line, "\r\n") || !utf8.ValidString(line) {
			return nil, errTarget
		}
	}
	if receiver == "" {
		receiver = "-"
	}
	sum := sha256.Sum256(r.Body)
	var b bytes.Buffer
	b.Grow(256 + len(r.Target))
	b.WriteString("btauth/1\n")
	b.WriteString(scheme.String())
	b.WriteByte('\n')
	b.WriteString(strings.ToUpper(r.Method))
	b.WriteByte('\n')
	b.WriteString(r.Target)
	b.WriteByte('\n')
	b.Write(hex.AppendEncode(b.AvailableBuffer(), sum[:]))
	b.WriteByte('\n')
	b.Write(strconv.AppendInt(b.AvailableBuffer(), nonce, 10))
	b.WriteByte('\n')
	b.WriteString(hotkey)
	b.WriteByte('\n')
	b.WriteString(receiver)
	return b.Bytes(), nil
}
