package pylon

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// VerificationError says that a neuron has not shown that it is who it should be. It is an ErrVerification.
type VerificationError struct {
	Hotkey  Hotkey
	Address netip.AddrPort
	Detail  string
	Err     error
}

func (e *VerificationError) Error() string {
	text := fmt.Sprintf("pylon: neuron %s at %s: %s", e.Hotkey, e.Address, e.Detail)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is tells that it is an ErrVerification.
func (e *VerificationError) Is(target error) bool { return target == ErrVerification }

// Unwrap returns the cause.
func (e *VerificationError) Unwrap() error { return e.Err }

const otherKey = "server cert public key does not match pylon registry"

// pinnedTLS returns a configuration that speaks to the holder of the key that a hotkey has published, and to nobody
// else. It looks at the neuron's certificate first, without telling who asks.
func (c *Client) pinnedTLS(ctx context.Context, hotkey Hotkey, address netip.AddrPort) (*tls.Config, error) {
	published, err := c.V1().Identity().LatestCertificate(ctx, hotkey)
	if err != nil {
		return nil, err
	}
	wrong := func(detail string, err error) *VerificationError {
		return &VerificationError{Hotkey: hotkey, Address: address, Detail: detail, Err: err}
	}
	patience := c.config.NeuronTimeout
	if patience < 0 {
		patience = defaultNeuronTimeout
	}
	leaf, err := probe(ctx, address, patience)
	var operation *net.OpError
	switch {
	case leaf == nil && (isTimeout(err) || ctx.Err() != nil || errors.As(err, &operation) && operation.Op == "dial"):
		// It is away. That says nothing of who it is.
		return nil, fmt.Errorf("pylon: look at the certificate of neuron %s at %s: %w", hotkey, address, err)
	case leaf == nil && err != nil:
		return nil, wrong("server did not present a certificate", err)
	case publicKeyText(leaf) != published.PublicKey:
		return nil, wrong(otherKey, nil)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{*c.neurons.certificate},
		// The names in the certificate mean nothing. Its key means everything: the function below checks it, and TLS that
		// the neuron has it.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return wrong("server did not present a certificate", nil)
			}
			leaf := state.PeerCertificates[0]
			if publicKeyText(leaf) != published.PublicKey {
				return wrong(otherKey, nil)
			}
			// It vouches for itself, if it is valid now, and for servers.
			itself := x509.NewCertPool()
			itself.AddCert(leaf)
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: itself}); err != nil {
				return wrong("its certificate is not valid", err)
			}
			return nil
		},
	}, nil
}

// probe returns the certificate that a server shows to somebody who shows none. It believes nothing. A server that ends
// the handshake for want of ours has shown its own before.
func probe(ctx context.Context, address netip.AddrPort, patience time.Duration) (leaf *x509.Certificate, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := tls.Client(conn, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				leaf = state.PeerCertificates[0]
			}
			return nil
		},
	})
	err = client.HandshakeContext(ctx)
	return leaf, err
}

// publicKeyText is the text by which keys are compared: the raw Ed25519 key in lower-case hexadecimal digits. It is
// empty for any other kind of key, which the registry can not have.
func publicKeyText(certificate *x509.Certificate) string {
	if certificate == nil {
		return ""
	}
	key, ok := certificate.PublicKey.(ed25519.PublicKey)
	if !ok {
		return ""
	}
	return hex.EncodeToString(key)
}
