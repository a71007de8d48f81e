package pylon_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

func TestConformance107OpenAndClose(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, aBlockInfo) })
	var never pylon.Client
	if _, err := never.V1().LatestBlock(t.Context()); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("a client that was never opened: %v", err)
	}
	client := connect(t, config(s.URL))
	if err := client.Open(); !errors.Is(err, pylon.ErrOpen) {
		t.Errorf("opened twice: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := client.V1().LatestBlock(t.Context()); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("a closed client: %v", err)
	}
	if _, err := client.V1().Identity().LatestNeurons(t.Context()); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("a closed client with an identity: %v", err)
	}
	if n := len(s.all()); n != 0 {
		t.Errorf("a closed client made %d requests", n)
	}
	if err := client.Open(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.V1().LatestBlock(t.Context()); err != nil {
		t.Errorf("a client that was opened again: %v", err)
	}
}

func TestConformance108IdentityNeedsItsToken(t *testing.T) {
	t.Parallel()
	for _, c := range []pylon.Config{
		{Address: "http://h", IdentityName: "sn1"},
		{Address: "http://h", IdentityToken: "secret"},
	} {
		_, err := pylon.New(c)
		var wrong *pylon.ConfigError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "Identity name must be provided in pair with identity token.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestConformance109OpenAccessNeedsAToken(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, noNeurons) })
	client := connect(t, pylon.Config{Address: s.URL})
	_, err := client.V1().Subnet(1).LatestNeurons(t.Context())
	if !errors.Is(err, pylon.ErrMisconfigured) || err.Error() != "pylon: Can not use open access api - no open access token provided in config." {
		t.Errorf("without a token: %v", err)
	}
	_, err = client.V1().Identity().LatestNeurons(t.Context())
	if !errors.Is(err, pylon.ErrMisconfigured) || err.Error() != "pylon: Can not use identity api - no identity name or token provided in config." {
		t.Errorf("without an identity: %v", err)
	}
	if len(s.all()) != 0 {
		t.Error("the service was asked")
	}
	client = connect(t, pylon.Config{Address: s.URL, OpenAccessWithoutToken: true})
	if _, err := client.V1().Subnet(1).LatestNeurons(t.Context()); err != nil {
		t.Errorf("explicitly without a token: %v", err)
	}
	if header := s.last(t).header; header.Get("Authorization") != "" {
		t.Errorf("a header: %v", header)
	}
}

func TestConformance110Headers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/identities"):
			answer(w, 200, oneIdentity)
		case r.Method == http.MethodPut:
			answer(w, 200, `{"detail":"weights update scheduled","count":1}`)
		default:
			answer(w, 200, noNeurons)
		}
	})
	client := connect(t, config(s.URL))
	_, open := client.V1().Subnet(1).LatestNeurons(t.Context())
	_, write := client.V1().Identity().PutWeights(t.Context(), pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}})
	if err := errors.Join(open, write); err != nil {
		t.Fatal(err)
	}
	want := []string{"Bearer open", "", "Bearer secret"} // the second asks for the netuid
	for i, call := range s.all() {
		if got := call.header.Get("Authorization"); got != want[i] {
			t.Errorf("%s: Authorization: %q", call.path, got)
		}
		if got := call.header.Get("X-Pylon-Timeout"); got != "59.5" {
			t.Errorf("%s: X-Pylon-Timeout: %q", call.path, got)
		}
	}
	if len(s.all()) != len(want) {
		t.Errorf("%d requests", len(s.all()))
	}
}

func TestConformance111TimeoutHeader(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, aBlockInfo) })
	for read, want := range map[time.Duration]string{
		time.Second: "0.5", 200 * time.Millisecond: "0.5", 10 * time.Second: "9.5", 1500 * time.Millisecond: "1.0",
	} {
		c := config(s.URL)
		c.Timeouts.Read = read
		c.Retry.Attempts = 20 // the shortest may be too short for a busy machine, whatever header it sends
		_, _ = connect(t, c).V1().LatestBlock(t.Context())
		if got := s.last(t).header.Get("X-Pylon-Timeout"); got != want {
			t.Errorf("read timeout %v: header %q, want %q", read, got, want)
		}
	}
	// The deadline of the context is what is left.
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if _, err := connect(t, config(s.URL)).V1().LatestBlock(ctx); err != nil {
		t.Fatal(err)
	}
	var seconds float64
	if _, err := fmt.Sscan(s.last(t).header.Get("X-Pylon-Timeout"), &seconds); err != nil || seconds > 39.5 || seconds < 1 {
		t.Errorf("with 40 s left: %v, %v", seconds, err)
	}
}

func TestConformance112ConnectionRefused(t *testing.T) {
	t.Parallel()
	var dials atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	listener.Close()
	c := config(address)
	c.Retry.Wait = func(repeat int) time.Duration { dials.Store(int32(repeat)); return 0 }
	_, err = connect(t, c).V1().LatestBlock(t.Context())
	var request *pylon.RequestError
	if !errors.As(err, &request) || !errors.Is(err, pylon.ErrRequest) || errors.Is(err, pylon.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if got := dials.Load(); got != 2 {
		t.Errorf("%d repeats, want 2", got)
	}
}

func TestConformance113WhatIsRepeated(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status     int
		retryAfter string
		want       int
	}{
		{504, "", 3},
		{502, "", 1},
		{503, "", 1},
		{500, "", 1},
		{404, "", 1},
		{401, "", 1},
		{403, "", 1},
		{429, "", 1},
		{400, "", 1},
		{503, "0", 3},
		{429, "0", 3},
		{429, "Mon, 02 Jan 2006 15:04:05 GMT", 3},
		{502, "0", 1},
		{503, "31", 1},
		{503, "soon", 1},
		{429, "-1", 1},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if test.retryAfter != "" {
				w.Header().Set("Retry-After", test.retryAfter)
			}
			fail(w, test.status, "no")
		})
		if _, err := connect(t, config(s.URL)).V1().LatestBlock(t.Context()); err == nil {
			t.Errorf("%d: no error", test.status)
		}
		if got := len(s.all()); got != test.want {
			t.Errorf("%d, Retry-After %q: asked %d times, want %d", test.status, test.retryAfter, got, test.want)
		}
	}
}

func TestConformance114Errors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		detail string
		is     error
		text   string
	}{
		{401, "who", pylon.ErrUnauthorized, "pylon: Unauthorized (HTTP 401): who"},
		{403, "no", pylon.ErrForbidden, "pylon: Forbidden (HTTP 403): no"},
		{404, "", pylon.ErrNotFound, "pylon: Not found (HTTP 404)"},
		{502, "node", pylon.ErrBadGateway, "pylon: Bad gateway (HTTP 502): node"},
		{503, "later", pylon.ErrUnavailable, "pylon: Invalid response from Pylon API (HTTP 503): later"},
		{400, "what", pylon.ErrResponse, "pylon: Invalid response from Pylon API (HTTP 400): what"},
		{500, "oops", pylon.ErrResponse, "pylon: Invalid response from Pylon API (HTTP 500): oops"},
		{504, "Request timed out", pylon.ErrTimeout, "pylon: request to Pylon API timed out (gateway_timeout): Request timed out"},
		{302, "", pylon.ErrResponse, "pylon: Invalid response from Pylon API (HTTP 302)"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fail(w, test.status, test.detail) })
		_, err := connect(t, config(s.URL)).V1().LatestBlock(t.Context())
		if err == nil || err.Error() != test.text || !errors.Is(err, test.is) {
			t.Errorf("%d: %v", test.status, err)
		}
		var response *pylon.ResponseError
		if test.status != 504 && (!errors.As(err, &response) || response.StatusCode != test.status || response.Detail != test.detail || !errors.Is(err, pylon.ErrResponse)) {
			t.Errorf("%d: %+v", test.status, response)
		}
		for _, other := range []error{pylon.ErrUnauthorized, pylon.ErrForbidden, pylon.ErrNotFound, pylon.ErrBadGateway} {
			if !errors.Is(test.is, other) && errors.Is(err, other) {
				t.Errorf("%d is %v too", test.status, other)
			}
		}
	}

	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 400, `{"status_code":400,"detail":"Validation failed","extra":[{"message":"Field required","key":"weights"}]}`)
	})
	_, err := connect(t, config(s.URL)).V1().LatestBlock(t.Context())
	var response *pylon.ResponseError
	if !errors.As(err, &response) || len(response.Fields) != 1 || response.Fields[0].Key != "weights" {
		t.Errorf("fields: %v", err)
	}
}

func TestConformance115OneLookUp(t *testing.T) {
	t.Parallel()
	var netuid, lookups atomic.Int32
	netuid.Store(1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		now := fmt.Sprint(netuid.Load())
		switch {
		case r.URL.Path == "/api/_unstable/identities":
			lookups.Add(1)
			answer(w, 200, `{"identities":{"other":9,"sn1":`+now+`}}`)
		case strings.HasPrefix(r.URL.Path, "/api/_unstable/identity/sn1/subnet/"+now+"/"):
			answer(w, 200, noNeurons)
		default:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusPermanentRedirect)
		}
	})
	identity := connect(t, config(s.URL)).Unstable().Identity()
	parallel := func() {
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				if _, err := identity.LatestNeurons(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	parallel()
	if got := lookups.Load(); got != 1 {
		t.Errorf("%d look-ups for 40 first calls", got)
	}
	netuid.Store(2)
	parallel()
	if got := lookups.Load(); got != 2 {
		t.Errorf("%d look-ups after the netuid has changed, want 2", got)
	}
	for _, call := range s.all() {
		if call.path == "/api/_unstable/identities" && call.header.Get("Authorization") != "" {
			t.Error("a look-up with a token")
		}
	}
}

func TestConformance116IdentityAbsent(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"identities":{"other":1}}`) })
	client := connect(t, config(s.URL))
	for range 2 { // it is not remembered: the service may be configured meanwhile
		_, err := client.V1().Identity().LatestNeurons(t.Context())
		if !errors.Is(err, pylon.ErrMisconfigured) || err.Error() != "pylon: Identity 'sn1' is not configured on the server." {
			t.Errorf("error %v", err)
		}
	}
	if got := len(s.all()); got != 2 {
		t.Errorf("%d look-ups", got)
	}
}

func TestConformance117CommitmentsOfBothVersions(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path, v1 := strings.CutPrefix(r.URL.Path, "/api/v1")
		one := strings.HasSuffix(path, "/hot")
		switch {
		case v1 && one:
			answer(w, 200, `{"commitment_block_number":3,"hotkey":"hot","commitment":"0x01","block":`+aBlock+`}`)
		case v1:
			answer(w, 200, `{"block":`+aBlock+`,"commitments":{"hot":"0x01","cold":"0x02"}}`)
		case one:
			answer(w, 200, `{"commitment":{"kind":"hex_data","commitment_block_number":3,"hotkey":"hot","commitment":"0x01"},"block":`+aBlock+`}`)
		default:
			answer(w, 200, `{"block":`+aBlock+`,"commitments":{"hot":{"kind":"timelock_encrypted","commitment_block_number":3,"hotkey":"hot","commitment":"0x01","reveal_round":5}}}`)
		}
	})
	client := connect(t, config(s.URL))
	old, err := client.V1().Subnet(1).LatestCommitments(t.Context())
	if err != nil || len(old.Commitments) != 2 || old.Commitments[1] != (pylon.HotkeyData{Hotkey: "cold", Data: "0x02"}) {
		t.Errorf("v1: %+v, %v", old, err)
	}
	flat, err := client.V1().Subnet(1).LatestCommitment(t.Context(), "hot")
	if err != nil || flat.BlockNumber != 3 || flat.Data != "0x01" || flat.Block.Number != 7 {
		t.Errorf("v1, one: %+v, %v", flat, err)
	}
	all, err := client.Unstable().Subnet(1).LatestCommitments(t.Context())
	if err != nil || len(all.Commitments) != 1 || all.Commitments[0].RevealRound != 5 || all.Commitments[0].Kind != pylon.CommitmentTimelocked {
		t.Errorf("unstable: %+v, %v", all, err)
	}
	one, err := client.Unstable().Subnet(1).LatestCommitment(t.Context(), "hot")
	if err != nil || one.Commitment.Kind != pylon.CommitmentHex || one.Block.Number != 7 {
		t.Errorf("unstable, one: %+v, %v", one, err)
	}
}

func TestConformance118RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/trap" {
				t.Error("followed")
			}
			http.Redirect(w, r, "/trap", status)
		})
		_, err := connect(t, config(s.URL)).V1().LatestBlock(t.Context())
		var response *pylon.ResponseError
		if !errors.As(err, &response) || response.StatusCode != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestConformance119StrangeErrorBodies(t *testing.T) {
	t.Parallel()
	for body, detail := range map[string]string{
		"<html>": "", "": "", "[]": "", "null": "", `{"detail":null}`: "", `{"detail":["x"]}`: `["x"]`, `{"detail":3}`: "3",
		`{"detail":"x","extra":7}`: "x", "\x00\xff": "", `{"detail":"x"`: "",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 500, body) })
		_, err := connect(t, config(s.URL)).V1().LatestBlock(t.Context())
		var response *pylon.ResponseError
		if !errors.As(err, &response) || response.Detail != detail || response.StatusCode != http.StatusInternalServerError {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestConformance144StrangeBodies(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", " ", "null", "[]", `"x"`, "7", "<html>", "{", `{"number":"x"}`, `{}`, "\xff", strings.Repeat("[", 1<<16), `{"x":` + strings.Repeat(`{"x":`, 1<<16),
		// What a service that knows no dry runs says, and lists whose entries are not those of their keys.
		`{"detail":"weights update scheduled","count":1}`,
		`{"block":` + aBlock + `,"commitments":{"a":null},"evm_associations":{"a":null},"neurons":{"a":{"hotkey":"b"}}}`,
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/identities") {
				answer(w, 200, oneIdentity)
				return
			}
			answer(w, 200, body)
		})
		client := connect(t, config(s.URL))
		subnet, own := client.Unstable().Subnet(1), client.Unstable().Identity()
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"block":     func() error { _, err := client.V1().LatestBlock(ctx); return err },
			"extrinsic": func() error { _, err := client.V1().Extrinsic(ctx, 1, 1); return err },
			"prices":    func() error { _, err := client.Unstable().LatestPrices(ctx); return err },
			"logs":      func() error { _, err := client.Unstable().EVMLogs(ctx, "0x", 1, 1, nil); return err },
			"status":    func() error { _, err := own.WeightsStatus(ctx, 1, 0); return err },
			"dry run": func() error {
				_, err := own.DryRunWeights(ctx, pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}})
				return err
			},
			"round":        func() error { _, err := client.Unstable().LastStoredRound(ctx); return err },
			"neurons":      func() error { _, err := subnet.LatestNeurons(ctx); return err },
			"commitments":  func() error { _, err := subnet.LatestCommitments(ctx); return err },
			"associations": func() error { _, err := subnet.LatestEVMAssociations(ctx); return err },
			"validators":   func() error { _, err := subnet.LatestValidators(ctx); return err },
			"commitment":   func() error { _, err := subnet.LatestCommitment(ctx, "hot"); return err },
			"revealed":     func() error { _, err := subnet.LatestRevealedCommitmentsOf(ctx, "hot"); return err },
			"cert":         func() error { _, err := subnet.LatestCertificate(ctx, "hot"); return err },
			"price":        func() error { _, err := subnet.LatestPrice(ctx); return err },
			"intent":       func() error { _, err := own.Intent(ctx, "i"); return err },
			"intents":      func() error { _, err := own.Intents(ctx, pylon.IntentFilter{}); return err },
			"pair":         func() error { _, err := own.GenerateCertificate(ctx, pylon.CertificateRequest{}); return err },
			"reveal": func() error {
				_, err := own.SetRevealedCommitment(ctx, pylon.RevealedCommitmentRequest{Text: "x"})
				return err
			},
		} {
			err := call()
			var wrong *pylon.BodyError
			if !errors.As(err, &wrong) || !errors.Is(err, pylon.ErrBody) {
				t.Errorf("%s of %.20q: %v", name, body, err)
			}
		}
	}
}

func TestConformance145NetuidMismatchTwice(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/identities") {
			answer(w, 200, oneIdentity)
			return
		}
		http.Redirect(w, r, "/api/v1/identity/sn1/subnet/2/block/latest/neurons", http.StatusPermanentRedirect)
	})
	_, err := connect(t, config(s.URL)).V1().Identity().LatestNeurons(t.Context())
	if !errors.Is(err, pylon.ErrNetuidMismatch) || err.Error() != "pylon: Netuid mismatch (HTTP 308)" {
		t.Errorf("error %v", err)
	}
	var paths []string
	for _, call := range s.all() {
		paths = append(paths, strings.TrimPrefix(call.path, "/api/v1"))
	}
	const read = "/identity/sn1/subnet/1/block/latest/neurons"
	if got, want := strings.Join(paths, " "), strings.Join([]string{"/identities", read, "/identities", read}, " "); got != want {
		t.Errorf("requests %s", got)
	}
}

func TestConformance150ChainReadsWithAnIdentityOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, aBlockInfo) })
	c := config(s.URL)
	c.OpenAccessToken = ""
	client := connect(t, c)
	if _, err := client.Unstable().LatestBlock(t.Context()); !errors.Is(err, pylon.ErrMisconfigured) {
		t.Errorf("unstable: %v", err)
	}
	if len(s.all()) != 0 {
		t.Error("the service was asked")
	}
	if _, err := client.V1().LatestBlock(t.Context()); err != nil {
		t.Errorf("v1, which is public: %v", err)
	}
}
