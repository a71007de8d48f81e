package intents

import (
	"crypto/ed25519"
	"encoding/hex"
	"testing"
)

// publicOf is the public key of an Ed25519 seed, both in hexadecimal digits.
func publicOf(t *testing.T, seed string) string {
	t.Helper()
	b, err := hex.DecodeString(seed)
	must(t, err)
	return hex.EncodeToString(ed25519.NewKeyFromSeed(b).Public().(ed25519.PublicKey))
}
