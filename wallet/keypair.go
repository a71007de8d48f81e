package wallet

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/ss58"
)

// Scheme is a signature scheme. The zero value is Sr25519.
type Scheme uint8

// The schemes that Bittensor's wallets know.
const (
	Sr25519 Scheme = iota
	Ed25519
)

// String returns the scheme's usual name, such as "sr25519".
func (s Scheme) String() string {
	switch s {
	case Sr25519:
		return "sr25519"
	case Ed25519:
		return "ed25519"
	default:
		return fmt.Sprintf("Scheme(%d)", uint8(s))
	}
}

// privateKey is the private half of a key in one scheme. Implementations are
// immutable.
type privateKey interface {
	public() [32]byte
	sign(message []byte) [64]byte
	derive(j junction) (privateKey, error)
	bytes() []byte // as key files have it
}

// origin is what a key was made from, as far as a key file says it. A key below
// a derivation path has neither.
type origin struct {
	phrase string
	seed   []byte
}

// Keypair is a private key and its public key. It is immutable and safe for
// concurrent use. The zero Keypair is of no use; make one with FromURI or
// FromSeed.
type Keypair struct {
	scheme Scheme
	pub    [32]byte
	// A function, because package fmt prints what is behind a pointer or an
	// interface when the Keypair is an unexported field of something printed (it
	// cannot call Format there), but nothing can look into a function.
	private func() privateKey
	origin  func() origin
}

func newKeypair(scheme Scheme, private privateKey, from origin) *Keypair {
	return &Keypair{
		scheme:  scheme,
		pub:     private.public(),
		private: func() privateKey { return private },
		origin:  func() origin { return from },
	}
}

// FromSeed returns the sr25519 key of a seed, which Substrate calls a mini
// secret.
func FromSeed(seed [32]byte) *Keypair { return Sr25519.FromSeed(seed) }

// FromURI returns the sr25519 key of a secret URI such as "//Alice", a
// mnemonic, or a seed in hexadecimal; see the package comment. The error tells
// what is wrong without quoting the URI.
func FromURI(uri string) (*Keypair, error) { return Sr25519.FromURI(uri) }

// Verify tells whether signature is an sr25519 signature of message, as it is
// and without any wrapping, by the owner of a public key. It refuses the
// all-zero public key.
func Verify(pub [32]byte, message []byte, signature [64]byte) bool {
	return Sr25519.Verify(pub, message, signature)
}

// FromSeed is like the function FromSeed, in this scheme. It panics for a
// scheme that is not one of the constants.
func (s Scheme) FromSeed(seed [32]byte) *Keypair {
	return s.fromSeed(seed, "")
}

// fromSeed also notes the phrase that the seed is of, if it is known.
func (s Scheme) fromSeed(seed [32]byte, phrase string) *Keypair {
	from := origin{phrase: phrase, seed: seed[:]}
	switch s {
	case Sr25519:
		return newKeypair(s, srFromSeed(seed), from)
	case Ed25519:
		return newKeypair(s, edFromSeed(seed), from)
	default:
		panic("wallet: unknown scheme " + s.String())
	}
}

// FromURI is like the function FromURI, in this scheme. Ed25519 knows hard
// junctions only.
func (s Scheme) FromURI(uri string) (*Keypair, error) {
	if s != Sr25519 && s != Ed25519 {
		return nil, fmt.Errorf("wallet: unknown scheme %v", s)
	}
	parsed, err := parseURI(uri)
	if err != nil {
		return nil, fmt.Errorf("wallet: secret URI: %w", err)
	}
	seed, err := parsed.seed()
	if err != nil {
		return nil, fmt.Errorf("wallet: secret URI: %w", err)
	}
	return s.fromSeed(seed, parsed.mnemonic()).descend(parsed.path)
}

// Verify is like the function Verify, in this scheme.
func (s Scheme) Verify(pub [32]byte, message []byte, signature [64]byte) bool {
	if pub == ([32]byte{}) {
		return false // the identity in sr25519, and of small order in ed25519
	}
	switch s {
	case Sr25519:
		return srVerify(pub, message, signature)
	case Ed25519:
		return edVerify(pub, message, signature)
	default:
		return false
	}
}

// Derive returns the key at a path below this one, such as "//Miner7" or
// "//stash/0". Deriving many keys from one parent this way is faster than
// FromURI, which starts from the phrase each time.
func (k *Keypair) Derive(path string) (*Keypair, error) {
	junctions, rest, err := parseJunctions(path)
	if err != nil {
		return nil, fmt.Errorf("wallet: derivation path: %w", err)
	}
	if rest != "" {
		return nil, fmt.Errorf("wallet: derivation path: a password belongs to the phrase")
	}
	return k.descend(junctions)
}

func (k *Keypair) descend(path []junction) (*Keypair, error) {
	if len(path) == 0 {
		return k, nil
	}
	private := k.private()
	for _, j := range path {
		var err error
		if private, err = private.derive(j); err != nil {
			return nil, fmt.Errorf("wallet: %w", err)
		}
	}
	return newKeypair(k.scheme, private, origin{}), nil
}

// Scheme returns the scheme of the key.
func (k *Keypair) Scheme() Scheme { return k.scheme }

// PublicKey returns the 32 bytes of the public key, which are also the account
// id on the chain.
func (k *Keypair) PublicKey() [32]byte { return k.pub }

// Address returns the SS58 address with Bittensor's prefix, 42.
func (k *Keypair) Address() string { return ss58.Encode(k.pub) }

// Sign signs message as it is: no hash, no wrapping, any length.
func (k *Keypair) Sign(message []byte) [64]byte { return k.private().sign(message) }

// Public returns the public half.
func (k *Keypair) Public() Public { return Public{Scheme: k.scheme, Key: k.pub} }

// Mnemonic returns the phrase that the key was made from, or no secret when it
// was made from something else or stands below a derivation path.
func (k *Keypair) Mnemonic() Secret { return NewSecret(k.origin().phrase) }

// Format writes the address for every verb, so that no way of printing a key
// shows its secret.
func (k Keypair) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "wallet.Keypair(%s)", ss58.Encode(k.pub))
}
