package axon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Dummy is the message that most tests send.
type Dummy struct {
	synapse.Synapse
	Input  int `synapse:"required,hash"`
	Output synapse.Optional[int]
	Note   string `synapse:"hash"`
}

func (d *Dummy) SetDefaults() { d.Note = "é" }

var modes = []axon.Mode{axon.Strict, axon.Compatible}

// eachMode runs a test in both modes.
func eachMode(t *testing.T, test func(t *testing.T, mode axon.Mode)) {
	t.Helper()
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

func key(t testing.TB, uri string) *wallet.Keypair {
	t.Helper()
	k, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// serve starts an axon of //Bob and returns its address.
func serve(t testing.TB, c axon.Config, attach ...func(*axon.Axon) error) (*axon.Axon, string) {
	t.Helper()
	if c.Signer == nil {
		c.Signer = key(t, "//Bob")
	}
	if c.Verifier == nil {
		c.Verifier = wallet.Sr25519
	}
	a, err := axon.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range attach {
		if err := f(a); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(listener); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return a, "http://" + listener.Addr().String()
}

func attach[T any, P synapse.Of[T]](forward func(context.Context, P) error, options ...axon.Options[P]) func(*axon.Axon) error {
	return func(a *axon.Axon) error { return axon.Attach(a, forward, options...) }
}

// double is the function that most tests attach.
func double(_ context.Context, m *Dummy) error {
	m.Output = synapse.Some(2 * m.Input)
	return nil
}

// request is a request as a Python dendrite would send it, to be changed by
// tests before it goes.
type request struct {
	t      testing.TB
	method string
	path   string
	header map[string][]string // names as they are sent
	body   string
}

// build signs a message of //Alice for //Bob, with a nonce.
func build(t testing.TB, m synapse.Message, nonce int64, edit ...func(*synapse.Synapse)) *request {
	t.Helper()
	return buildAs(t, key(t, "//Alice"), m, nonce, edit...)
}

func buildAs(t testing.TB, signer synapse.Signer, m synapse.Message, nonce int64, edit ...func(*synapse.Synapse)) *request {
	t.Helper()
	base := m.Base()
	base.Axon = synapse.TerminalInfo{IP: synapse.Some("127.0.0.1"), Port: synapse.Some(8091), Hotkey: synapse.Some(key(t, "//Bob").Address())}
	base.Dendrite = synapse.TerminalInfo{
		IP: synapse.Some("198.51.100.7"), Version: synapse.Some(10_005_000), Nonce: synapse.Some(nonce),
		UUID: synapse.Some("5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a"), Hotkey: synapse.Some(signer.Address()),
	}
	for _, f := range edit {
		f(base)
	}
	hash, err := synapse.BodyHash(m)
	if err != nil {
		t.Fatal(err)
	}
	if !base.Dendrite.Signature.Present {
		message := synapse.RequestMessage(base.Dendrite, base.Axon.Hotkey.Or(""), synapse.Some(hash))
		base.Dendrite.Signature = synapse.Some(synapse.FormatSignature(signer.Sign(message)))
	}
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		t.Fatal(err)
	}
	body, err := synapse.AppendRequest(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	r := &request{t: t, method: http.MethodPost, path: "/" + synapse.NameOf(m), header: map[string][]string{"Content-Type": {"application/json"}}, body: string(body)}
	for _, h := range headers {
		r.header[h.Name] = []string{h.Value}
	}
	return r
}

func (r *request) set(name, value string) *request {
	r.header[name] = []string{value}
	return r
}

func (r *request) del(name string) *request {
	delete(r.header, name)
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header // as sent, by lower-case names
	body   string
}

// message is the text of an error answer.
func (a answer) message(t testing.TB) string {
	t.Helper()
	var out struct{ Message *string }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Message == nil {
		t.Fatalf("no message in %d %s", a.status, a.body)
	}
	return *out.Message
}

func (a answer) get(name string) string {
	for have, values := range a.header {
		if strings.EqualFold(have, name) && len(values) == 1 {
			return values[0]
		}
	}
	return ""
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (r *request) send(address string) answer {
	r.t.Helper()
	out, err := r.try(r.t.Context(), address)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *request) try(ctx context.Context, address string) (answer, error) {
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address+r.path, body)
	if err != nil {
		return answer{}, err
	}
	request.Header = r.header
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{response.StatusCode, response.Header, string(text)}, nil
}

// raw sends bytes as they are and returns all that comes back until the axon
// hangs up.
func raw(t testing.TB, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v after %q", err, out)
	}
	return string(out)
}

// bytesOf writes the request as it goes over the wire.
func (r *request) bytes() string {
	var b bytes.Buffer
	b.WriteString(r.method + " " + r.path + " HTTP/1.1\r\nHost: axon\r\nConnection: close\r\nContent-Length: ")
	b.WriteString(itoa(len(r.body)) + "\r\n")
	for name, values := range r.header {
		for _, value := range values {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	b.WriteString("\r\n" + r.body)
	return b.String()
}
