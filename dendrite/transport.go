package dendrite

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// idleTimeout is how long a connection is kept that is not in use. Python axons
// hang up after 5 seconds, and a message that is sent at that moment is lost.
const idleTimeout = 4 * time.Second

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      false,
	}
}

// errCertificate is why nothing is sent over a connection.
var errCertificate = errors.New("the target's certificate has another key than the one on the chain")

// maxPinned is for how many public keys connections are kept. A subnet has 256.
const maxPinned = 4096

// pinnedTransport returns connections to who has a public key. They are kept
// apart by key, so that none is used for another one.
func (d *Dendrite) pinnedTransport(key ed25519.PublicKey) (*http.Transport, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, errors.New("the public key on the chain is none of ed25519")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := [ed25519.PublicKeySize]byte(key)
	if t, ok := d.pinned[id]; ok {
		return t, nil
	}
	for old, t := range d.pinned {
		if len(d.pinned) < maxPinned {
			break
		}
		t.CloseIdleConnections()
		delete(d.pinned, old)
	}
	t := newTransport()
	t.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The certificates sign themselves and name no host. Who has the key is
		// who we look for.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errCertificate
			}
			got, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok || !got.Equal(ed25519.PublicKey(id[:])) {
				return errCertificate
			}
			return nil
		},
	}
	if c := d.config.Certificate; c != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*c}
	}
	d.pinned[id] = t
	return t, nil
}

// address returns the scheme and host of a target, and who sends there.
func (d *Dendrite) address(target synapse.AxonInfo) (base string, send http.RoundTripper, err error) {
	ip, err := netip.ParseAddr(target.IP)
	if err != nil {
		return "", nil, errors.New("the target's IP is no address")
	}
	if target.Port <= 0 || target.Port > 65535 {
		return "", nil, errors.New("the target's port is none")
	}
	ip = ip.Unmap()
	if d.config.ExternalIP == ip.String() {
		// Many networks do not send back what is for their own outer address.
		own := ip
		if ip = netip.IPv6Loopback(); own.Is4() {
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	host := net.JoinHostPort(ip.String(), strconv.Itoa(target.Port))
	if d.config.PublicKey != nil {
		if key, ok := d.config.PublicKey(target); ok {
			t, err := d.pinnedTransport(key)
			return "https://" + host, t, err
		}
	}
	return "http://" + host, d.plain, nil
}
