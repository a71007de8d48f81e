package synapse

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Signer is a hotkey: an sr25519 key in the signing context "substrate". A
// *wallet.Keypair is one.
type Signer interface {
	// Address is the SS58 address, with prefix 42.
	Address() string
	Sign(message []byte) [64]byte
}

// Verifier checks sr25519 signatures in the signing context "substrate". It
// must refuse the all-zero public key, for which anybody can sign, and not keep
// the message, whose memory is used again. wallet.Sr25519 is one.
type Verifier interface {
	Verify(publicKey [32]byte, message []byte, signature [64]byte) bool
}

// ProtocolVersion is the version of the Python SDK whose protocol this package
// speaks, as neurons tell it to each other.
const ProtocolVersion = 10_005_000

// TimedNonceVersion is the version from which nonces are times: 7.2.0.
const TimedNonceVersion = 7_002_000

// VersionAsInt writes a version such as "10.5.0" as neurons do: 10005000. What
// follows the three numbers (rc1, .dev2) does not count.
func VersionAsInt(version string) (int, error) {
	parts := strings.SplitN(version, ".", 4)
	if len(parts) < 3 {
		return 0, fmt.Errorf("synapse: %q is not a version of three numbers", version)
	}
	out := 0
	for i, part := range parts[:3] {
		digits := part
		if i == 2 {
			end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
			if end >= 0 {
				digits = part[:end]
			}
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || i > 0 && n > 999 || i == 0 && n > 2146 {
			return 0, fmt.Errorf("synapse: %q is not a version of three numbers", version)
		}
		out = out*1000 + int(n)
	}
	return out, nil
}

// RequestMessage is the text that a dendrite signs, and that an axon rebuilds
// from the headers with its own hotkey as the receiver. Absent parts are
// "None".
func RequestMessage(dendrite TerminalInfo, receiver string, bodyHash Optional[string]) []byte {
	return AppendRequestMessage(make([]byte, 0, 256), &dendrite, receiver, bodyHash)
}

// AppendRequestMessage appends what RequestMessage returns.
func AppendRequestMessage(dst []byte, dendrite *TerminalInfo, receiver string, bodyHash Optional[string]) []byte {
	dst = appendNonce(dst, dendrite.Nonce)
	dst = append(append(dst, '.'), dendrite.Hotkey.Or(None)...)
	dst = append(append(dst, '.'), receiver...)
	dst = append(append(dst, '.'), dendrite.UUID.Or(None)...)
	return append(append(dst, '.'), bodyHash.Or(None)...)
}

// ResponseMessage is the text that an axon signs in error answers. Nobody
// checks that signature.
func ResponseMessage(axon, dendrite TerminalInfo) []byte {
	dst := make([]byte, 0, 192)
	dst = appendNonce(dst, axon.Nonce)
	dst = append(append(dst, '.'), dendrite.Hotkey.Or(None)...)
	dst = append(append(dst, '.'), axon.Hotkey.Or(None)...)
	return append(append(dst, '.'), axon.UUID.Or(None)...)
}

func appendNonce(dst []byte, nonce Optional[int64]) []byte {
	if !nonce.Present {
		return append(dst, None...)
	}
	return strconv.AppendInt(dst, nonce.Value, 10)
}

// FormatSignature writes a signature as headers carry it.
func FormatSignature(signature [64]byte) string {
	out := make([]byte, 2, 2+2*len(signature))
	out[0], out[1] = '0', 'x'
	return string(hex.AppendEncode(out, signature[:]))
}

// Errors of ParseSignature. Their texts are those that a Python axon answers
// with.
var (
	ErrSignatureFormat = errors.New("Invalid signature format. Expected hex string.") //nolint:revive,staticcheck // Python's text
	ErrSignatureLength = errors.New("Invalid SR25519 signature.")                     //nolint:revive,staticcheck // Python's text
)

// ParseSignature reads the text of a signature: 0x and 128 hexadecimal digits.
func ParseSignature(text string) (signature [64]byte, err error) {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok {
		return signature, ErrSignatureFormat
	}
	if len(digits) == 2*len(signature) {
		var text [2 * len(signature)]byte // which needs no allocation
		copy(text[:], digits)
		if _, err := hex.Decode(signature[:], text[:]); err == nil {
			return signature, nil
		}
	}
	return signature, signatureError(digits)
}

// signatureError finds the words of the Python SDK for what is wrong.
func signatureError(digits string) error {
	if len(digits)%2 == 1 {
		return errors.New("Invalid hex string: OddLength") //nolint:staticcheck // Python's text
	}
	for i, c := range digits {
		if c > 0x7f || !isHex(byte(c)) {
			return fmt.Errorf("Invalid hex string: InvalidHexCharacter { c: '%c', index: %d }", c, i) //nolint:staticcheck // Python's text
		}
	}
	return ErrSignatureLength
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
