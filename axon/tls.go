package axon

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificate makes a certificate for the key that a neuron has on the chain,
// such as Pylon makes one: seed is the private key, 32 bytes. Whoever calls the
// axon compares the public key with the chain's and does not look at anything
// else in the certificate, but some check its times, so it is good from a day
// ago for ten years, and its use.
func Certificate(seed [32]byte) (tls.Certificate, error) {
	key := ed25519.NewKeyFromSeed(seed[:])
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("axon: certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "bittensor neuron"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("axon: certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, nil
}

// CertificateKey is what the chain has of a certificate, for Serve: 1, which
// stands for Ed25519, and the 32 bytes of the public key. It fails for other
// kinds of keys.
func CertificateKey(certificate tls.Certificate) ([]byte, error) {
	if len(certificate.Certificate) == 0 {
		return nil, errors.New("axon: the certificate is empty")
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("axon: certificate: %w", err)
	}
	key, ok := leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("axon: the certificate has a key of %v, not of Ed25519", leaf.PublicKeyAlgorithm)
	}
	return append([]byte{1}, key...), nil
}

// TLSConfig returns settings for Config.TLS with a certificate: TLS 1.3, and no
// certificate asked of callers, whose messages are signed.
func TLSConfig(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
}
