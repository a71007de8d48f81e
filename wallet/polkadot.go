package wallet

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// polkadotExport is an account that polkadot-js exported.
type polkadotExport struct {
	Encoded  string `json:"encoded"`
	Encoding struct {
		Content []string `json:"content"`
		Type    any      `json:"type"` // a list, or in old ones a text
		Version string   `json:"version"`
	} `json:"encoding"`
	Address string `json:"address"`
}

// The parts of what is encrypted: a fixed head, the secret, a fixed divider, the
// public key.
const (
	polkadotHead    = "3053020101300506032b657004220420"
	polkadotDivider = "a123032100"
)

// ParsePolkadot reads an account in the JSON that polkadot-js exports, of version
// 3 and scheme sr25519. The file chooses what its password costs to try; more
// than polkadot-js itself allows (scrypt with 128 MiB) is refused.
func ParsePolkadot(content []byte, password Secret) (*Keypair, error) {
	key, err := parsePolkadot(content, password.Reveal())
	if err != nil {
		return nil, fmt.Errorf("wallet: polkadot-js account: %w", err)
	}
	return key, nil
}

func parsePolkadot(content []byte, password string) (*Keypair, error) {
	if len(content) > maxFile {
		return nil, errTooLarge
	}
	var export polkadotExport
	if json.Unmarshal(content, &export) != nil {
		return nil, errors.New("this is not its JSON")
	}
	if export.Encoding.Version != "3" || !slices.Contains(export.Encoding.Content, "sr25519") {
		return nil, errors.New("only version 3 with a key of sr25519 is read")
	}
	encoded, err := base64.StdEncoding.DecodeString(export.Encoded)
	if err != nil {
		return nil, errors.New("what is encoded is not base64")
	}
	var key [32]byte
	types, _ := export.Encoding.Type.([]any)
	if slices.Contains(types, any("scrypt")) {
		if key, encoded, err = polkadotKey(encoded, password); err != nil {
			return nil, err
		}
	} else {
		copy(key[:], password)
	}
	if len(encoded) < naclNonce {
		return nil, errors.New("what is encoded is cut short")
	}
	plain, ok := secretbox.Open(nil, encoded[naclNonce:], (*[naclNonce]byte)(encoded), &key)
	if !ok {
		return nil, errOpen
	}
	return polkadotSecret(plain, export.Address)
}

// polkadotKey stretches a password by the parameters before what it opens.
func polkadotKey(encoded []byte, password string) (key [32]byte, rest []byte, err error) {
	if len(encoded) < 44 {
		return key, nil, errors.New("what is encoded is cut short")
	}
	salt, parameters := encoded[:32], encoded[32:44]
	n := binary.LittleEndian.Uint32(parameters)
	p := binary.LittleEndian.Uint32(parameters[4:])
	r := binary.LittleEndian.Uint32(parameters[8:])
	const most = 1 << 17 // blocks of 1 KiB, and blocks times passes
	if r != 8 || n < 2 || n&(n-1) != 0 || n > most || p < 1 || uint64(n)*uint64(p) > most {
		return key, nil, errors.New("the parameters of scrypt are not those of polkadot-js")
	}
	stretching.Lock()
	defer stretching.Unlock()
	stretched, err := scrypt.Key([]byte(password), salt, int(n), int(r), int(p), 32)
	if err != nil {
		return key, nil, fmt.Errorf("stretching the password: %w", err)
	}
	return [32]byte(stretched), encoded[44:], nil
}

// polkadotSecret reads what was encrypted. The scalar in it is the one of
// Bittensor's files times eight.
func polkadotSecret(plain []byte, address string) (*Keypair, error) {
	head, _ := hex.DecodeString(polkadotHead)
	divider, _ := hex.DecodeString(polkadotDivider)
	secret, after := len(head)+64, len(head)+64+len(divider)
	if len(plain) != after+32 || string(plain[:len(head)]) != string(head) || string(plain[secret:after]) != string(divider) {
		return nil, errors.New("what is encrypted has an unknown layout")
	}
	raw := plain[len(head):secret]
	if raw[0]&7 != 0 {
		return nil, errors.New("the private key is not of polkadot-js's form")
	}
	for i := range 32 {
		raw[i] >>= 3
		if i < 31 {
			raw[i] |= raw[i+1] << 5
		}
	}
	key, err := Sr25519.fromPrivate(raw)
	if err != nil {
		return nil, err
	}
	named, err := fields{address: &address}.public()
	if err != nil {
		return nil, err
	}
	if key.pub != [32]byte(plain[after:]) || key.pub != named.Key {
		return nil, fmt.Errorf("%w: the account says %s and holds the key of %s", ErrMismatch, named, key.Address())
	}
	return key, nil
}
