package btauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/wallet"
)

func key(t testing.TB, uri string) *wallet.Keypair {
	t.Helper()
	k, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func authenticator(t testing.TB, c btauth.Config) *btauth.Authenticator {
	t.Helper()
	if c.Receiver == "" {
		c.Receiver = key(t, "//Bob").Address()
	}
	if c.Verifier == nil {
		c.Verifier = wallet.Sr25519
	}
	a, err := btauth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// server answers with who sent what.
func server(t testing.TB, a *btauth.Authenticator) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := btauth.CallerFrom(r.Context())
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%v %s %s %s %s %v", ok, caller.Hotkey, r.Method, r.URL.RequestURI(), body, err)
	})))
	t.Cleanup(s.Close)
	return s
}

func client(t testing.TB, c btauth.TransportConfig) *http.Client {
	t.Helper()
	if c.Sender.Signer == nil {
		c.Sender.Signer = key(t, "//Alice")
	}
	base := &http.Transport{}
	if c.Base == nil {
		c.Base = base
	}
	transport, err := btauth.NewTransport(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func send(t testing.TB, c *http.Client, method, url, body string) (status int, text string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(out)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{}))
	bob := key(t, "//Bob").Address()
	c := client(t, btauth.TransportConfig{Sender: btauth.SenderConfig{Receiver: bob}})
	for _, r := range []struct{ method, target, body string }{
		{"POST", "/generate?stream=false", `{"prompt": "hello"}`},
		{"GET", "/", ""},
		{"GET", "/a%2Fb%20c?q=%C3%A9&x", ""},
		{"GET", "/?", ""},
		{"PUT", "/x", "\x00\xff\n\r"},
		{"DELETE", "/x", ""},
		{"POST", "/empty", ""},
	} {
		status, text := send(t, c, r.method, s.URL+r.target, r.body)
		want := fmt.Sprintf("true %s %s %s %s <nil>", key(t, "//Alice").Address(), r.method, r.target, r.body)
		if status != http.StatusOK || text != want {
			t.Errorf("%d %q, want %q", status, text, want)
		}
	}
}

func TestReceiverOfEachRequest(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{}))
	c := client(t, btauth.TransportConfig{Receiver: func(r *http.Request) (string, error) {
		switch r.URL.Path {
		case "/bob":
			return key(t, "//Bob").Address(), nil
		case "/nobody":
			return "", nil
		case "/unknown":
			return "", errors.New("no such neuron")
		}
		return key(t, "//Charlie").Address(), nil
	}})
	if status, text := send(t, c, "GET", s.URL+"/bob", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	for _, path := range []string{"/charlie", "/nobody"} {
		if status, text := send(t, c, "GET", s.URL+path, ""); status != http.StatusUnauthorized || !strings.Contains(text, "WrongReceiver") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/unknown", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(r); err == nil || !strings.Contains(err.Error(), "no such neuron") {
		t.Errorf("error %v", err)
	}
}

func TestUnbound(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{AllowUnbound: true}))
	if status, text := send(t, client(t, btauth.TransportConfig{}), "GET", s.URL, ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
}

func TestEd25519IsSwitchedOn(t *testing.T) {
	t.Parallel()
	ed, err := wallet.Ed25519.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, btauth.TransportConfig{Sender: btauth.SenderConfig{Signer: ed, Scheme: btauth.Ed25519, Receiver: key(t, "//Bob").Address()}})
	off := server(t, authenticator(t, btauth.Config{}))
	if status, text := send(t, c, "GET", off.URL, ""); status != http.StatusUnauthorized || !strings.Contains(text, "MalformedAuth") {
		t.Errorf("%d %s", status, text)
	}
	on := server(t, authenticator(t, btauth.Config{Ed25519: wallet.Ed25519}))
	if status, text := send(t, c, "GET", on.URL, ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
}

// exchange sends a request with these headers and without any transport.
func exchange(t *testing.T, h http.Handler, header http.Header, method, target string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", body)
	r.RequestURI = target
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func sign(t testing.TB, now time.Time, r btauth.Request) http.Header {
	t.Helper()
	s, err := btauth.NewSender(btauth.SenderConfig{Signer: key(t, "//Alice"), Receiver: key(t, "//Bob").Address(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	header, err := s.Sign(r)
	if err != nil {
		t.Fatal(err)
	}
	return header
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// counting tells how much of a body was read.
type counting struct {
	r    io.Reader
	read atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	h := authenticator(t, btauth.Config{MaxBody: 1000}).Middleware(http.HandlerFunc(ok))

	body := &counting{r: strings.NewReader(strings.Repeat("x", 1<<20))}
	w := exchange(t, h, http.Header{}, "POST", "/", body)
	if w.Code != http.StatusUnauthorized || body.read.Load() != 0 {
		t.Errorf("%d after %d bytes of an unsigned request", w.Code, body.read.Load())
	}
	header := sign(t, time.Now(), btauth.Request{Method: "POST", Target: "/"})
	w = exchange(t, h, header, "POST", "/", body)
	if w.Code != http.StatusRequestEntityTooLarge || body.read.Load() > 2000 {
		t.Errorf("%d after %d bytes", w.Code, body.read.Load())
	}
	w = exchange(t, h, sign(t, time.Now(), btauth.Request{Method: "POST", Target: "/"}), "POST", "/", io.MultiReader(strings.NewReader("x"), broken{}))
	if w.Code != http.StatusBadRequest {
		t.Errorf("%d for a body that ends too early", w.Code)
	}
	exact := bytes.Repeat([]byte("x"), 1000)
	w = exchange(t, h, sign(t, time.Now(), btauth.Request{Method: "POST", Target: "/", Body: exact}), "POST", "/", bytes.NewReader(exact))
	if w.Code != http.StatusOK {
		t.Errorf("%d %s for as much as is allowed", w.Code, w.Body)
	}

	c := client(t, btauth.TransportConfig{MaxBody: 10})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", strings.NewReader("eleven byte"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(r); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("error %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type failing struct{}

func (failing) Use(context.Context, string, int64, time.Time, time.Time) (bool, error) {
	return false, errors.New("the disk is on fire")
}

func TestNonceStoreFails(t *testing.T) {
	t.Parallel()
	h := authenticator(t, btauth.Config{Nonces: failing{}}).Middleware(http.HandlerFunc(ok))
	w := exchange(t, h, sign(t, time.Now(), btauth.Request{Method: "GET", Target: "/"}), "GET", "/", nil)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "fire") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A server that closes a reused connection makes http.Transport send requests
// again. They must not carry the same nonce.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	requests := 0
	a := authenticator(t, btauth.Config{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Header.Get(btauth.HeaderNonce)]++
		requests++
		hangUp := requests%2 == 0
		mu.Unlock()
		if hangUp {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		a.Middleware(http.HandlerFunc(ok)).ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	c := client(t, btauth.TransportConfig{Sender: btauth.SenderConfig{Receiver: key(t, "//Bob").Address()}})
	failed := 0
	for i := range 20 {
		method, body := "GET", ""
		if i%2 == 1 {
			method, body = "PUT", "x"
		}
		var reader io.Reader
		if body != "" {
			reader = strings.NewReader(body)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL, reader)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Idempotency-Key", "k") // which allows retries of any method
		response, err := c.Do(r)
		if err != nil {
			failed++
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("status %d", response.StatusCode)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for nonce, times := range seen {
		if times > 1 {
			t.Errorf("nonce %s was sent %d times", nonce, times)
		}
	}
	if failed == 0 {
		t.Error("no connection failed")
	}
}

func TestRedirectIsSignedAnew(t *testing.T) {
	t.Parallel()
	a := authenticator(t, btauth.Config{})
	s := httptest.NewServer(a.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to?x=1", http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.RequestURI, body)
	})))
	t.Cleanup(s.Close)
	c := client(t, btauth.TransportConfig{Sender: btauth.SenderConfig{Receiver: key(t, "//Bob").Address()}})
	if status, text := send(t, c, "POST", s.URL+"/from", "body"); status != http.StatusOK || text != "/to?x=1 body" {
		t.Errorf("%d %s", status, text)
	}
}

// The caller's request stays as it was.
func TestTransportChangesNoRequest(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{}))
	c := client(t, btauth.TransportConfig{Sender: btauth.SenderConfig{Receiver: key(t, "//Bob").Address()}})
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{URL: target, Header: http.Header{"X-Bittensor-Crypto": {"ed25519"}}}
	response, err := c.Transport.RoundTrip(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || len(r.Header) != 1 || r.Body != nil {
		t.Errorf("%d, headers %v", response.StatusCode, r.Header)
	}
}

func TestNoncesAreUnique(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	s, err := btauth.NewSender(btauth.SenderConfig{Signer: quick{}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var seen sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := int64(0)
			for range 500 {
				header, err := s.Sign(btauth.Request{Method: "GET", Target: "/"})
				if err != nil {
					t.Error(err)
					return
				}
				nonce, err := strconv.ParseInt(header.Get(btauth.HeaderNonce), 10, 64)
				if _, twice := seen.LoadOrStore(nonce, true); err != nil || twice || nonce <= last {
					t.Errorf("nonce %d after %d, twice %v, %v", nonce, last, twice, err)
				}
				last = nonce
			}
		})
	}
	wg.Wait()
}

type quick struct{}

func (quick) Address() string      { return "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" }
func (quick) Sign([]byte) [64]byte { return [64]byte{} }

func TestMemoryNonces(t *testing.T) {
	t.Parallel()
	m := btauth.NewMemoryNonces(0)
	start := time.Unix(1_760_000_000, 0)
	use := func(hotkey string, now time.Time, nonce time.Time) bool {
		t.Helper()
		first, err := m.Use(t.Context(), hotkey, nonce.UnixNano(), now, nonce.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !use("a", start, start) || use("a", start, start) || !use("b", start, start) {
		t.Error("first and second use")
	}
	// Forgotten when it is too old, and no replay even if the clock goes back.
	later := start.Add(12 * time.Second)
	if !use("a", later, later) || m.Len() != 1 {
		t.Errorf("%d nonces", m.Len())
	}
	if use("a", start, start) {
		t.Error("a replay after the clock went back")
	}
}

// Of many equal calls at once, one is the first.
func TestMemoryNoncesRace(t *testing.T) {
	t.Parallel()
	m := btauth.NewMemoryNonces(0)
	now := time.Unix(1_760_000_000, 0)
	var wins atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if first, err := m.Use(t.Context(), "a", 1, now, now.Add(time.Second)); err == nil && first {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d first uses", wins.Load())
	}
}

// Every point of small order is refused, in every spelling, by arithmetic that
// this package does not use.
func TestWeakEd25519Keys(t *testing.T) {
	t.Parallel()
	a := authenticator(t, btauth.Config{Ed25519: gullible{}})
	refused := func(pub [32]byte) bool {
		request := btauth.Request{Method: "GET", Target: "/"}
		header := sign(t, time.Now(), request)
		header.Set(btauth.HeaderCrypto, "ed25519")
		header.Set(btauth.HeaderHotkey, ss58.Encode(pub))
		_, err := a.Verify(t.Context(), header, request)
		if err != nil && !errors.Is(err, btauth.ErrBadSignature) {
			t.Fatal(err)
		}
		return err != nil
	}
	found := 0
	check := func(pub [32]byte) {
		t.Helper()
		compressed, err := curve.NewCompressedEdwardsYFromBytes(pub[:])
		if err != nil {
			t.Fatal(err)
		}
		point, err := new(curve.EdwardsPoint).SetCompressedY(compressed)
		small := err == nil && point.IsSmallOrder()
		if small {
			found++
		}
		if small && !refused(pub) {
			t.Errorf("%x has a small order and is accepted", pub)
		}
	}
	for i := range curve.EIGHT_TORSION {
		var compressed curve.CompressedEdwardsY
		compressed.SetEdwardsPoint(curve.EIGHT_TORSION[i])
		check([32]byte(compressed[:]))
		compressed[31] ^= 0x80
		check([32]byte(compressed[:]))
	}
	// y and y+p, where the latter fits.
	for low := range 19 {
		unreduced := [32]byte{0: byte(0xed + low)}
		for i := 1; i < 31; i++ {
			unreduced[i] = 0xff
		}
		for _, top := range []byte{0x7f, 0xff} {
			unreduced[31] = top
			check(unreduced)
		}
	}
	if found < 8 {
		t.Errorf("%d keys of small order tried", found)
	}
	ed, err := wallet.Ed25519.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	if refused(ed.PublicKey()) {
		t.Error("an ordinary key is refused")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	bob := key(t, "//Bob").Address()
	for field, c := range map[string]btauth.Config{
		"Receiver": {Verifier: wallet.Sr25519},
		"Verifier": {Receiver: bob},
		"MaxAge":   {Receiver: bob, Verifier: wallet.Sr25519, MaxAge: -1},
		"MaxBody":  {Receiver: bob, Verifier: wallet.Sr25519, MaxBody: -1},
	} {
		if _, err := btauth.New(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
	for field, c := range map[string]btauth.SenderConfig{
		"Signer":   {},
		"Scheme":   {Signer: quick{}, Scheme: 7},
		"Receiver": {Signer: quick{}, Receiver: "a\nb"},
	} {
		if _, err := btauth.NewTransport(btauth.TransportConfig{Sender: c}); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
	if _, err := btauth.NewTransport(btauth.TransportConfig{Sender: btauth.SenderConfig{Signer: quick{}}, MaxBody: -1}); err == nil {
		t.Error("negative MaxBody")
	}
}

// A signed request over a raw socket, as no Go client would send it.
func TestRawRequest(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{}))
	target := "/a/../b%zz"
	header := sign(t, time.Now(), btauth.Request{Method: "POST", Target: "/a/../b", Body: []byte("x")})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /a/../b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")
	for name, values := range header {
		fmt.Fprintf(conn, "%s: %s\r\n", strings.ToLower(name), values[0])
	}
	fmt.Fprintf(conn, "\r\n1\r\nx\r\n0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("%s: %s, %v", target, answer, err)
	}
}
