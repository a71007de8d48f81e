package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

func TestConformance094And125SetCommitment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, data := range []string{"c0ffee", "0xc0ffee", "0xC0FFee"} {
		status, answer, _ := f.post(t, v1Own+"/commitments", `{"commitment":"`+data+`"}`)
		if status != 201 || answer != `{"detail":"Commitment set successfully."}` {
			t.Errorf("v1: %d %s", status, answer)
		}
		status, answer, header := f.post(t, unstableOwn+"/commitments", `{"commitment":"`+data+`","more":1}`)
		if status != 201 || !strings.HasPrefix(answer, `{"detail":"Commitment set successfully.","intent":{"id":"i`) || header.Get(intentHeader) == "" {
			t.Errorf("unstable: %d %s", status, answer)
		}
	}
	if got, want := fmt.Sprint(f.writer.asked()), "[at first"+strings.Repeat(" commitment sn1 c0ffee ", 6)+"]"; got != want {
		t.Errorf("asked for %s", got)
	}
	for body, want := range map[string][2]string{
		`{}`:                      {"commitment", "Field required"},
		`{"commitment":"abc"}`:    {"commitment", "Value error, passed commitment data is not a valid hex string."},
		`{"commitment":"0xzz"}`:   {"commitment", "Value error, passed commitment data is not a valid hex string."},
		`{"commitment":"0x0x00"}`: {"commitment", "Value error, passed commitment data is not a valid hex string."},
		`{"commitment":1}`:        {"commitment", "Value error, commitment must be bytes or hex string"},
		`{"commitment":null}`:     {"commitment", "Value error, commitment must be bytes or hex string"},
		`{"commitment":""}`:       {"commitment", "Data should have at least 1 byte"},
		`{"commitment":"0x"}`:     {"commitment", "Data should have at least 1 byte"},
		`[]`:                      {"", "Input should be a valid dictionary or instance of SetCommitmentBody"},
	} {
		for _, path := range []string{v1Own + "/commitments", unstableOwn + "/commitments"} {
			if status, answer, _ := f.post(t, path, body); status != 400 || answer != fieldError("POST", path, want) {
				t.Errorf("%s: %d %s", body, status, answer)
			}
		}
	}
}

func TestConformance096FailedWritesAre502(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.writer.before = func(context.Context, string) error {
		return problem.New(problem.Unavailable, "Commitments.SpaceLimitExceeded: the space is used up")
	}
	for path, body := range map[string]string{
		"/commitments": `{"commitment":"00"}`, "/commitments/revealed": `{"commitment":"x","blocks_until_reveal":1}`, "/axon": `{"ip":"1.2.3.4","port":1}`,
	} {
		status, answer, _ := f.post(t, unstableOwn+path, body)
		if status != 502 || answer != `{"status_code":502,"detail":"Commitments.SpaceLimitExceeded: the space is used up"}` {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	f.writer.before = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	status, answer, _ := f.post(t, unstableOwn+"/commitments", `{"commitment":"00"}`, timeoutHeader, "0.05")
	if status != 504 || answer != `{"status_code":504,"detail":"Request timed out"}` {
		t.Errorf("%d %s", status, answer)
	}
	f.writer.before = func(context.Context, string) error { return errors.New("a secret of the database") }
	status, answer, _ = f.post(t, unstableOwn+"/commitments", `{"commitment":"00"}`)
	if status != 500 || answer != `{"status_code":500,"detail":"Internal Server Error"}` {
		t.Errorf("%d %s", status, answer)
	}
}

func TestConformance097RevealedCommitment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	status, answer, _ := f.post(t, v1Own+"/commitments/revealed", `{"commitment":"plain é","blocks_until_reveal":360,"block_time":12.5}`)
	if status != 201 || answer != `{"reveal_round":4242}` {
		t.Errorf("%d %s", status, answer)
	}
	for _, number := range []string{`"7"`, `7.0`, `7`, `" 7.0"`, `70e-1`} {
		status, answer, _ := f.post(t, unstableOwn+"/commitments/revealed", `{"commitment":"","blocks_until_reveal":`+number+`}`)
		asked := f.writer.asked()
		if status != 201 || !strings.HasPrefix(answer, `{"reveal_round":4242,"intent":{"id":`) || asked[len(asked)-1] != `revealed sn1 "" 7` {
			t.Errorf("%s: %d %s", number, status, answer)
		}
	}
	if asked := f.writer.asked(); asked[1] != `revealed sn1 "plain é" 360` {
		t.Errorf("asked for %s", asked[1])
	}
	const blocks = "blocks_until_reveal"
	for body, want := range map[string][][2]string{
		`{}`: {{"commitment", "Field required"}, {blocks, "Field required"}},
		`{"commitment":1,"blocks_until_reveal":"x"}`: {
			{"commitment", "Input should be a valid string"}, {blocks, "Input should be a valid integer, unable to parse string as an integer"},
		},
		`{"commitment":"x","blocks_until_reveal":1.5}`:     {{blocks, "Input should be a valid integer, got a number with a fractional part"}},
		`{"commitment":"x","blocks_until_reveal":"1.5"}`:   {{blocks, "Input should be a valid integer, unable to parse string as an integer"}},
		`{"commitment":"x","blocks_until_reveal":null}`:    {{blocks, "Input should be a valid integer"}},
		`{"commitment":"x","blocks_until_reveal":[]}`:      {{blocks, "Input should be a valid integer"}},
		`{"commitment":"x","blocks_until_reveal":1e999}`:   {{blocks, "Input should be a valid integer"}},
		`{"commitment":"x","blocks_until_reveal":-1}`:      {{blocks, "Input should be greater than or equal to 0"}},
		`{"commitment":"x","blocks_until_reveal":9999999}`: {{blocks, "Input should be less than or equal to 2628000"}},
	} {
		path := v1Own + "/commitments/revealed"
		if status, answer, _ := f.post(t, path, body); status != 400 || answer != fieldError("POST", path, want...) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

func TestConformance098And130GenerateCertificate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, body := range []string{`{}`, `{"algorithm":1}`, `{"algorithm":"1"}`, `{"algorithm":1.0}`, `{"algorithm":true}`} {
		status, answer, header := f.post(t, v1Own+"/certificates/self", body)
		if status != 201 || answer != `{"algorithm":1,"public_key":"`+keyOfA+`","private_key":"5e"}` || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	status, answer, _ := f.post(t, unstableOwn+"/certificates/self", `{}`)
	if status != 201 || !strings.HasPrefix(answer, `{"algorithm":1,"public_key":"`+keyOfA+`","private_key":"5e","intent":{"id":"i`) {
		t.Errorf("%d %s", status, answer)
	}
	const path = v1Own + "/certificates/self"
	for body, message := range map[string]string{
		`{"algorithm":2}`:    "Value error, Currently, only algorithm equals 1 is supported which is EdDSA using Ed25519 curve",
		`{"algorithm":-1}`:   "Value error, Currently, only algorithm equals 1 is supported which is EdDSA using Ed25519 curve",
		`{"algorithm":"x"}`:  "Input should be a valid integer, unable to parse string as an integer",
		`{"algorithm":null}`: "Input should be a valid integer",
	} {
		if status, answer, _ := f.post(t, path, body); status != 400 || answer != fieldError("POST", path, [2]string{"algorithm", message}) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if status, answer, _ := f.post(t, path, ``); status != 400 || !strings.Contains(answer, `"source":"body"`) {
		t.Errorf("no body: %d %s", status, answer)
	}
	f.writer.before = func(context.Context, string) error { return problem.New(problem.Unavailable, "not registered") }
	status, answer, _ = f.post(t, path, `{}`)
	if status != 502 || answer != `{"status_code":502,"detail":"Could not generate certificate pair."}` {
		t.Errorf("unregistered: %d %s", status, answer)
	}
}

func TestServeAxon(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const path = unstableOwn + "/axon"
	for body, want := range map[string]string{
		`{"ip":"203.0.113.7","port":8091}`:                     "axon sn1 203.0.113.7 8091 4",
		`{"ip":"2001:db8::1","port":"65535","protocol":0}`:     "axon sn1 2001:db8::1 65535 0",
		`{"ip":"203.0.113.7","port":1.0,"protocol":"1","x":1}`: "axon sn1 203.0.113.7 1 1",
	} {
		status, answer, _ := f.post(t, path, body)
		asked := f.writer.asked()
		if status != 201 || !strings.HasPrefix(answer, `{"detail":"Axon served successfully.","intent":{"id":"i`) || asked[len(asked)-1] != want {
			t.Errorf("%s: %d %s, asked for %s", body, status, answer, asked[len(asked)-1])
		}
	}
	for body, want := range map[string][][2]string{
		`{}`: {{"ip", "Field required"}, {"port", "Field required"}},
		`{"ip":"localhost","port":0}`: {
			{"ip", "value is not a valid IPv4 or IPv6 address"}, {"port", "Input should be greater than or equal to 1"},
		},
		`{"ip":"fe80::1%eth0","port":65536,"protocol":256}`: {
			{"ip", "value is not a valid IPv4 or IPv6 address"},
			{"port", "Input should be less than or equal to 65535"},
			{"protocol", "Input should be less than or equal to 255"},
		},
		`{"ip":1,"port":"x"}`: {{"ip", "Input should be a valid string"}, {"port", "Input should be a valid integer, unable to parse string as an integer"}},
	} {
		if status, answer, _ := f.post(t, path, body); status != 400 || answer != fieldError("POST", path, want...) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if status, answer, _ := f.post(t, v1Own+"/axon", `{}`); status != 404 {
		t.Errorf("v1: %d %s", status, answer)
	}
}

// Writes are guarded as all routes of identities are.
func TestWritesNeedTheTokenOfTheirIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, r := range resources {
		if r.method == http.MethodGet || r.offered == nil || !r.keyed && r.method != http.MethodDelete {
			continue
		}
		for _, mount := range r.at {
			if mount.guard != identityKey {
				t.Errorf("%s %s is not guarded", r.method, r.path)
			}
			path := f.concrete(mount.prefix + r.path)
			if path == unstableOwn+"/weights" {
				continue // with the switch for old clients only
			}
			wantProblem(t, f.send(t, r.method, path, nil), 401, missingHeader)
			wantProblem(t, f.send(t, r.method, path, nil, authorization(openToken)...), 403, wrongToken)
			wantProblem(t, f.send(t, r.method, path, nil, authorization(sn2Token)...), 403, wrongToken)
			other := strings.Replace(path, "/subnet/1/", "/subnet/7/", 1)
			if got := f.send(t, r.method, other, nil, authorization(sn1Token)...); got.Code != 308 || got.Header().Get("Location") != path {
				t.Errorf("%s %s: %d %s", r.method, other, got.Code, got.Header().Get("Location"))
			}
		}
	}
	if n := len(f.writer.asked()); n != 1 {
		t.Errorf("%d writes came through", n-1)
	}
}
