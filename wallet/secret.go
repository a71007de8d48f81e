package wallet

import "fmt"

// hidden is what a Secret prints as.
const hidden = "[secret]"

// Secret is a text that must not be seen: a password or a phrase. However it is
// printed, logged or encoded, a fixed word comes out; Reveal is the only way to
// the text. The zero Secret is no secret.
type Secret struct {
	// A function for the reason that Keypair has one.
	text func() string
}

// NewSecret returns the secret of a text; of an empty one, the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns a fixed word.
func (s Secret) String() string { return hidden }

// GoString returns a fixed word.
func (s Secret) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText returns a fixed word. Package log/slog and the encodings of the
// standard library, JSON among them, take it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
