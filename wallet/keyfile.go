package wallet

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bittensor-pylon/pylon/ss58"
)

// The errors on which a caller may want to act. The functions that read key
// files return them, wrapped in what tells the file.
var (
	// ErrNoPassword means that the file is encrypted and nobody knew a password.
	ErrNoPassword = errors.New("the file is encrypted and there is no password for it")
	// ErrWrongPassword means that the password does not open the file. A changed
	// file looks the same.
	ErrWrongPassword = errors.New("the password is wrong")
	// ErrMismatch means that the key is not the one of the address beside it.
	ErrMismatch = errors.New("the key does not match the address")
)

// fields are what a key file of Bittensor says. An absent field is nil; an empty
// text is not absent.
type fields struct {
	scheme                            Scheme
	phrase, seed, privateKey, address *string
}

// parseFields reads the JSON of a key file as bittensor-wallet since 4.1.0 does:
// unknown fields are ignored, and known ones of another type count as absent.
// Only cryptoType is strict: a guess would give another key.
func parseFields(content []byte) (f fields, err error) {
	var object map[string]json.RawMessage
	if !utf8.Valid(content) || json.Unmarshal(content, &object) != nil || object == nil {
		if isBare(content) {
			return f, errors.New("the file holds a bare seed or phrase (or, if it is old, a public key) and not the JSON of a key")
		}
		return f, errors.New("the file is not the JSON object of a key")
	}
	switch raw := string(object["cryptoType"]); raw {
	case "", "null", "1":
	case "0":
		f.scheme = Ed25519
	default:
		return f, errors.New("the cryptoType of the file is neither 0 (ed25519) nor 1 (sr25519)")
	}
	text := func(name string) *string {
		var s *string
		if json.Unmarshal(object[name], &s) != nil {
			return nil
		}
		return s
	}
	f.phrase, f.seed = text("secretPhrase"), text("secretSeed")
	f.privateKey, f.address = text("privateKey"), text("ss58Address")
	return f, nil
}

// ParseKey reads the content of a plain key file, which holds a phrase, a seed
// or a private key; the first of them counts, in this order. It must be the key
// of the file's ss58Address, if there is one: else the error is ErrMismatch. What
// the file says of a public key is of no account, as in all of Bittensor's
// wallets. Errors do not quote the file.
func ParseKey(content []byte) (*Keypair, error) {
	key, err := parseKey(content)
	if err != nil {
		return nil, fmt.Errorf("wallet: %w", err)
	}
	return key, nil
}

func parseKey(content []byte) (*Keypair, error) {
	f, err := parseFields(content)
	if err != nil {
		return nil, err
	}
	key, err := f.key()
	if err != nil {
		return nil, err
	}
	if err := key.Public().check(); err != nil {
		return nil, err
	}
	if f.address == nil {
		return key, nil
	}
	public, err := f.public()
	if err != nil {
		return nil, err
	}
	if public.Key != key.pub {
		return nil, fmt.Errorf("%w: the file says %s and holds the key of %s", ErrMismatch, public, key.Address())
	}
	return key, nil
}

// key makes the key of the first secret that there is.
func (f fields) key() (*Keypair, error) {
	switch {
	case f.phrase != nil:
		seed, err := mnemonicSeed(*f.phrase, "")
		if err != nil {
			return nil, fmt.Errorf("secretPhrase: %w", err)
		}
		return f.scheme.fromSeed(seed, strings.Join(strings.Fields(*f.phrase), " ")), nil
	case f.seed != nil:
		raw, err := parseHex(*f.seed)
		switch {
		case err == nil && len(raw) == 32:
			return f.scheme.FromSeed([32]byte(raw)), nil
		case err == nil && len(raw) == 64:
			return f.scheme.fromPrivate(raw)
		case f.privateKey != nil && f.address != nil:
			// bittensor-wallet up to 4.1.1 writes some seeds as text instead of
			// hexadecimal. The private key beside it is right, and the address
			// proves it.
			return f.fromPrivateKey()
		default:
			return nil, errors.New("secretSeed: a seed has 64 hexadecimal digits")
		}
	case f.privateKey != nil:
		return f.fromPrivateKey()
	case f.address != nil:
		return nil, errors.New("the file holds an address and no secret key")
	default:
		return nil, errors.New("the file holds no key")
	}
}

func (f fields) fromPrivateKey() (*Keypair, error) {
	raw, err := parseHex(*f.privateKey)
	if err != nil {
		return nil, errors.New("privateKey: not hexadecimal")
	}
	key, err := f.scheme.fromPrivate(raw)
	if err != nil {
		return nil, fmt.Errorf("privateKey: %w", err)
	}
	return key, nil
}

// fromPrivate takes the private key of a file: a seed of 32 bytes, or 64 bytes,
// which are scalar and nonce in sr25519, seed and public key in ed25519.
func (s Scheme) fromPrivate(raw []byte) (*Keypair, error) {
	switch {
	case len(raw) == 32 && s == Ed25519:
		return newKeypair(s, edFromSeed([32]byte(raw)), origin{}), nil
	case len(raw) == 32:
		return s.FromSeed([32]byte(raw)), nil
	case len(raw) != 64:
		return nil, fmt.Errorf("a private key of %v has 32 or 64 bytes, this one %d", s, len(raw))
	case s == Ed25519:
		key := s.FromSeed([32]byte(raw))
		if key.pub != [32]byte(raw[32:]) {
			return nil, errors.New("the halves of the private key do not match")
		}
		return key, nil
	default:
		private, err := srFromPrivate(raw)
		if err != nil {
			return nil, err
		}
		return newKeypair(s, private, origin{}), nil
	}
}

// ParsePublic reads the content of a public key file, such as coldkeypub.txt, by
// its ss58Address, whatever network that is written for. It reads a plain secret
// file too, by its secret.
func ParsePublic(content []byte) (Public, error) {
	public, err := parsePublic(content)
	if err != nil {
		return Public{}, fmt.Errorf("wallet: %w", err)
	}
	return public, nil
}

func parsePublic(content []byte) (Public, error) {
	f, err := parseFields(content)
	if err != nil {
		return Public{}, err
	}
	if f.phrase != nil || f.seed != nil || f.privateKey != nil {
		key, err := parseKey(content)
		if err != nil {
			return Public{}, err
		}
		return key.Public(), nil
	}
	return f.public()
}

// public is the key of the address.
func (f fields) public() (Public, error) {
	if f.address == nil {
		return Public{}, errors.New("the file has no ss58Address")
	}
	key, _, err := ss58.Decode(*f.address)
	if err != nil {
		return Public{}, errors.New("the ss58Address of the file is not an address")
	}
	public := Public{Scheme: f.scheme, Key: key}
	return public, public.check()
}

// parseBare reads what SDK 11 accepts beside JSON: a seed or a phrase and
// nothing else. That is sr25519.
func parseBare(content []byte) (*Keypair, error) {
	text := strings.TrimSpace(string(content))
	if raw, err := parseHex(text); err == nil && len(raw) == 32 {
		return FromSeed([32]byte(raw)), nil
	}
	seed, err := mnemonicSeed(text, "")
	if err != nil {
		return nil, errors.New("the file holds neither the JSON of a key, nor a seed, nor a phrase")
	}
	return Sr25519.fromSeed(seed, strings.Join(strings.Fields(text), " ")), nil
}

func isBare(content []byte) bool {
	_, err := parseBare(content)
	return err == nil
}

// parseHex reads hexadecimal digits with or without 0x before them.
func parseHex(text string) ([]byte, error) {
	return hex.DecodeString(strings.TrimPrefix(text, "0x"))
}

// written is a key file as it is written. cryptoType stands in it for ed25519
// alone: bittensor-wallet up to 4.0.1 refuses a file that has one.
type written struct {
	AccountID    string `json:"accountId"`
	PublicKey    string `json:"publicKey"`
	PrivateKey   string `json:"privateKey,omitempty"`
	SecretPhrase string `json:"secretPhrase,omitempty"`
	SecretSeed   string `json:"secretSeed,omitempty"`
	Address      string `json:"ss58Address"`
	CryptoType   *int   `json:"cryptoType,omitempty"`
}

func (p Public) written() written {
	key := "0x" + hex.EncodeToString(p.Key[:])
	w := written{AccountID: key, PublicKey: key, Address: p.Address()}
	if p.Scheme == Ed25519 {
		w.CryptoType = new(int)
	}
	return w
}

// EncodePublic returns the content of a public key file.
func EncodePublic(p Public) []byte { return p.written().encode() }

// EncodeKey returns the content of a plain key file, secrets and all: the phrase
// and the seed, if the key was made from them, and the private key.
func EncodeKey(k *Keypair) []byte {
	w, from := k.Public().written(), k.origin()
	w.PrivateKey = "0x" + hex.EncodeToString(k.private().bytes())
	w.SecretPhrase = from.phrase
	if from.seed != nil {
		w.SecretSeed = "0x" + hex.EncodeToString(from.seed)
	}
	return w.encode()
}

func (w written) encode() []byte {
	content, err := json.Marshal(w)
	if err != nil {
		panic("wallet: encoding a key file: " + err.Error()) // strings and a number
	}
	return content
}
