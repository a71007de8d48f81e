package pylon

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

// certificateLife is how long a certificate of a key pair is valid. The key in it counts, not the certificate.
const certificateLife = 10 * 365 * 24 * time.Hour

// TLS returns a certificate for the key pair, signed by itself, for a neuron's server and for a validator's client
// alike.
func (p CertificateKeyPair) TLS() (tls.Certificate, error) {
	seed, err := hex.DecodeString(p.PrivateKey)
	if err != nil || len(seed) != ed25519.SeedSize {
		// What hex says would show digits of the key.
		return tls.Certificate{}, &ArgumentError{Argument: "private_key", Detail: "it is not 64 hexadecimal digits"}
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	if hex.EncodeToString(public) != p.PublicKey {
		return tls.Certificate{}, &ArgumentError{Argument: "public_key", Detail: "it is not the private key's"}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "pylon neuron"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// PEM returns the certificate of TLS and its private key as the content of the files Config.MTLSCertPath and
// Config.MTLSKeyPath.
func (p CertificateKeyPair) PEM() (certificate, key []byte, err error) {
	made, err := p.TLS()
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		return nil, nil, err
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}

// errNoClientKey refuses peers that show no Ed25519 key.
var errNoClientKey = errors.New("pylon: the client's certificate has no Ed25519 key")

// NeuronTLS returns a configuration with which a neuron serves TLS with a key pair that GenerateCertificate has
// published for its hotkey.
//
// With allow, clients must show a certificate: allow is asked about the public key in it, as Certificate has it, of which
// TLS has checked that the client holds it. An error of it refuses the client. Without allow anybody is served.
func NeuronTLS(pair CertificateKeyPair, allow func(publicKey string) error) (*tls.Config, error) {
	certificate, err := pair.TLS()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}}
	if allow == nil {
		return config, nil
	}
	// Only TLS 1.3 lets clients see the neuron's certificate before they show their own.
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errNoClientKey
		}
		key := publicKeyText(state.PeerCertificates[0])
		if key == "" {
			return errNoClientKey
		}
		return allow(key)
	}
	return config, nil
}
