package pylon

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// CertificateAlgorithm says what kind of key a certificate holds. The chain accepts any number; the constants name the
// ones in use.
type CertificateAlgorithm uint8

// AlgorithmEd25519 is EdDSA over Ed25519, the only algorithm that Pylon makes keys for.
const AlgorithmEd25519 CertificateAlgorithm = 1

// Certificate is the public key that a hotkey serves TLS with, as the chain has it.
type Certificate struct {
	Algorithm CertificateAlgorithm `json:"algorithm"`
	// PublicKey is the raw key in lower-case hexadecimal digits, without 0x: 64 of them for Ed25519. Clients compare
	// this very text.
	PublicKey string `json:"public_key"`
}

// AppendJSON appends the certificate in its JSON form.
func (c Certificate) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"algorithm":`...)
	dst = strconv.AppendUint(dst, uint64(c.Algorithm), 10)
	dst = append(dst, `,"public_key":`...)
	dst = appendString(dst, c.PublicKey)
	return append(dst, '}')
}

// HotkeyCertificate is a certificate and whose it is.
type HotkeyCertificate struct {
	Hotkey Hotkey
	Certificate
}

// Certificates are those of a subnet at one block. In JSON they are an object keyed by hotkey, in the order of the
// list, that does not tell the block.
type Certificates struct {
	Block        Block
	Certificates []HotkeyCertificate
}

// AppendJSON appends the certificates in their JSON form.
func (c *Certificates) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, certificate := range c.Certificates {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, string(certificate.Hotkey))
		dst = append(dst, ':')
		dst = certificate.AppendJSON(dst)
	}
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (c Certificates) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// UnmarshalJSON reads certificates and keeps the order of the object. The block stays unknown.
func (c *Certificates) UnmarshalJSON(data []byte) error {
	read := Certificates{Certificates: []HotkeyCertificate{}}
	seen := make(map[string]struct{})
	err := eachMember(data, func(key string, value *json.Decoder) error {
		if _, twice := seen[key]; twice {
			return errors.New("it is there twice")
		}
		seen[key] = struct{}{}
		certificate := HotkeyCertificate{Hotkey: Hotkey(key)}
		if err := value.Decode(&certificate.Certificate); err != nil {
			return err
		}
		read.Certificates = append(read.Certificates, certificate)
		return nil
	})
	if err != nil {
		return fmt.Errorf("pylon: certificates: %w", err)
	}
	*c = read
	return nil
}

// CertificateKeyPair is a fresh key pair. It is told to who asked for it and is kept nowhere.
type CertificateKeyPair struct {
	Algorithm CertificateAlgorithm `json:"algorithm"`
	// PublicKey and PrivateKey are 64 lower-case hexadecimal digits each. The private key is the seed of RFC 8032.
	PublicKey  string `json:"public_key"`
	PrivateKey string `json:"private_key"`
}
