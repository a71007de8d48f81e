package axon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

func itoa(n int) string { return strconv.Itoa(n) }

const second = int64(time.Second)

// The numbers are those of the conformance statements of the protocol.

// verifier returns an axon of //Bob with a clock, whose DefaultVerify tests
// call, and the clock.
func verifier(t *testing.T, mode axon.Mode, nonces axon.NonceStore) (*axon.Axon, *clock) {
	t.Helper()
	c := newClock()
	a, err := axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519, Mode: mode, Now: c.Now, Nonces: nonces})
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

// verify checks a request's headers.
func (r *request) verify(a *axon.Axon) error {
	r.t.Helper()
	header := http.Header{}
	for name, values := range r.header {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	m := new(Dummy)
	if err := synapse.FromHTTP(header, m); err != nil {
		r.t.Fatal(err)
	}
	return a.DefaultVerify(r.t.Context(), m)
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v", err)
	case want != "" && (err == nil || err.Error() != want):
		t.Errorf("error %v, want %s", err, want)
	}
}

const tooOld = "Nonce is too old, a newer one was last processed"

func TestConformance027Replay(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		a, c := verifier(t, mode, nil)
		now := c.Now().UnixNano() + 100
		c.add(time.Second)
		first := build(t, &Dummy{Input: 1}, now)
		wantError(t, first.verify(a), "")
		wantError(t, first.verify(a), tooOld)
		wantError(t, build(t, &Dummy{Input: 1}, now).verify(a), tooOld)
		wantError(t, build(t, &Dummy{Input: 1}, now-1).verify(a), tooOld)
		wantError(t, build(t, &Dummy{Input: 1}, now+1).verify(a), "")
	})
}

func TestConformance028Window(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		for age, want := range map[time.Duration]string{
			15 * time.Second:         "",
			16*time.Second - 1:       "",
			16 * time.Second:         "Nonce is too old: acceptable delta is 16.00 seconds but request was 16.00 seconds old",
			16500 * time.Millisecond: "Nonce is too old: acceptable delta is 16.00 seconds but request was 16.50 seconds old",
		} {
			a, c := verifier(t, mode, axon.NewMemoryNonces(0))
			m := &Dummy{Input: 1}
			m.Timeout = synapse.Some(12.0)
			wantError(t, build(t, m, c.Now().Add(-age).UnixNano()).verify(a), want)
		}
	})
}

func TestConformance029NoTimeout(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		for age, want := range map[time.Duration]string{
			3 * time.Second: "",
			5 * time.Second: "Nonce is too old: acceptable delta is 4.00 seconds but request was 5.00 seconds old",
		} {
			a, c := verifier(t, mode, axon.NewMemoryNonces(0))
			wantError(t, build(t, &Dummy{Input: 1}, c.Now().Add(-age).UnixNano()).del("timeout").verify(a), want)
		}
	})
}

func TestConformance030OldVersions(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		for version, compatible := range map[int]bool{0: true, 712: true, 7001999: true, 7002000: false} {
			a, _ := verifier(t, mode, nil)
			r := build(t, &Dummy{Input: 1}, 5, func(s *synapse.Synapse) {
				s.Dendrite.Version = synapse.Optional[int]{Value: version, Present: version != 0}
			})
			err := r.verify(a)
			// No signature covers the version, so it cannot decide about replays.
			if accept := compatible && mode == axon.Compatible; accept != (err == nil) {
				t.Errorf("version %d: %v", version, err)
			}
		}
	})
}

func TestConformance031NoNonce(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).del("bt_header_dendrite_nonce").send(address)
		if message := got.message(t); got.status != http.StatusUnauthorized || message != "Not Verified with error: Missing Nonce" {
			t.Errorf("%d %s", got.status, message)
		}
	})
}

func TestConformance032NoHotkey(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).del("bt_header_dendrite_hotkey").send(address)
		if message := got.message(t); got.status != http.StatusUnauthorized || message != "Not Verified with error: No SS58 formatted address or public key provided." {
			t.Errorf("%d %s", got.status, message)
		}
	})
}

func TestConformance033SignedForAnother(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		charlie := key(t, "//Charlie").Address()
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Axon.Hotkey = synapse.Some(charlie) })
		got := r.send(address)
		signed := fmt.Sprintf(
			"%s.%s.%s.%s.%s", r.header["bt_header_dendrite_nonce"][0], key(t, "//Alice").Address(), key(t, "//Bob").Address(),
			r.header["bt_header_dendrite_uuid"][0], r.header["computed_body_hash"][0],
		)
		want := "Not Verified with error: Signature mismatch with " + signed + " and " + r.header["bt_header_dendrite_signature"][0]
		if message := got.message(t); got.status != http.StatusUnauthorized || message != want {
			t.Errorf("%d %s\nwant %s", got.status, message, want)
		}
	})
}

func TestConformance034FailureKeepsNonce(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		a, c := verifier(t, mode, axon.NewMemoryNonces(0))
		now := c.Now().UnixNano()
		bad := build(t, &Dummy{Input: 1}, now).set("bt_header_dendrite_signature", "0x"+strings.Repeat("00", 64))
		if err := bad.verify(a); err == nil {
			t.Error("a signature of zeros")
		}
		wantError(t, build(t, &Dummy{Input: 1}, now).verify(a), "")
		// Another client of the same hotkey counts on its own.
		other := func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some("another") }
		wantError(t, build(t, &Dummy{Input: 1}, now, other).verify(a), "")
		wantError(t, build(t, &Dummy{Input: 1}, now, other).verify(a), tooOld)
		wantError(t, buildAs(t, key(t, "//Dave"), &Dummy{Input: 1}, now).verify(a), "")
	})
}

func TestConformance035AxonHotkeyHeader(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).set("bt_header_axon_hotkey", "garbage").send(address)
		if got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestConformance036WrappedSignature(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		a, c := verifier(t, mode, axon.NewMemoryNonces(0))
		r := build(t, &Dummy{Input: 1}, c.Now().UnixNano(), func(s *synapse.Synapse) {
			message := synapse.RequestMessage(s.Dendrite, key(t, "//Bob").Address(), synapse.Some(bodyHash(t, &Dummy{Input: 1})))
			signature := key(t, "//Alice").Sign(slices.Concat([]byte("<Bytes>"), message, []byte("</Bytes>")))
			s.Dendrite.Signature = synapse.Some(synapse.FormatSignature(signature))
		})
		if err := r.verify(a); (err == nil) != (mode == axon.Compatible) {
			t.Errorf("error %v", err)
		}
	})
}

func bodyHash(t *testing.T, m synapse.Message) string {
	t.Helper()
	hash, err := synapse.BodyHash(m)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// The checks that the Python axon was seen to make.
func TestVectorDefaultVerify(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../synapse/testdata/synapse.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		DefaultVerify []struct {
			Name       string
			FreshStore bool   `json:"fresh_store"`
			NowNS      string `json:"now_ns"`
			Headers    [][2]string
			Result     string
			Text       *string
		} `json:"default_verify"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	// Where Strict refuses what Python accepts, and with which words.
	strict := map[string]string{
		"known uuid: window is not applied":    "Nonce is too old: acceptable delta is 16.00 seconds but request was 600.00 seconds old",
		"age 1 h, timeout inf":                 "Nonce is too old: acceptable delta is 604.00 seconds but request was 3600.00 seconds old",
		"age 5 s, timeout -3":                  "Nonce is too old: acceptable delta is 4.00 seconds but request was 5.00 seconds old",
		"nonce one hour ahead":                 "Nonce is from the future: the clocks differ too much",
		"version 712, old nonce":               "Nonce is too old: acceptable delta is 16.00 seconds but request was 3600.00 seconds old",
		"no version, old nonce":                "Nonce is too old: acceptable delta is 16.00 seconds but request was 3600.00 seconds old",
		"no version, same nonce":               "Nonce is too old: acceptable delta is 16.00 seconds but request was 3600.00 seconds old",
		"version 7001999, old nonce":           "Nonce is too old: acceptable delta is 16.00 seconds but request was 3600.00 seconds old",
		"signature over wrapped message":       "Signature mismatch with ",
		"zero account with a forged signature": "Signature mismatch with ",
	}
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		c := newClock()
		var a *axon.Axon
		for _, v := range file.DefaultVerify {
			if v.FreshStore {
				var err error
				a, err = axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519, Mode: mode, Now: c.Now, Nonces: axon.NewMemoryNonces(0)})
				if err != nil {
					t.Fatal(err)
				}
			}
			ns, err := strconv.ParseInt(v.NowNS, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c.mu.Lock()
			c.now = time.Unix(0, ns)
			c.mu.Unlock()
			var headers synapse.Headers
			for _, h := range v.Headers {
				headers = append(headers, synapse.Header{Name: h[0], Value: h[1]})
			}
			m := new(vectorInts)
			if err := synapse.FromHeaders(headers, m); err != nil {
				t.Fatal(err)
			}
			want := ""
			if v.Result != "ok" {
				want = *v.Text
			}
			if v.Name == "zero account with a forged signature" {
				want = "Signature mismatch with " // anybody can make it, so we never accept it
			}
			if text, ok := strict[v.Name]; ok && mode == axon.Strict {
				want = text
			}
			got := a.DefaultVerify(t.Context(), m)
			if want == "Signature mismatch with " && got != nil && strings.HasPrefix(got.Error(), want) {
				continue
			}
			if (got == nil) != (want == "") || got != nil && got.Error() != want {
				t.Errorf("%s: %v, want %s", v.Name, got, want)
			}
		}
	})
}

type vectorInts struct {
	synapse.Synapse
	A *big.Int `synapse:"required,hash"`
	B int      `synapse:"hash"`
	C *int     `synapse:"hash"`
}

func (v *vectorInts) SetDefaults() { v.B = 7 }

func (vectorInts) SynapseName() string { return "Ints" }

func TestConformance037UnknownSynapse(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		for path, name := range map[string]string{"/nope": "nope", "//Dummy": "", "/docs": "docs", "/": ""} {
			r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
			r.path = path
			got := r.send(address)
			want := "Synapse name '" + name + "' not found. Available synapses ['Synapse', 'Dummy']"
			if got.status != http.StatusNotFound || got.message(t) != want {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
			for header, value := range map[string]string{
				"name": "Synapse", "timeout": "12.0", "bt_header_axon_status_code": "404", "bt_header_axon_status_message": want,
				"computed_body_hash": synapse.EmptyBodyHash, "bt_header_dendrite_hotkey": "", "bt_header_axon_signature": "",
			} {
				if got.get(header) != value {
					t.Errorf("%s: header %s is %q, want %q", path, header, got.get(header), value)
				}
			}
			if got.get("bt_header_axon_process_time") == "" {
				t.Error("no process time")
			}
		}
	})
}

var internalError = regexp.MustCompile(`^Internal Server Error #[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestConformance038UnparsableHeaders(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		for header, value := range map[string]string{
			"bt_header_dendrite_nonce": "1.5", "total_size": "xyz", "timeout": "None", "bt_header_input_obj_input": "%%%", "bt_header_axon_port": "x",
		} {
			got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).set(header, value).send(address)
			message := got.message(t)
			switch mode {
			case axon.Compatible:
				if got.status != http.StatusInternalServerError || !internalError.MatchString(message) || got.get("name") != "Synapse" {
					t.Errorf("%s: %d %s", header, got.status, message)
				}
			default:
				if got.status != http.StatusBadRequest || !strings.HasPrefix(message, "Improperly formatted request: field ") {
					t.Errorf("%s: %d %s", header, got.status, message)
				}
			}
		}
	})
}

func TestConformance039Blacklist(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		verified := false
		_, address := serve(t, axon.Config{Mode: mode}, attach(double, axon.Options[*Dummy]{
			Blacklist: func(ctx context.Context, m *Dummy) (bool, string) {
				caller, ok := axon.CallerFrom(ctx)
				if !ok || caller.Verified || caller.Hotkey != key(t, "//Alice").Address() {
					t.Errorf("caller %+v", caller)
				}
				return true, "no stake"
			},
			Verify: func(context.Context, *Dummy) error { verified = true; return nil },
		}))
		got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).send(address)
		if want := "Forbidden. Key is blacklisted: no stake."; got.status != http.StatusForbidden || got.message(t) != want || got.get("bt_header_axon_status_message") != want {
			t.Errorf("%d %s", got.status, got.body)
		}
		if verified {
			t.Error("verify was called")
		}
	})
}

func TestConformance040Order(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var order []string
		options := axon.Options[*Dummy]{
			Blacklist: func(context.Context, *Dummy) (bool, string) { order = append(order, "blacklist"); return false, "" },
			Verify:    func(context.Context, *Dummy) error { order = append(order, "verify"); return nil },
			Priority:  func(context.Context, *Dummy) (float64, error) { order = append(order, "priority"); return 1, nil },
		}
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(context.Context, *Dummy) error { order = append(order, "forward"); return nil }, options))
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		if got := r.send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		r.body = strings.Replace(r.body, `"input": 1`, `"input": 2`, 1)
		if got := r.send(address); got.status == http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		want := []string{"blacklist", "verify", "priority", "forward", "blacklist", "verify", "priority"}
		if !slices.Equal(order, want) {
			t.Errorf("order %v", order)
		}
	})
}

func TestConformance041PriorityTimeout(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		failure := context.DeadlineExceeded
		_, address := serve(t, axon.Config{Mode: mode}, attach(double, axon.Options[*Dummy]{
			Priority: func(context.Context, *Dummy) (float64, error) { return 0, fmt.Errorf("looking for stake: %w", failure) },
		}))
		m := &Dummy{Input: 1}
		m.Timeout = synapse.Some(3.0)
		got := build(t, m, time.Now().UnixNano()).send(address)
		if got.status != http.StatusRequestTimeout || got.message(t) != "Response timeout after: 3.0s" {
			t.Errorf("%d %s", got.status, got.body)
		}
		failure = errors.New("no database")
		got = build(t, &Dummy{Input: 1}, time.Now().UnixNano()).send(address)
		if got.status != http.StatusInternalServerError || !internalError.MatchString(got.message(t)) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestConformance042HashMismatch(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		called := false
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(context.Context, *Dummy) error { called = true; return nil }))
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		r.body = strings.Replace(r.body, `"input": 1`, `"input": 2`, 1)
		got := r.send(address)
		want := map[axon.Mode]int{axon.Strict: http.StatusBadRequest, axon.Compatible: http.StatusInternalServerError}[mode]
		if got.status != want || called {
			t.Errorf("%d %s, called %v", got.status, got.body, called)
		}
		if message := got.message(t); mode == axon.Compatible && !internalError.MatchString(message) {
			t.Errorf("message %s", message)
		}
		// The same value in another spelling is the same body.
		r = build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		r.body = strings.Replace(r.body, `"input": 1`, `"unknown": [], "input": "1"`, 1)
		if got := r.send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestConformance043FunctionFails(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var log bytes.Buffer
		var failure error
		_, address := serve(t, axon.Config{Mode: mode, Logger: slog.New(slog.NewTextHandler(&log, nil))}, attach(func(context.Context, *Dummy) error {
			if failure == nil {
				panic("panicked with a secret")
			}
			return failure
		}))
		send := func() answer { return build(t, &Dummy{Input: 1}, time.Now().UnixNano()).send(address) }

		for _, failure = range []error{errors.New("a secret"), nil, context.Canceled} {
			got := send()
			message := got.message(t)
			if got.status != http.StatusInternalServerError || !internalError.MatchString(message) || got.get("bt_header_axon_status_message") != message {
				t.Errorf("%v: %d %s", failure, got.status, got.body)
			}
			if _, id, _ := strings.Cut(message, "#"); !strings.Contains(log.String(), id) || !errors.Is(failure, context.Canceled) && !strings.Contains(log.String(), "secret") {
				t.Errorf("the log %s does not have %s", log.String(), id)
			}
		}
		failure = fmt.Errorf("wrapped: %w", &axon.Error{Code: http.StatusConflict, Message: "Conflicting request", Err: errors.New("a secret")})
		if got := send(); got.status != http.StatusConflict || got.body != `{"message":"Conflicting request"}` || got.get("bt_header_axon_status_code") != "409" {
			t.Errorf("%d %s", got.status, got.body)
		}
		failure = &axon.Error{Message: "without a code"}
		if got := send(); got.status != http.StatusInternalServerError || got.message(t) != "without a code" {
			t.Errorf("%d %s", got.status, got.body)
		}
		failure = &axon.Error{Code: 418, Message: "日本\nx: y"}
		if got := send(); got.status != 418 || got.message(t) != "日本\nx: y" || got.get("bt_header_axon_status_message") != "?? x: y" {
			t.Errorf("%d %s, header %q", got.status, got.body, got.get("bt_header_axon_status_message"))
		}
	})
}

func TestConformance044FunctionSetsStatus(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		status := 404
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(_ context.Context, m *Dummy) error {
			m.Axon.SetStatus(status, "Nothing found")
			return nil
		}))
		got := build(t, &Dummy{Input: 41}, time.Now().UnixNano()).send(address)
		if got.status != http.StatusNotFound || !strings.Contains(got.body, `"input":41`) || !strings.Contains(got.body, `"status_code":404,"status_message":"Nothing found"`) {
			t.Errorf("%d %s", got.status, got.body)
		}
		for _, status = range []int{7, 100, 1000, -1} {
			if got := build(t, &Dummy{Input: 41}, time.Now().UnixNano()).send(address); got.status != http.StatusInternalServerError {
				t.Errorf("status %d: %d %s", status, got.status, got.body)
			}
		}
		for _, status = range []int{204, 304} { // without a body
			if got := build(t, &Dummy{Input: 41}, time.Now().UnixNano()).send(address); got.status != status || got.body != "" {
				t.Errorf("status %d: %d %s", status, got.status, got.body)
			}
		}
	})
}

func TestConformance045Success(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		message := &Dummy{Input: 41, Note: "é"}
		r := build(t, message, time.Now().UnixNano())
		got := r.send(address)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(got.body), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields("name timeout total_size header_size dendrite axon computed_body_hash input output note") {
			if _, ok := fields[name]; !ok {
				t.Errorf("no field %s", name)
			}
		}
		if strings.Contains(got.body, ": ") || !strings.HasSuffix(got.body, `"computed_body_hash":"","input":41,"output":82,"note":"é"}`) {
			t.Errorf("body %s", got.body)
		}
		for header, want := range map[string]string{
			"bt_header_axon_status_code": "200", "bt_header_axon_status_message": "Success", "bt_header_axon_hotkey": key(t, "//Bob").Address(),
			"bt_header_dendrite_hotkey": key(t, "//Alice").Address(), "bt_header_dendrite_nonce": r.header["bt_header_dendrite_nonce"][0],
			"bt_header_axon_signature": "", "bt_header_axon_nonce": "", "bt_header_axon_version": "", "bt_header_axon_uuid": "",
			"bt_header_input_obj_input": "MA==", "name": "Dummy", "timeout": "12.0",
			"computed_body_hash": bodyHash(t, message), "content-type": "application/json",
		} {
			if got.get(header) != want {
				t.Errorf("header %s is %q, want %q", header, got.get(header), want)
			}
		}
		if seconds, err := strconv.ParseFloat(got.get("bt_header_axon_process_time"), 64); err != nil || seconds <= 0 || seconds > 10 {
			t.Errorf("process time %s, %v", got.get("bt_header_axon_process_time"), err)
		}
		// What Python clients insist on: names in lower case.
		text := raw(t, address, build(t, &Dummy{Input: 41}, time.Now().UnixNano()).bytes())
		for _, name := range []string{"bt_header_axon_status_code: 200", "\r\nname: Dummy", "\r\ncomputed_body_hash: "} {
			if !strings.Contains(text, name) {
				t.Errorf("%s is not in\n%s", name, text)
			}
		}
	})
}

func TestConformance046ErrorHeaders(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		a, address := serve(t, axon.Config{Mode: mode}, attach(double, axon.Options[*Dummy]{
			Blacklist: func(context.Context, *Dummy) (bool, string) { return true, "" },
		}))
		got := build(t, &Dummy{Input: 41}, time.Now().UnixNano()).send(address)
		if got.get("bt_header_axon_version") != "10005000" || got.get("bt_header_axon_uuid") != a.UUID() || got.get("bt_header_dendrite_ip") != "127.0.0.1" {
			t.Errorf("headers %v", got.header)
		}
		// The port is that of the connection, whatever the headers said.
		conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, build(t, &Dummy{Input: 41}, time.Now().UnixNano()).set("bt_header_dendrite_port", "1").bytes()); err != nil {
			t.Fatal(err)
		}
		head, err := io.ReadAll(conn)
		if want := fmt.Sprintf("\r\nbt_header_dendrite_port: %d\r\n", conn.LocalAddr().(*net.TCPAddr).Port); err != nil || !strings.Contains(string(head), want) {
			t.Errorf("no %q in %s, %v", want, head, err)
		}
		signature, err := synapse.ParseSignature(got.get("bt_header_axon_signature"))
		message := fmt.Sprintf("%s.%s.%s.%s", got.get("bt_header_axon_nonce"), key(t, "//Alice").Address(), key(t, "//Bob").Address(), a.UUID())
		if err != nil || !wallet.Verify(key(t, "//Bob").PublicKey(), []byte(message), signature) {
			t.Errorf("the signature is not of %s, %v", message, err)
		}
		if want := bodyHash(t, synapse.New[Dummy]()); got.get("computed_body_hash") != want {
			t.Errorf("body hash %s, want that of the empty inputs %s", got.get("computed_body_hash"), want)
		}
	})
}

func TestConformance047Methods(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		send := func(method, path string) answer {
			r := build(t, &Dummy{Input: 41}, time.Now().UnixNano())
			r.method, r.path = method, path
			return r.send(address)
		}
		if got := send("GET", "/Dummy"); got.status != http.StatusOK || !strings.Contains(got.body, `"output":82`) {
			t.Errorf("GET: %d %s", got.status, got.body)
		}
		if got := send("POST", "/Dummy?q=1"); got.status != http.StatusOK {
			t.Errorf("query: %d %s", got.status, got.body)
		}
		if got := send("POST", "/D%75mmy"); got.status != http.StatusOK {
			t.Errorf("escaped: %d %s", got.status, got.body)
		}
		for _, method := range []string{"PUT", "DELETE", "OPTIONS", "PATCH"} {
			if got := send(method, "/Dummy"); got.status != http.StatusMethodNotAllowed || got.body != `{"detail":"Method Not Allowed"}` || got.get("allow") != "POST, GET" || got.get("bt_header_axon_status_code") != "" {
				t.Errorf("%s: %d %s", method, got.status, got.body)
			}
		}
		if got := send("POST", "/Dummy/x"); got.status != http.StatusNotFound || got.body != `{"detail":"Not Found"}` {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := send("POST", "/Dummy/"); got.status != http.StatusTemporaryRedirect || got.get("location") != "/Dummy" {
			t.Errorf("%d %s", got.status, got.get("location"))
		}
	})
}

func TestConformance048HooksSeeNoInputs(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		seen := func(m *Dummy) {
			if m.Input != 0 || m.Note != "é" {
				t.Errorf("a hook saw %d %q", m.Input, m.Note)
			}
		}
		_, address := serve(t, axon.Config{Mode: mode}, attach(
			func(_ context.Context, m *Dummy) error {
				if m.Input != 41 || m.Note != "note" {
					t.Errorf("the function saw %d %q", m.Input, m.Note)
				}
				return nil
			},
			axon.Options[*Dummy]{
				Blacklist: func(_ context.Context, m *Dummy) (bool, string) { seen(m); return false, "" },
				Priority:  func(_ context.Context, m *Dummy) (float64, error) { seen(m); return 0, nil },
			},
		))
		if got := build(t, &Dummy{Input: 41, Note: "note"}, time.Now().UnixNano()).send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestConformance049Ping(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode})
		got := build(t, new(synapse.Synapse), time.Now().UnixNano()).send(address)
		if got.status != http.StatusOK || got.get("computed_body_hash") != synapse.EmptyBodyHash || !strings.HasPrefix(got.body, `{"name":"Synapse"`) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestConformance050Ports(t *testing.T) {
	t.Parallel()
	base := axon.Settings{IP: "[::]", Port: 8091, MaxWorkers: 10}
	for port, ok := range map[int]bool{1024: false, 1025: true, 65534: true, 65535: false, -1: false} {
		s := base
		s.Port = port
		want := "Axon port must be in range [1024, 65535]"
		if err := s.Check(); (err == nil) != ok || err != nil && err.Error() != want {
			t.Errorf("port %d: %v", port, err)
		}
		if _, err := axon.New(axon.Config{Settings: s, Signer: key(t, "//Bob"), Verifier: wallet.Sr25519}); (err == nil) != ok {
			t.Errorf("port %d: %v", port, err)
		}
		s = base
		s.ExternalPort = port
		want = "External port must be in range [1024, 65535]"
		if err := s.Check(); (err == nil) != ok || err != nil && err.Error() != want {
			t.Errorf("external port %d: %v", port, err)
		}
	}
	if err := base.Check(); err != nil {
		t.Error(err)
	}
}

func TestConformance051Info(t *testing.T) {
	t.Parallel()
	bob, alice := key(t, "//Bob").Address(), key(t, "//Alice").Address()
	a, err := axon.New(axon.Config{
		Settings: axon.Settings{IP: "127.0.0.1", Port: 18091, ExternalIP: "127.0.0.1"},
		Signer:   key(t, "//Bob"), Verifier: wallet.Sr25519, Coldkey: alice,
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := a.Info()
	want := `{"version": 10005000, "ip": "127.0.0.1", "port": 18091, "ip_type": 4, "hotkey": "` + bob + `", "coldkey": "` + alice + `", "protocol": 4, "placeholder1": 0, "placeholder2": 0}`
	if err != nil || info.ToString() != want {
		t.Errorf("%s, %v", info.ToString(), err)
	}
	if got := a.String(); got != "Axon(127.0.0.1, 18091, "+bob+", stopped, ['Synapse'])" {
		t.Error(got)
	}
	if got := a.FullAddress(); got != "127.0.0.1:18091" {
		t.Error(got)
	}
	for ip, kind := range map[string]int{"::1": 6, "2001:db8::1": 6, "203.0.113.9": 4, "": 0, "nowhere": 0} {
		a, err := axon.New(axon.Config{Settings: axon.Settings{ExternalIP: ip}, Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
		if err != nil {
			t.Fatal(err)
		}
		if info, err := a.Info(); (err == nil) != (kind != 0) || info.IPType != kind || ip == "" && !strings.Contains(err.Error(), "DiscoverIP") {
			t.Errorf("%s: %d, %v", ip, info.IPType, err)
		}
	}
	started, _ := serve(t, axon.Config{}, attach(double))
	if got := started.String(); got != "Axon([::], 8091, "+bob+", started, ['Synapse', 'Dummy'])" {
		t.Error(got)
	}
}

// book is a Publisher that keeps what it was told.
type book struct {
	on    synapse.AxonInfo
	known bool
	calls []axon.Announcement
	err   error
}

func (b *book) Announced(_ context.Context, _ uint16, _ string) (synapse.AxonInfo, bool, error) {
	return b.on, b.known, b.err
}

func (b *book) Announce(_ context.Context, call axon.Announcement) error {
	b.calls = append(b.calls, call)
	return b.err
}

func TestConformance052Serve(t *testing.T) {
	t.Parallel()
	a, err := axon.New(axon.Config{
		Settings: axon.Settings{ExternalIP: "203.0.113.9", ExternalPort: 9000},
		Signer:   key(t, "//Bob"), Verifier: wallet.Sr25519,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := new(book)
	if err := a.Serve(t.Context(), 7, b, nil); err != nil || len(b.calls) != 1 {
		t.Fatalf("%v, %v", b.calls, err)
	}
	call := b.calls[0]
	if call.Call() != "serve_axon" || call.Netuid != 7 || call.Version != 10005000 || call.IPNumber().String() != "3405803785" || call.IPType() != 4 || call.Protocol != 4 || call.Port != 9000 {
		t.Errorf("%+v, ip %s", call, call.IPNumber())
	}

	if b.on, err = a.Info(); err != nil {
		t.Fatal(err)
	}
	b.known = true
	if err := a.Serve(t.Context(), 7, b, nil); err != nil || len(b.calls) != 1 {
		t.Errorf("the same was written again: %v, %v", b.calls, err)
	}
	for _, change := range []func(*synapse.AxonInfo){
		func(i *synapse.AxonInfo) { i.Port++ },
		func(i *synapse.AxonInfo) { i.IP = "203.0.113.10" },
		func(i *synapse.AxonInfo) { i.Version-- },
		func(i *synapse.AxonInfo) { i.Protocol = 0 },
		func(i *synapse.AxonInfo) { i.Placeholder1 = 1 },
	} {
		before := len(b.calls)
		saved := b.on
		change(&b.on)
		if err := a.Serve(t.Context(), 7, b, nil); err != nil || len(b.calls) != before+1 {
			t.Errorf("a change was not written: %+v, %v", b.on, err)
		}
		b.on = saved
	}
	before := len(b.calls)
	if err := a.Serve(t.Context(), 7, b, []byte{1, 2}); err != nil || len(b.calls) != before+1 || b.calls[before].Call() != "serve_axon_tls" {
		t.Errorf("%v, %v", b.calls, err)
	}
	b.err = errors.New("no chain")
	if err := a.Serve(t.Context(), 7, b, nil); !errors.Is(err, b.err) {
		t.Errorf("error %v", err)
	}
	if err := a.Serve(t.Context(), 7, nil, nil); err == nil {
		t.Error("no publisher, no error")
	}
	six, err := axon.New(axon.Config{Settings: axon.Settings{ExternalIP: "::1:0:0"}, Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	if call, err := six.Announcement(1, nil); err != nil || call.IPNumber().String() != "4294967296" || call.IPType() != 6 {
		t.Errorf("%v, %v", call.IPNumber(), err)
	}
}

func TestConformance053Settings(t *testing.T) {
	t.Parallel()
	environment := func(values map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
	}
	s, err := axon.SettingsFrom(environment(nil))
	if err != nil || s != (axon.Settings{IP: "[::]", Port: 8091, MaxWorkers: 10}) {
		t.Errorf("%+v, %v", s, err)
	}
	values := map[string]string{
		"BT_AXON_PORT": "9001", "BT_AXON_IP": "127.0.0.1", "BT_AXON_EXTERNAL_PORT": "9002", "BT_AXON_EXTERNAL_IP": "203.0.113.9", "BT_AXON_MAX_WORKERS": "3",
		"AXON_PORT": "1", "BT_AXON_MAX_WORERS": "7",
	}
	fromEnvironment := axon.Settings{IP: "127.0.0.1", Port: 9001, ExternalIP: "203.0.113.9", ExternalPort: 9002, MaxWorkers: 3}
	if s, err = axon.SettingsFrom(environment(values)); err != nil || s != fromEnvironment {
		t.Errorf("%+v, %v", s, err)
	}
	// A flag wins over the environment, and what the program sets over both.
	for _, prefix := range []string{"", "miner"} {
		s := fromEnvironment
		set := flag.NewFlagSet("test", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		s.AddFlags(set, prefix)
		s.AddFlags(set, prefix) // twice does no harm
		if prefix != "" {
			prefix += "."
		}
		if err := set.Parse([]string{"--" + prefix + "axon.port", "9100", "--" + prefix + "axon.external_ip=198.51.100.7"}); err != nil {
			t.Fatal(err)
		}
		if want := (axon.Settings{IP: "127.0.0.1", Port: 9100, ExternalIP: "198.51.100.7", ExternalPort: 9002, MaxWorkers: 3}); s != want {
			t.Errorf("%+v", s)
		}
	}
	for name, value := range map[string]string{"BT_AXON_PORT": "x", "BT_AXON_EXTERNAL_PORT": "1.5", "BT_AXON_MAX_WORKERS": "many"} {
		if _, err := axon.SettingsFrom(environment(map[string]string{name: value})); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := axon.New(axon.Config{Settings: axon.Settings{MaxWorkers: -1}, Signer: key(t, "//Bob"), Verifier: wallet.Sr25519}); err == nil || !strings.Contains(err.Error(), "max_workers must be greater than 0") {
		t.Errorf("error %v", err)
	}
	var help bytes.Buffer
	axon.Help(&help)
	for _, part := range []string{"--axon.port", "BT_AXON_PORT", "8091", "--axon.ip", "--axon.external_port", "--axon.external_ip", "--axon.max_workers", "BT_AXON_MAX_WORKERS"} {
		if !strings.Contains(help.String(), part) {
			t.Errorf("%s is not in the help:\n%s", part, help.String())
		}
	}
}

// A message of SDK 6 to 7.1: another kind of version and nonce, and a field in
// the body that is gone.
func TestConformance068OldRequest(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		r := build(t, &Dummy{Input: 41}, 3600*second, func(s *synapse.Synapse) { s.Dendrite.Version = synapse.Some(693) })
		r.body = strings.Replace(r.body, `"computed_body_hash": ""`, `"computed_body_hash": "", "required_hash_fields": ["input", "note"]`, 1)
		got := r.send(address)
		want := map[axon.Mode]int{axon.Strict: http.StatusUnauthorized, axon.Compatible: http.StatusOK}[mode]
		if got.status != want {
			t.Errorf("%d %s", got.status, got.body)
		}
		// With a nonce that is a time, as 6.10.0 had it, also in strict mode.
		r = build(t, &Dummy{Input: 41}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.Version = synapse.Some(710); s.Dendrite.UUID = synapse.Some("x") })
		if got := r.send(address); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
