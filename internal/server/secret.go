package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a Secret prints as.
const redacted = "[secret]"

// Secret is a token that must not be seen. Whatever prints it prints a fixed word instead: fmt, slog, encoding/json
// and every encoder that asks for text. The empty Secret means that no token is configured.
type Secret string

// String returns a fixed word, also for the empty secret.
func (Secret) String() string { return redacted }

// GoString returns a fixed word.
func (Secret) GoString() string { return redacted }

// Format prints a fixed word for every verb, wrong ones included.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// LogValue returns a fixed word, for slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a fixed word.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns a fixed word.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText takes the secret itself, so that settings can be read into it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// digest is what a token is compared by. Digests have one length whatever the token's, so that the time of a
// comparison says nothing about it.
type digest [sha256.Size]byte

func (s Secret) digest() digest { return sha256.Sum256([]byte(s)) }

// matches tells in constant time whether the token is the one that d was made from.
func (d *digest) matches(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(d[:], sum[:]) == 1
}
