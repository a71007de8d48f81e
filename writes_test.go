package pylon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// writable answers identity requests below the prefix with handler.
func writable(t testing.TB, handler func(w http.ResponseWriter, path string, r *http.Request)) *script {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/identities") {
			answer(w, 200, oneIdentity)
			return
		}
		path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/_unstable"), "/api/v1")
		handler(w, strings.TrimPrefix(path, "/identity/sn1/subnet/1"), r)
	})
}

func TestWritesSendWhatTheServiceWants(t *testing.T) {
	t.Parallel()
	const scheduled = `{"detail":"weights update scheduled","count":1}`
	s := writable(t, func(w http.ResponseWriter, path string, _ *http.Request) {
		switch path {
		case "/weights", "/mechanism/3/weights":
			answer(w, 200, scheduled)
		case "/commitments", "/axon":
			answer(w, 201, `{"detail":"done"}`)
		case "/commitments/revealed":
			answer(w, 201, `{"reveal_round":5}`)
		case "/certificates/self":
			answer(w, 201, `{"algorithm":1,"public_key":"aa","private_key":"bb"}`)
		default:
			fail(w, 404, path)
		}
	})
	client := connect(t, config(s.URL))
	old, own, ctx := client.V1().Identity(), client.Unstable().Identity(), t.Context()
	weights := map[pylon.Hotkey]float64{"hot": 0.5}
	for _, test := range []struct {
		call       func() error
		path, body string
	}{
		{
			func() error { _, err := old.PutWeights(ctx, pylon.WeightsRequest{Weights: weights}); return err },
			"PUT /api/v1/identity/sn1/subnet/1/weights", `{"weights":{"hot":0.5}}`,
		},
		{
			func() error {
				_, err := own.PutWeights(ctx, pylon.WeightsRequest{Weights: weights, Mechanism: 3})
				return err
			},
			"PUT /api/_unstable/identity/sn1/subnet/1/mechanism/3/weights", `{"weights":{"hot":0.5}}`,
		},
		{
			func() error {
				_, err := old.SetCommitment(ctx, pylon.CommitmentRequest{Data: []byte{1, 0xff}})
				return err
			},
			"POST /api/v1/identity/sn1/subnet/1/commitments", `{"commitment":"0x01ff"}`,
		},
		{
			func() error {
				_, err := own.SetRevealedCommitment(ctx, pylon.RevealedCommitmentRequest{Text: "x"})
				return err
			},
			"POST /api/_unstable/identity/sn1/subnet/1/commitments/revealed", `{"commitment":"x","blocks_until_reveal":360}`,
		},
		{
			func() error { _, err := own.GenerateCertificate(ctx, pylon.CertificateRequest{}); return err },
			"POST /api/_unstable/identity/sn1/subnet/1/certificates/self", `{"algorithm":1}`,
		},
		{
			func() error {
				_, err := own.ServeAxon(ctx, pylon.AxonRequest{IP: netip.MustParseAddr("::1"), Port: 5, Protocol: 4})
				return err
			},
			"POST /api/_unstable/identity/sn1/subnet/1/axon", `{"ip":"::1","port":5,"protocol":4}`,
		},
	} {
		if err := test.call(); err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		call := s.last(t)
		if got := call.method + " " + call.path; got != test.path || call.body != test.body {
			t.Errorf("%s %s, want %s %s", got, call.body, test.path, test.body)
		}
		if call.header.Get("Authorization") != "Bearer secret" || call.header.Get("Content-Type") != "application/json" || len(call.header.Get("Idempotency-Key")) < 16 {
			t.Errorf("%s: header %v", test.path, call.header)
		}
	}
}

// A write that had no answer is the same write again, with the same key; another write has another.
func TestRepeatedWritesHaveOneKey(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := writable(t, func(w http.ResponseWriter, _ string, _ *http.Request) {
		if n.Add(1)%3 != 0 {
			fail(w, 504, "Request timed out")
			return
		}
		answer(w, 200, `{"detail":"weights update scheduled","count":1}`)
	})
	own := connect(t, config(s.URL)).Unstable().Identity()
	for _, key := range []string{"", "", "mine"} {
		if _, err := own.PutWeights(t.Context(), pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}, IdempotencyKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for _, call := range s.all()[1:] {
		keys = append(keys, call.header.Get("Idempotency-Key"))
	}
	if len(keys) != 9 || keys[0] != keys[2] || keys[3] != keys[5] || keys[0] == keys[3] || keys[6] != "mine" || keys[8] != "mine" {
		t.Errorf("keys %q", keys)
	}
}

func TestArgumentsAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := writable(t, func(w http.ResponseWriter, _ string, _ *http.Request) { answer(w, 200, "{}") })
	client := connect(t, config(s.URL))
	own, ctx := client.Unstable().Identity(), t.Context()
	put := func(weights map[pylon.Hotkey]float64) error {
		_, err := own.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
		return err
	}
	key := func(key string) error {
		_, err := own.PutWeights(ctx, pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}, IdempotencyKey: key})
		return err
	}
	_, noData := own.SetCommitment(ctx, pylon.CommitmentRequest{})
	_, noAxon := own.ServeAxon(ctx, pylon.AxonRequest{})
	_, noIntent := own.Intent(ctx, "")
	_, noHotkey := own.LatestCommitment(ctx, "")
	_, dots := own.LatestCertificate(ctx, "..")
	_, mechanism := client.V1().Identity().PutWeights(ctx, pylon.WeightsRequest{Mechanism: 1, Weights: map[pylon.Hotkey]float64{"a": 1}})
	_, odd := pylon.ParseCommitment("0x1")
	_, empty := pylon.ParseCommitment("0x")
	for name, err := range map[string]error{
		"no weights": put(nil), "no hotkey": put(map[pylon.Hotkey]float64{"": 1}), "NaN": put(map[pylon.Hotkey]float64{"a": math.NaN()}),
		"infinity": put(map[pylon.Hotkey]float64{"a": math.Inf(1)}), "no data": noData, "no axon": noAxon, "no intent": noIntent,
		"a key of two lines": key("a\nb"), "a long key": key(strings.Repeat("k", 256)), "a key in Greek": key("κ"),
		"no hotkey to read": noHotkey, "dots": dots, "mechanism in v1": mechanism, "odd digits": odd, "no digits": empty,
	} {
		var argument *pylon.ArgumentError
		if !errors.Is(err, pylon.ErrInvalid) || !errors.As(err, &argument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.all()) != 0 {
		t.Errorf("%d requests", len(s.all()))
	}
	if data, err := pylon.ParseCommitment("0xFF01"); err != nil || string(data) != "\xff\x01" {
		t.Errorf("%x, %v", data, err)
	}
}

// intentText is an intent in some state.
func intentText(state pylon.IntentState, second int) string {
	return fmt.Sprintf(`{"id":"i1","kind":"weights","identity":"sn1","hotkey":"hot","netuid":1,"mechanism":0,"state":%q,"reason":"why","detail":"because",`+
		`"attempts":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:%02dZ"}`, state, second)
}

func TestWaitForWeights(t *testing.T) {
	t.Parallel()
	for until, test := range map[pylon.WaitFor]struct {
		states []pylon.IntentState
		want   pylon.IntentState
		fails  bool
	}{
		pylon.WaitIncluded:  {[]pylon.IntentState{"recorded", "recorded", "signed", "included"}, "included", false},
		pylon.WaitFinalized: {[]pylon.IntentState{"signed", "included", "awaiting_reveal"}, "awaiting_reveal", false},
		pylon.WaitRevealed:  {[]pylon.IntentState{"awaiting_reveal", "awaiting_reveal", "revealed"}, "revealed", false},
		"expired":           {[]pylon.IntentState{"recorded", "expired"}, "expired", true},
	} {
		var n atomic.Int32
		s := writable(t, func(w http.ResponseWriter, path string, _ *http.Request) {
			if path != "/intents/i1" {
				fail(w, 404, path)
				return
			}
			i := min(int(n.Add(1)), len(test.states)) - 1
			answer(w, 200, intentText(test.states[i], i))
		})
		c := config(s.URL)
		c.PollInterval = time.Millisecond
		intent, err := connect(t, c).Unstable().Identity().WaitForWeights(t.Context(), "i1", until)
		if intent == nil || intent.State != test.want {
			t.Errorf("%s: %+v, %v", until, intent, err)
			continue
		}
		var failed *pylon.IntentError
		if test.fails != errors.As(err, &failed) || test.fails != errors.Is(err, pylon.ErrIntent) || !test.fails && err != nil {
			t.Errorf("%s: %v", until, err)
		}
		if test.fails && err.Error() != "pylon: intent i1 is expired (why): because" {
			t.Errorf("%s: %v", until, err)
		}
	}
}

func TestWaitEndsWithTheContextAndTheClient(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	s := writable(t, func(w http.ResponseWriter, _ string, _ *http.Request) {
		answer(w, 200, intentText("recorded", 1))
		asked <- struct{}{}
	})
	c := config(s.URL)
	c.PollInterval = time.Hour
	client := connect(t, c)
	own := client.Unstable().Identity()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := own.WaitForWeights(ctx, "i1", pylon.WaitRevealed); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second) // less than the pause
	defer cancel()
	if _, err := own.WaitForWeights(ctx, "i1", pylon.WaitRevealed); !errors.Is(err, pylon.ErrTimeout) || ctx.Err() != nil {
		t.Errorf("a deadline: %v", err)
	}
	<-asked
	go func() { <-asked; _ = client.Close() }()
	if _, err := own.WaitForWeights(t.Context(), "i1", pylon.WaitRevealed); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestIntentsAreFiltered(t *testing.T) {
	t.Parallel()
	s := writable(t, func(w http.ResponseWriter, _ string, r *http.Request) {
		if r.Method == http.MethodDelete {
			fail(w, 409, "it is signed")
			return
		}
		answer(w, 200, `{"intents":[`+intentText("recorded", 1)+`]}`)
	})
	own := connect(t, config(s.URL)).Unstable().Identity()
	filter := pylon.IntentFilter{Kind: pylon.IntentWeights, State: pylon.StateRecorded, Open: true, Before: "x", Limit: 5}
	if list, err := own.Intents(t.Context(), filter); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if got, want := s.last(t).query, "before=x&kind=weights&limit=5&open=true&state=recorded"; got != want {
		t.Errorf("query %s, want %s", got, want)
	}
	if _, err := own.CancelIntent(t.Context(), "i1"); !errors.Is(err, pylon.ErrConflict) {
		t.Errorf("cancel: %v", err)
	}
}

// The service cancels, its answer is lost, and the repeat is refused as there is nothing left to cancel.
func TestCancelIsRepeated(t *testing.T) {
	t.Parallel()
	var deleted atomic.Int32
	var state atomic.Value
	state.Store(pylon.StateCancelled)
	s := writable(t, func(w http.ResponseWriter, _ string, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			answer(w, 200, intentText(state.Load().(pylon.IntentState), 1))
		case deleted.Add(1) == 1:
			fail(w, 504, "Request timed out")
		default:
			fail(w, 409, "It has ended.")
		}
	})
	own := connect(t, config(s.URL)).Unstable().Identity()
	if intent, err := own.CancelIntent(t.Context(), "i1"); err != nil || intent.State != pylon.StateCancelled {
		t.Errorf("%+v, %v", intent, err)
	}
	state.Store(pylon.StateFinalized)
	if _, err := own.CancelIntent(t.Context(), "i1"); !errors.Is(err, pylon.ErrConflict) {
		t.Errorf("one that was done: %v", err)
	}
}
