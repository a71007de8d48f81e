package pylon_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

const neuronsFile = `{"neurons":{
	"hk-a":{"axon_info":{"ip":"127.0.0.1","port":9001}},
	"hk-b":{"uid":4,"axon_info":{"ip":"::1","port":9002,"protocol":0},"stakes":{"total":2.5},"validator_permit":true}
}}`

func writeFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "neurons.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformance120NeuronsFile(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, noNeurons) })
	c := config(s.URL)
	c.NeuronsFile = writeFile(t, neuronsFile)
	client := connect(t, c)
	for name, read := range map[string]func(context.Context) (*pylon.Neurons, error){
		"v1 latest":       client.V1().Subnet(1).LatestNeurons,
		"v1 recent":       client.V1().Identity().RecentNeurons,
		"unstable latest": client.Unstable().Identity().LatestNeurons,
		"unstable recent": client.Unstable().Subnet(77).RecentNeurons,
	} {
		neurons, err := read(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(neurons.Neurons) != 2 || neurons.Block != (pylon.Block{Hash: "0x" + strings.Repeat("0", 64)}) {
			t.Fatalf("%s: %+v", name, neurons)
		}
		first, second := neurons.Neurons[0], neurons.Neurons[1]
		want := pylon.Neuron{
			Hotkey: "hk-a", Coldkey: "hk-a", Active: true,
			AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("127.0.0.1"), Port: 9001, Protocol: pylon.ProtocolHTTP},
		}
		if first != want {
			t.Errorf("%s: %+v", name, first)
		}
		if second.UID != 4 || second.AxonInfo.Protocol != pylon.ProtocolTCP || second.Stakes.Total != 2.5 || !second.ValidatorPermit {
			t.Errorf("%s: %+v", name, second)
		}
	}
	if len(s.all()) != 0 {
		t.Error("the service was asked")
	}
	if _, err := client.V1().Subnet(1).Neurons(t.Context(), 5); err != nil || len(s.all()) != 1 {
		t.Errorf("by block: %v, %d requests", err, len(s.all()))
	}
}

func TestConformance146NeuronsFileIsReadEachTime(t *testing.T) {
	t.Parallel()
	c := config("http://127.0.0.1:1")
	c.NeuronsFile = writeFile(t, neuronsFile)
	client := connect(t, c)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	read := func() (*pylon.Neurons, error) { return client.V1().Subnet(5).LatestNeurons(t.Context()) }
	if neurons, err := read(); err != nil || len(neurons.Neurons) != 2 {
		t.Errorf("a client that is not open: %v", err)
	}
	for content, want := range map[string]string{
		`{"neurons":{}}`: "",
		`{"neurons":{"a":{"hotkey":"b","axon_info":{"ip":"1.2.3.4","port":1}}}}`: "file-backed neuron at key 'a' has a conflicting 'hotkey' field 'b'; " +
			"remove 'hotkey' from the body or make it match the dict key",
		`{"neurons":{"a":{"axon_info":{"ip":"localhost","port":1}}}}`: "unable to parse IP",
		`{"neurons":{"a":{"axon_info":{"ip":"1.2.3.4"}}}}`:            "axon_info needs ip and port",
		`{"neurons":{"a":{}}}`: "axon_info needs ip and port",
		`{"neurons":null}`:     "an object is missing",
		``:                     "unexpected end",
		`{"block":{"number":5},"neurons":{"a":{"axon_info":{"ip":"1.2.3.4","port":70000}}}}`: "cannot unmarshal",
	} {
		if err := os.WriteFile(c.NeuronsFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := read()
		if want == "" && err != nil || want != "" && (!errors.Is(err, pylon.ErrMisconfigured) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", content, err)
		}
	}
	if err := os.Remove(c.NeuronsFile); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("deleted: %v", err)
	}
}

// keyPair is what the service would make.
func keyPair(t testing.TB) pylon.CertificateKeyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pylon.CertificateKeyPair{
		Algorithm: pylon.AlgorithmEd25519, PublicKey: hex.EncodeToString(public), PrivateKey: hex.EncodeToString(private.Seed()),
	}
}

// neuronServer serves TLS and returns the neuron.
func neuronServer(t testing.TB, config *tls.Config) *pylon.Neuron {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello from "+r.Host)
	}))
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return neuronAt(server.Listener.Addr())
}

func neuronAt(address net.Addr) *pylon.Neuron {
	at := netip.MustParseAddrPort(address.String())
	return &pylon.Neuron{Hotkey: "hot", AxonInfo: pylon.AxonInfo{IP: at.Addr(), Port: at.Port(), Protocol: pylon.ProtocolHTTP}}
}

// registry is a service that knows one certificate.
func registry(t testing.TB, publicKey func() string) *script {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/identities":
			answer(w, 200, oneIdentity)
		case "/api/v1/identity/sn1/subnet/1/block/latest/certificates/hot":
			answer(w, 200, `{"algorithm":1,"public_key":"`+publicKey()+`"}`)
		default:
			fail(w, 404, "Not Found")
		}
	})
}

// mtlsConfig is a configuration with a certificate.
func mtlsConfig(t testing.TB, address string, pair pylon.CertificateKeyPair) pylon.Config {
	t.Helper()
	certificate, key, err := pair.PEM()
	if err != nil {
		t.Fatal(err)
	}
	c := config(address)
	dir := t.TempDir()
	c.MTLSCertPath, c.MTLSKeyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(c.MTLSCertPath, certificate, 0o600), os.WriteFile(c.MTLSKeyPath, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return c
}

// fetch asks a neuron for its front page.
func fetch(t testing.TB, client *pylon.Client, neuron *pylon.Neuron) (string, error) {
	t.Helper()
	to, err := client.Neuron(t.Context(), neuron)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := to.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestConformance121PinnedToTheRegistry(t *testing.T) {
	t.Parallel()
	ours, theirs := keyPair(t), keyPair(t)
	var shown atomic.Value
	server, err := pylon.NeuronTLS(theirs, func(key string) error { shown.Store(key); return nil })
	if err != nil {
		t.Fatal(err)
	}
	neuron := neuronServer(t, server)
	client := connect(t, mtlsConfig(t, registry(t, func() string { return theirs.PublicKey }).URL, ours))
	if text, err := fetch(t, client, neuron); err != nil || !strings.HasPrefix(text, "hello") {
		t.Fatalf("%q, %v", text, err)
	}
	if shown.Load() != ours.PublicKey {
		t.Errorf("the neuron saw the key %v", shown.Load())
	}

	other := connect(t, mtlsConfig(t, registry(t, func() string { return ours.PublicKey }).URL, ours))
	_, err = fetch(t, other, neuron)
	if !errors.Is(err, pylon.ErrVerification) || !strings.Contains(err.Error(), "server cert public key does not match pylon registry") {
		t.Errorf("another key: %v", err)
	}
	upper := connect(t, mtlsConfig(t, registry(t, func() string { return strings.ToUpper(theirs.PublicKey) }).URL, ours))
	if _, err = fetch(t, upper, neuron); !errors.Is(err, pylon.ErrVerification) {
		t.Errorf("a key in capitals: %v", err)
	}
}

func TestNeuronRefusesTheClient(t *testing.T) {
	t.Parallel()
	pair := keyPair(t)
	server, err := pylon.NeuronTLS(pair, func(string) error { return errors.New("not you") })
	if err != nil {
		t.Fatal(err)
	}
	neuron := neuronServer(t, server)
	client := connect(t, mtlsConfig(t, registry(t, func() string { return pair.PublicKey }).URL, keyPair(t)))
	if _, err := fetch(t, client, neuron); !errors.Is(err, pylon.ErrVerification) {
		t.Errorf("error %v", err)
	}
}

// selfSigned makes a certificate that differs from the usual one.
func selfSigned(t testing.TB, pair pylon.CertificateKeyPair, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	seed, err := hex.DecodeString(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestConformance147ProbeAndVerification(t *testing.T) {
	t.Parallel()
	pair := keyPair(t)
	for name, test := range map[string]struct {
		change func(*x509.Certificate)
		max    uint16
		fine   bool
	}{
		"plain":            {func(*x509.Certificate) {}, 0, true},
		"an authority":     {func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, 0, true},
		"TLS 1.2":          {func(*x509.Certificate) {}, tls.VersionTLS12, true},
		"expired":          {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, 0, false},
		"not yet valid":    {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }, 0, false},
		"for clients only": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, 0, false},
	} {
		// The probe ends once it has seen the neuron's certificate; whether the neuron still reads that it gave none itself is
		// chance. So those are counted that gave one: the connection behind the answer alone.
		var hellos, certified atomic.Int32
		neuron := neuronServer(t, &tls.Config{
			MaxVersion:   test.max,
			Certificates: []tls.Certificate{selfSigned(t, pair, test.change)},
			ClientAuth:   tls.RequestClientCert,
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.ServerName != "" {
					t.Errorf("%s: a server name, %q", name, hello.ServerName)
				}
				hellos.Add(1)
				return nil, nil
			},
			VerifyConnection: func(state tls.ConnectionState) error {
				if len(state.PeerCertificates) > 0 {
					certified.Add(1)
				}
				return nil
			},
		})
		client := connect(t, mtlsConfig(t, registry(t, func() string { return pair.PublicKey }).URL, keyPair(t)))
		_, err := fetch(t, client, neuron)
		if test.fine && err != nil || !test.fine && !errors.Is(err, pylon.ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
		if test.fine && (hellos.Load() != 2 || certified.Load() != 1) {
			t.Errorf("%s: %d connections, %d with a certificate", name, hellos.Load(), certified.Load())
		}
		if test.fine {
			continue
		}
		// It was evicted: the next call looks again.
		before := hellos.Load()
		if _, err := client.Neuron(t.Context(), neuron); err != nil || hellos.Load() == before {
			t.Errorf("%s: the client was kept (%v)", name, err)
		}
	}
}

func TestConformance148OtherKinds(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	neuron := neuronServer(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	rsa := neuronServer(t, nil) // net/http/httptest's own is RSA
	for _, public := range []string{keyPair(t).PublicKey, "00"} {
		client := connect(t, mtlsConfig(t, registry(t, func() string { return public }).URL, keyPair(t)))
		for _, n := range []*pylon.Neuron{neuron, rsa} {
			if _, err := fetch(t, client, n); !errors.Is(err, pylon.ErrVerification) {
				t.Errorf("error %v", err)
			}
		}
	}
}

func TestConformance149NeuronClientsAreBounded(t *testing.T) {
	t.Parallel()
	client := connect(t, pylon.Config{Address: "http://h"})
	neuron := func(i int) *pylon.Neuron {
		return &pylon.Neuron{Hotkey: "hot", AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("127.0.0.1"), Port: uint16(1000 + i)}}
	}
	get := func(i int) *pylon.NeuronClient {
		c, err := client.Neuron(t.Context(), neuron(i))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first, second := get(0), get(1)
	for i := 2; i < 257; i++ {
		get(i)
	}
	if get(0) != first {
		t.Error("257 clients do not fit")
	}
	get(257)
	if get(0) != first {
		t.Error("the one used last was evicted")
	}
	if get(1) == second {
		t.Error("the one used longest ago was kept")
	}
	ipv6, err := client.Neuron(t.Context(), &pylon.Neuron{AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("2001:db8::1"), Port: 5}})
	if err != nil || ipv6.URL != "http://[2001:db8::1]:5" {
		t.Errorf("IPv6: %v, %v", ipv6, err)
	}
	if _, err := client.Neuron(t.Context(), &pylon.Neuron{}); !errors.Is(err, pylon.ErrInvalid) {
		t.Errorf("a neuron without an address: %v", err)
	}
}

// The client that has to go closes its connections, however long they would be kept.
func TestConformance149EvictedClientsAreClosed(t *testing.T) {
	t.Parallel()
	idle, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateIdle:
			idle <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := connect(t, pylon.Config{Address: "http://h", NeuronKeepAlive: time.Hour})
	if _, err := fetch(t, client, neuronAt(server.Listener.Addr())); err != nil {
		t.Fatal(err)
	}
	<-idle
	for i := range 257 {
		neuron := &pylon.Neuron{AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("127.0.0.2"), Port: uint16(1000 + i)}}
		if _, err := client.Neuron(t.Context(), neuron); err != nil {
			t.Fatal(err)
		}
		select {
		case <-closed:
			if i < 256 {
				t.Errorf("closed for the client number %d", i+2)
			}
			return
		default:
		}
	}
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Error("never closed")
	}
}

// An idle connection to a neuron is closed after five seconds, or when the settings say: the neuron sees when.
func TestConformance149IdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keep  time.Duration
		least time.Duration
	}{
		"by default": {0, 5 * time.Second},
		"configured": {200 * time.Millisecond, 200 * time.Millisecond},
		"not kept":   {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idle, closed := make(chan time.Time, 1), make(chan time.Time, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateIdle:
					idle <- time.Now()
				case http.StateClosed:
					closed <- time.Now()
				}
			}
			server.Start()
			t.Cleanup(server.Close)
			client := connect(t, pylon.Config{Address: "http://h", NeuronKeepAlive: test.keep})
			began := time.Now()
			if _, err := fetch(t, client, neuronAt(server.Listener.Addr())); err != nil {
				t.Fatal(err)
			}
			select {
			case at := <-closed:
				if kept := at.Sub(began); kept < test.least {
					t.Errorf("closed after %v", kept)
				}
			case <-time.After(time.Minute):
				t.Error("never closed")
			}
			if test.keep < 0 {
				return
			}
			select {
			case <-idle:
			default:
				t.Error("closed without having been idle")
			}
		})
	}
}

func TestPlainNeuronClientNeedsNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	client := connect(t, pylon.Config{Address: "http://h", NeuronKeepAlive: -1})
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := fetch(t, client, neuronAt(server.Listener.Addr())); err != nil || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestKeyPairsThatAreNone(t *testing.T) {
	t.Parallel()
	good, other := keyPair(t), keyPair(t)
	for _, pair := range []pylon.CertificateKeyPair{
		{}, {PublicKey: good.PublicKey, PrivateKey: other.PrivateKey}, {PublicKey: good.PublicKey, PrivateKey: "0x" + good.PrivateKey},
	} {
		_, err := pylon.NeuronTLS(pair, nil)
		if !errors.Is(err, pylon.ErrInvalid) {
			t.Errorf("error %v", err)
		}
		if err != nil && pair.PrivateKey != "" && strings.Contains(err.Error(), pair.PrivateKey[:8]) {
			t.Errorf("a private key in %v", err)
		}
		if _, _, err := pair.PEM(); !errors.Is(err, pylon.ErrInvalid) {
			t.Errorf("PEM: %v", err)
		}
	}
}

// A neuron that answers with a redirect would have its validator ask somebody else.
func TestNeuronClientsFollowNobody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/trap" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/trap", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	to, err := connect(t, pylon.Config{Address: "http://h"}).Neuron(t.Context(), neuronAt(server.Listener.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.URL+"/", strings.NewReader("secret"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := to.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestNeuronTimeout(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "begun, ")
		w.(http.Flusher).Flush()
		<-ended
		_, _ = io.WriteString(w, "ended")
	}))
	t.Cleanup(server.Close)
	neuron := neuronAt(server.Listener.Addr())
	hurried, err := connect(t, pylon.Config{Address: "http://h", NeuronTimeout: 50 * time.Millisecond}).Neuron(t.Context(), neuron)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hurried.URL+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if response, err := hurried.Do(request); err == nil {
		response.Body.Close()
		t.Error("it was waited for")
	} else if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v", err)
	}
	// The one that is hurried is over. One without a limit still reads.
	close(ended)
	if text, err := fetch(t, connect(t, pylon.Config{Address: "http://h", NeuronTimeout: -1}), neuron); err != nil || text != "begun, ended" {
		t.Errorf("%q, %v", text, err)
	}
}

// Who is away has not been found to be somebody else.
func TestNeuronsThatAreAway(t *testing.T) {
	t.Parallel()
	pair := keyPair(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := neuronAt(listener.Addr()) // accepts, and says nothing
	t.Cleanup(func() { listener.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	absent := neuronAt(gone.Addr())
	gone.Close()
	c := mtlsConfig(t, registry(t, func() string { return pair.PublicKey }).URL, keyPair(t))
	c.NeuronTimeout = 100 * time.Millisecond
	for name, neuron := range map[string]*pylon.Neuron{"absent": absent, "silent": silent} {
		if _, err := connect(t, c).Neuron(t.Context(), neuron); err == nil || errors.Is(err, pylon.ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.NeuronTimeout = -1
	client := connect(t, c)
	if _, err := client.V1().Identity().LatestCertificate(ctx, "hot"); err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := listener.Accept() // one of before
		if err == nil {
			defer conn.Close()
		}
		cancel()
	}()
	if _, err := client.Neuron(ctx, silent); !errors.Is(err, context.Canceled) || errors.Is(err, pylon.ErrVerification) {
		t.Errorf("cancelled: %v", err)
	}
}
