package axon_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519}
	other, err := btauth.New(btauth.Config{Receiver: key(t, "//Eve").Address(), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*axon.Config){
		"Signer":         func(c *axon.Config) { c.Signer = nil },
		"Verifier":       func(c *axon.Config) { c.Verifier = nil },
		"Mode":           func(c *axon.Config) { c.Mode = 9 },
		"BTAuth":         func(c *axon.Config) { c.BTAuth = other },
		"Axon port":      func(c *axon.Config) { c.Port = 80 },
		"MaxTimeout":     func(c *axon.Config) { c.MaxTimeout = -1 },
		"HeaderTimeout":  func(c *axon.Config) { c.HeaderTimeout = -1 },
		"BodyTimeout":    func(c *axon.Config) { c.BodyTimeout = -1 },
		"WriteTimeout":   func(c *axon.Config) { c.WriteTimeout = -1 },
		"IdleTimeout":    func(c *axon.Config) { c.IdleTimeout = -1 },
		"MaxBody":        func(c *axon.Config) { c.MaxBody = -1 },
		"MaxHeader":      func(c *axon.Config) { c.MaxHeader = -1 },
		"MaxQueue":       func(c *axon.Config) { c.MaxQueue = -1 },
		"MaxConnections": func(c *axon.Config) { c.MaxConnections = -1 },
	} {
		c := good
		change(&c)
		if _, err := axon.New(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	t.Parallel()
	a, err := axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	type Bad struct {
		synapse.Synapse
		C chan int
	}
	if err := axon.Attach(a, func(context.Context, *Bad) error { return nil }); err == nil {
		t.Error("a message with a channel")
	}
	if err := axon.Attach[Dummy](a, nil); err == nil {
		t.Error("no function")
	}
	if err := axon.AttachStream[Dummy](a, nil); err == nil {
		t.Error("no function")
	}
	if err := axon.Attach(a, double, axon.Options[*Dummy]{}, axon.Options[*Dummy]{}); err == nil {
		t.Error("two Options")
	}
	if err := axon.Attach(a, double); err != nil {
		t.Error(err)
	}
	if err := axon.Attach(a, double); !errors.Is(err, axon.ErrAttached) {
		t.Errorf("error %v", err)
	}
	ping := func(context.Context, *synapse.Synapse) error { return nil }
	if err := axon.Attach(a, ping); err != nil {
		t.Errorf("the built-in ping cannot be replaced: %v", err)
	}
	if err := axon.Attach(a, ping); !errors.Is(err, axon.ErrAttached) {
		t.Errorf("error %v", err)
	}
	if got := a.Attached(); !slices.Equal(got, []string{"Synapse", "Dummy"}) {
		t.Errorf("attached %v", got)
	}
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	// From below the ports that outgoing connections get.
	port := 10_000 + rand.IntN(10_000)
	for {
		probe, err := net.Listen("tcp", "127.0.0.1:"+itoa(port))
		if err == nil {
			probe.Close()
			break
		}
		port = 10_000 + rand.IntN(10_000)
	}
	var log bytes.Buffer
	a, err := axon.New(axon.Config{
		Settings: axon.Settings{IP: "127.0.0.1", Port: port}, Signer: key(t, "//Bob"), Verifier: wallet.Sr25519,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	address := "http://127.0.0.1:" + itoa(port)
	for range 2 { // it can be started again, unlike Python's
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		if !a.Started() || a.Addr().String() != "127.0.0.1:"+itoa(port) {
			t.Errorf("started %v at %v", a.Started(), a.Addr())
		}
		if err := a.Start(); err == nil {
			t.Error("started twice")
		}
		if got := build(t, new(synapse.Synapse), time.Now().UnixNano()).send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a.Started() || a.Addr() != nil {
			t.Error("still started")
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := build(t, new(synapse.Synapse), time.Now().UnixNano()).try(t.Context(), address); err == nil {
			t.Error("it serves after it was stopped")
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	deadline := time.After(time.Minute)
	for !a.Started() {
		select {
		case <-deadline:
			t.Fatal("Run did not start it")
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil || a.Started() {
		t.Errorf("Run: %v", err)
	}
}

func TestStopWaitsForMessages(t *testing.T) {
	t.Parallel()
	for name, patient := range map[string]bool{"patient": true, "impatient": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, finish := make(chan struct{}), make(chan struct{})
			a, address := serve(t, axon.Config{}, attach(func(ctx context.Context, _ *Dummy) error {
				close(began)
				select {
				case <-finish:
				case <-ctx.Done():
				}
				return nil
			}))
			r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
			answered := make(chan error, 1)
			go func() {
				got, err := r.try(context.Background(), address)
				if err == nil && got.status != http.StatusOK {
					err = errors.New(got.body)
				}
				answered <- err
			}()
			<-began
			ctx, cancel := context.WithCancel(t.Context())
			stopped := make(chan error, 1)
			go func() { stopped <- a.Stop(ctx) }()
			if patient {
				deadline := time.After(30 * time.Second)
				for a.Started() { // until it is being stopped
					select {
					case <-deadline:
						t.Fatal("Stop has not begun")
					case <-time.After(time.Millisecond):
					}
				}
				close(finish)
				if err := <-answered; err != nil {
					t.Error(err)
				}
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			} else {
				cancel()
				if err := <-stopped; !errors.Is(err, context.Canceled) {
					t.Errorf("stop: %v", err)
				}
				if err := <-answered; err == nil {
					t.Error("a message was answered after its axon was stopped")
				}
			}
			cancel()
		})
	}
}

// With one worker, those with a higher priority are served first, and those who
// wait too long are told so.
func TestPriorityUnderLoad(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	entered := make(chan int, 20)
	a, address := serve(t, axon.Config{Settings: axon.Settings{MaxWorkers: 1}}, attach(
		func(_ context.Context, m *Dummy) error {
			entered <- m.Input
			<-hold
			return nil
		},
		axon.Options[*Dummy]{Priority: func(_ context.Context, m *Dummy) (float64, error) {
			return map[string]float64{"low": 1, "high": 2}[m.Dendrite.UUID.Or("")], nil
		}},
	))
	var wg sync.WaitGroup
	send := func(input int, uuid string, timeout float64, want int) {
		m := &Dummy{Input: input}
		m.Timeout = synapse.Some(timeout)
		r := build(t, m, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(uuid) })
		wg.Go(func() {
			if got, err := r.try(t.Context(), address); err != nil || got.status != want {
				t.Errorf("%s: %+v, %v", uuid, got, err)
			}
		})
	}
	waitFor := func(n int) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for a.Waiting() != n {
			select {
			case <-deadline:
				t.Fatalf("%d messages wait, not %d", a.Waiting(), n)
			case <-time.After(time.Millisecond):
			}
		}
	}
	send(1, "first", 60, http.StatusOK)
	if got := <-entered; got != 1 {
		t.Fatal(got)
	}
	send(2, "low", 60, http.StatusOK)
	waitFor(1)
	send(4, "high", 60, http.StatusOK)
	waitFor(2)
	// One that waits too long is told so, and leaves.
	m := &Dummy{Input: 3}
	m.Timeout = synapse.Some(0.05)
	if got := build(t, m, time.Now().UnixNano()).send(address); got.status != http.StatusRequestTimeout || got.message(t) != "Response timeout after: 0.05s" {
		t.Errorf("%d %s", got.status, got.body)
	}
	waitFor(2)
	close(hold)
	wg.Wait()
	if second, third := <-entered, <-entered; second != 4 || third != 2 {
		t.Errorf("served %d, then %d", second, third)
	}
}

func TestQueueOverflow(t *testing.T) {
	t.Parallel()
	hold, entered := make(chan struct{}), make(chan struct{}, 10)
	_, address := serve(t, axon.Config{Settings: axon.Settings{MaxWorkers: 1}, MaxQueue: 1}, attach(func(context.Context, *Dummy) error {
		entered <- struct{}{}
		<-hold
		return nil
	}))
	statuses := make(chan int, 3)
	for i := range 3 {
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(itoa(i)) })
		go func() {
			got, err := r.try(context.Background(), address)
			if err != nil {
				t.Error(err)
			}
			statuses <- got.status
		}()
		if i == 0 {
			<-entered
		}
	}
	if got := <-statuses; got != http.StatusServiceUnavailable {
		t.Errorf("status %d", got)
	}
	close(hold)
	if a, b := <-statuses, <-statuses; a != http.StatusOK || b != http.StatusOK {
		t.Errorf("statuses %d, %d", a, b)
	}
}

func TestDeadlineOfTheFunction(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode, MaxTimeout: time.Minute}, attach(func(ctx context.Context, m *Dummy) error {
			deadline, ok := ctx.Deadline()
			if !ok {
				return nil
			}
			if m.Input == 2 {
				<-ctx.Done()
				return ctx.Err()
			}
			m.Output = synapse.Some(int(time.Until(deadline).Seconds() + 0.5))
			return nil
		}))
		send := func(input int, timeout float64) answer {
			m := &Dummy{Input: input}
			m.Timeout = synapse.Some(timeout)
			return build(t, m, time.Now().UnixNano()).send(address)
		}
		for timeout, want := range map[float64]string{12: "12", 1e9: "60", 0: "60", -3: "60"} {
			if mode == axon.Compatible {
				want = "null"
				if timeout < 0 {
					continue // which makes the window of nonces smaller than nothing
				}
			}
			if got := send(1, timeout); got.status != http.StatusOK || !strings.Contains(got.body, `"output":`+want) {
				t.Errorf("timeout %v: %d %s, want %s", timeout, got.status, got.body, want)
			}
		}
		if mode == axon.Strict {
			if got := send(2, 0.05); got.status != http.StatusRequestTimeout || got.message(t) != "Response timeout after: 0.05s" {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})
}

// When the caller goes, the function is told.
func TestCallerGoes(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan error, 1)
	observed := make(chan axon.Observation, 1)
	_, address := serve(t, axon.Config{Observe: func(o axon.Observation) { observed <- o }}, attach(func(ctx context.Context, _ *Dummy) error {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
	go func() { _, _ = r.try(ctx, address) }()
	<-began
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if o := <-observed; o.Status != 499 {
		t.Errorf("observed %+v", o)
	}
}

func TestCompatibleBodyErrors(t *testing.T) {
	t.Parallel()
	_, address := serve(t, axon.Config{Mode: axon.Compatible}, attach(double))
	_, strict := serve(t, axon.Config{}, attach(double))
	for name, c := range map[string]struct {
		body, contentType string
		want              int
		text              string // empty is an internal error
	}{
		"invalid JSON":     {`{"a": 1`, "application/json", 422, `{"detail":[{"ctx":{"error":"Expecting ',' delimiter"},"input":{},"loc":["body",7],"msg":"JSON decode error","type":"json_invalid"}]}`},
		"not UTF-8":        {"{\"a\": \"\xff\"}", "application/json", 400, `{"detail":"There was an error parsing the body"}`},
		"empty":            {"", "application/json", 500, ""},
		"byte order mark":  {"\ufeff{\"input\": 1, \"note\": \"é\"}", "application/json", 500, ""},
		"a list":           {"[]", "application/json", 500, ""},
		"a scalar":         {"1", "application/json", 500, ""},
		"a wrong type":     {`{"input": "x"}`, "application/json", 500, ""},
		"a missing field":  {`{}`, "application/json", 500, ""},
		"text":             {`{"input": 1, "note": "é"}`, "text/plain", 500, ""},
		"no content type":  {`{"input": 1, "note": "é"}`, "", 500, ""},
		"other JSON":       {`{"input": 1, "note": "é"}`, "application/ld+json; charset=utf-8", 200, ""},
		"duplicate fields": {`{"input": 2, "input": 1, "note": "é"}`, "application/json", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, at := range []string{address, strict} {
				r := build(t, &Dummy{Input: 1, Note: "é"}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(name) })
				r.body = c.body
				if c.contentType == "" {
					r.header["Content-Type"] = nil
				} else {
					r.set("Content-Type", c.contentType)
				}
				got := r.send(at)
				switch {
				case at == strict && c.want == http.StatusOK, c.want == http.StatusOK:
					if got.status != http.StatusOK {
						t.Errorf("%d %s", got.status, got.body)
					}
				case at == strict:
					if got.status != http.StatusBadRequest && got.status != http.StatusUnsupportedMediaType || got.message(t) == "" {
						t.Errorf("strict: %d %s", got.status, got.body)
					}
				case got.status != c.want:
					t.Errorf("%d %s, want %d", got.status, got.body, c.want)
				case c.text != "" && (got.body != c.text || got.get("name") != ""):
					t.Errorf("%s, headers %v", got.body, got.header)
				case c.text == "" && !internalError.MatchString(got.message(t)):
					t.Errorf("%s", got.body)
				}
			}
		})
	}
}

// A number that JSON has no form for is the function's fault.
func TestAnswerWithoutJSON(t *testing.T) {
	t.Parallel()
	type Floats struct {
		synapse.Synapse
		X float64
	}
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(_ context.Context, m *Floats) error {
			m.X /= m.X
			return nil
		}))
		if got := build(t, new(Floats), time.Now().UnixNano()).send(address); got.status != http.StatusInternalServerError || !internalError.MatchString(got.message(t)) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestCustomVerify(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var a *axon.Axon
		var callers []axon.Caller
		a, address := serve(t, axon.Config{Mode: mode}, attach(
			func(ctx context.Context, _ *Dummy) error {
				caller, _ := axon.CallerFrom(ctx)
				callers = append(callers, caller)
				return nil
			},
			axon.Options[*Dummy]{Verify: func(ctx context.Context, m *Dummy) error {
				switch m.Dendrite.UUID.Or("") {
				case "trusted":
					return nil
				case "default":
					return a.DefaultVerify(ctx, m)
				}
				return errors.New("who are you?")
			}},
		))
		send := func(uuid string) answer {
			return build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(uuid) }).
				set("bt_header_dendrite_signature", "0x00").send(address)
		}
		if got := send("trusted"); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := send("default"); got.status != http.StatusUnauthorized || got.message(t) != "Not Verified with error: Invalid SR25519 signature." {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := send("x"); got.status != http.StatusUnauthorized || got.message(t) != "Not Verified with error: who are you?" {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some("default") }).send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		if len(callers) != 2 || callers[0].Verified || !callers[1].Verified {
			t.Errorf("callers %+v", callers)
		}
	})
}

// brokenStore is a NonceStore without its database.
type brokenStore struct{}

func (brokenStore) Last(context.Context, string) (int64, bool, error) {
	return 0, false, errors.New("secret database")
}

func (brokenStore) Advance(context.Context, string, int64, time.Time, time.Time) (bool, error) {
	return false, errors.New("secret database")
}

func TestNonceStoreFails(t *testing.T) {
	t.Parallel()
	_, address := serve(t, axon.Config{Nonces: brokenStore{}}, attach(double))
	got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).send(address)
	if got.status != http.StatusInternalServerError || !internalError.MatchString(got.message(t)) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Requests of SDK 11 on the same port.
func TestBTAuth(t *testing.T) {
	t.Parallel()
	bob := key(t, "//Bob").Address()
	auth, err := btauth.New(btauth.Config{Receiver: bob, Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	var caller axon.Caller
	var inMessage string
	hooks := 0
	function := attach(
		func(ctx context.Context, m *Dummy) error {
			caller, _ = axon.CallerFrom(ctx)
			inMessage = m.Dendrite.Hotkey.Or("")
			return double(ctx, m)
		},
		axon.Options[*Dummy]{Blacklist: func(ctx context.Context, m *Dummy) (bool, string) {
			hooks++
			claimed, _ := axon.CallerFrom(ctx)
			return claimed.Hotkey != key(t, "//Alice").Address() || claimed.Verified, "unknown"
		}},
	)
	_, address := serve(t, axon.Config{BTAuth: auth}, function)
	sender, err := btauth.NewSender(btauth.SenderConfig{Signer: key(t, "//Alice"), Receiver: bob})
	if err != nil {
		t.Fatal(err)
	}
	send := func(to, signed, body string) answer {
		header, err := sender.Sign(btauth.Request{Method: "POST", Target: "/Dummy?x=1", Body: []byte(signed)})
		if err != nil {
			t.Fatal(err)
		}
		header.Set("Content-Type", "application/json")
		return (&request{t: t, method: "POST", path: "/Dummy?x=1", header: header, body: body}).send(to)
	}
	const body = `{"input": 41, "dendrite": {"hotkey": "somebody else"}}`
	got := send(address, body, body)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"output":82`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !caller.Verified || !caller.BTAuth || caller.Hotkey != key(t, "//Alice").Address() || caller.PublicKey != key(t, "//Alice").PublicKey() || inMessage != caller.Hotkey || hooks != 1 {
		t.Errorf("caller %+v, in the message %s", caller, inMessage)
	}
	if got := send(address, body, strings.Replace(body, "41", "42", 1)); got.status != http.StatusUnauthorized || !strings.HasPrefix(got.message(t), "Not Verified with error: BadSignature") {
		t.Errorf("%d %s", got.status, got.body)
	}
	// A hook in the place of DefaultVerify does not take the signature away.
	_, hooked := serve(t, axon.Config{BTAuth: auth}, attach(double, axon.Options[*Dummy]{Verify: func(ctx context.Context, _ *Dummy) error {
		if caller, _ := axon.CallerFrom(ctx); !caller.Verified {
			t.Error("the hook was called for a caller who was not checked")
		}
		return nil
	}}))
	if got := send(hooked, body, strings.Replace(body, "41", "42", 1)); got.status != http.StatusUnauthorized {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := send(hooked, body, body); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	_, without := serve(t, axon.Config{}, function)
	if got := send(without, body, body); got.status == http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	// And the other protocol still.
	if got := build(t, &Dummy{Input: 41}, time.Now().UnixNano()).send(address); got.status != http.StatusOK || caller.BTAuth {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	seed := sha256.Sum256([]byte("neuron"))
	certificate, err := axon.Certificate(seed)
	if err != nil {
		t.Fatal(err)
	}
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if key, err := axon.CertificateKey(certificate); err != nil || !bytes.Equal(key, append([]byte{1}, public...)) {
		t.Errorf("the chain's form is %x, %v", key, err)
	}
	for name, bad := range map[string]tls.Certificate{"none": {}, "damaged": {Certificate: [][]byte{{1}}}} {
		if key, err := axon.CertificateKey(bad); err == nil {
			t.Errorf("%s: %x", name, key)
		}
	}
	_, address := serve(t, axon.Config{TLS: axon.TLSConfig(certificate)}, attach(double))
	conn, err := tls.Dial("tcp", strings.TrimPrefix(address, "http://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	got, ok := conn.ConnectionState().PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || !got.Equal(public) {
		t.Errorf("public key %x", got)
	}
	if _, err := io.WriteString(conn, build(t, &Dummy{Input: 41}, time.Now().UnixNano()).bytes()); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200") || !strings.Contains(string(out), `"output":82`) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	observe, err := axon.Metrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := axon.Metrics(registry); err == nil {
		t.Error("registered twice")
	}
	seen := make(chan axon.Observation, 3)
	_, address := serve(t, axon.Config{Observe: func(o axon.Observation) { observe(o); seen <- o }}, attach(double))
	r := build(t, &Dummy{Input: 41}, time.Now().UnixNano())
	got := r.send(address)
	if o := <-seen; o.Name != "Dummy" || o.Status != 200 || o.Hotkey != key(t, "//Alice").Address() || o.BytesIn != int64(len(r.body)) || o.BytesOut != int64(len(got.body)) || o.Duration <= 0 {
		t.Errorf("%+v", o)
	}
	second := r.send(address)
	if o := <-seen; o.Status != 401 || o.Hotkey != "" {
		t.Errorf("%+v", o)
	}
	r.path = "/" + strings.Repeat("nope", 1000)
	if got := r.send(address); len(got.body) > 500 {
		t.Errorf("an answer of %d bytes", len(got.body))
	}
	<-seen
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetName() + "=" + label.GetValue()
			}
			counts[name] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"pylon_axon_messages_total name= status=404":      1,
		"pylon_axon_messages_total name=Dummy status=200": 1,
		"pylon_axon_messages_total name=Dummy status=401": 1,
		"pylon_axon_message_duration_seconds name=Dummy":  2,
		"pylon_axon_queue_seconds name=":                  1,
		"pylon_axon_bytes_total direction=in name=Dummy":  float64(len(r.body)),
		"pylon_axon_bytes_total direction=out name=Dummy": float64(len(got.body) + len(second.body)),
	} {
		if counts[name] != want {
			t.Errorf("%s is %v, want %v", name, counts[name], want)
		}
	}
}

func TestCreateErrorResponse(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*synapse.Synapse){
		`400 {"message":null}`:                 func(*synapse.Synapse) {},
		`400 {"message":"no status"}`:          func(s *synapse.Synapse) { s.Axon.SetStatus(1, "no status") },
		`418 {"message":"<tea> & \"coffee\""}`: func(s *synapse.Synapse) { s.Axon.SetStatus(418, `<tea> & "coffee"`) },
	} {
		m := new(Dummy)
		edit(m.Base())
		w := &recorder{header: http.Header{}}
		axon.CreateErrorResponse(w, m)
		if got := itoa(w.status) + " " + w.body.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if !json.Valid(w.body.Bytes()) || !slices.Equal(map[string][]string(w.header)["name"], []string{"Dummy"}) {
			t.Errorf("headers %v", w.header)
		}
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// roundTrip answers requests in place of the services on the network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDiscoverIP(t *testing.T) {
	t.Parallel()
	var asked []string
	discover := func(answers map[string]string) (netip.Addr, error) {
		asked = nil
		return axon.DiscoverIP(t.Context(), &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host)
			body, ok := answers[r.URL.Host]
			if !ok {
				return nil, errors.New("unreachable")
			}
			response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
			if strings.Contains(r.URL.Host, "wikipedia") {
				response.Header.Set("X-Client-IP", body)
			}
			return response, nil
		})})
	}
	for _, c := range []struct {
		answers map[string]string
		want    string
		asked   int
	}{
		{map[string]string{"checkip.amazonaws.com": "203.0.113.9\n"}, "203.0.113.9", 1},
		{map[string]string{"checkip.amazonaws.com": "<html>", "ifconfig.me": "2001:db8::1"}, "2001:db8::1", 2},
		{map[string]string{"ipinfo.io": `{"ip": "203.0.113.10", "city": "x"}`}, "203.0.113.10", 3},
		{map[string]string{"ipinfo.io": `{`, "ident.me": "203.0.113.11"}, "203.0.113.11", 5},
		{map[string]string{"www.wikipedia.org": "203.0.113.12"}, "203.0.113.12", 6},
	} {
		ip, err := discover(c.answers)
		if err != nil || ip.String() != c.want || len(asked) != c.asked {
			t.Errorf("%v: %v, %v, asked %v", c.answers, ip, err, asked)
		}
	}
	if _, err := discover(nil); !errors.Is(err, axon.ErrIPNotFound) || len(asked) != 6 {
		t.Errorf("error %v, asked %v", err, asked)
	}
}

// What a hook was given is its own: no later message changes it.
func TestHooksMayKeepMessages(t *testing.T) {
	t.Parallel()
	var kept []*Dummy
	_, address := serve(t, axon.Config{}, func(a *axon.Axon) error {
		return axon.Attach(a, double, axon.Options[*Dummy]{Blacklist: func(_ context.Context, m *Dummy) (bool, string) {
			kept = append(kept, m)
			return false, ""
		}})
	})
	for i := range 3 {
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(itoa(i)) })
		if got := r.send(address); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	for i, m := range kept {
		if m.Dendrite.UUID != synapse.Some(itoa(i)) {
			t.Errorf("message %d has become that of %v", i, m.Dendrite.UUID)
		}
	}
	if len(kept) != 3 {
		t.Errorf("%d messages", len(kept))
	}
}
