package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	missingHeader   = "Authorization header is required"
	malformedHeader = "Invalid Authorization header format. Expected: Bearer <token>"
	wrongToken      = "Invalid authorization token"
)

// openRoutes are all reads that the open-access token guards.
func openRoutes(t *testing.T, f *fixture) []string {
	t.Helper()
	return guarded(t, f, openAccess)
}

func guarded(t *testing.T, f *fixture, by guard) []string {
	t.Helper()
	f.recent[recentReader{"", 1}] = f.chain.neurons
	f.recent[recentReader{"sn1", 1}] = f.chain.neurons
	var paths []string
	f.routes.each(func(e *endpoint) {
		if read := e.route(http.MethodGet); read != nil && read.guard == by {
			paths = append(paths, f.concrete(e.template))
		}
	})
	if len(paths) == 0 {
		t.Fatal("no route has this guard")
	}
	return paths
}

func TestConformance015OpenAccessWithoutHeader(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range openRoutes(t, f) {
		wantProblem(t, f.ask(t, path), 401, missingHeader)
		wantProblem(t, f.ask(t, path, "Authorization", ""), 401, missingHeader)
		wantProblem(t, f.ask(t, path, "Authorization", " \t"), 401, missingHeader)
	}
}

func TestConformance016And017MalformedHeader(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range append(guarded(t, f, identityKey), append(openRoutes(t, f), "/metrics")...) {
		for _, value := range []string{
			"Token x", "Bearer a b", "Bearer", "Bearer ", openToken, "Bearer" + openToken, "bearer " + openToken + " ,",
			"Basic " + openToken, "Bearer\u00a0" + openToken, `Bearer "a" "b"`,
		} {
			wantProblem(t, f.ask(t, path, "Authorization", value), 401, malformedHeader)
		}
	}
}

func TestConformance018SchemeInAnyCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range openRoutes(t, f) {
		for _, scheme := range []string{"BEARER ", "bearer ", "bEaReR\t", " Bearer   "} {
			if got := f.ask(t, path, "authorization", scheme+openToken); got.Code != 200 {
				t.Errorf("%s with %q: %d", path, scheme, got.Code)
			}
		}
	}
}

func TestConformance019And020WrongTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range openRoutes(t, f) {
		for _, token := range []string{sn1Token, metricsToken, openToken[1:], openToken + "x", strings.ToUpper(openToken), "é", "\xff"} {
			wantProblem(t, f.ask(t, path, authorization(token)...), 403, wrongToken)
		}
	}
	for _, path := range guarded(t, f, identityKey) {
		for _, token := range []string{openToken, metricsToken, sn2Token, "é"} {
			wantProblem(t, f.ask(t, path, authorization(token)...), 403, wrongToken)
		}
	}
}

func TestConformance021And022Identities(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range guarded(t, f, identityKey) {
		unknown := strings.Replace(path, "/sn1/", "/nobody/", 1)
		wantProblem(t, f.ask(t, unknown, authorization(sn1Token)...), 404, "Identity 'nobody' not found")
		wantProblem(t, f.ask(t, unknown), 401, missingHeader)
		wantProblem(t, f.ask(t, unknown, "Authorization", "Token x"), 401, malformedHeader)
		wantProblem(t, f.ask(t, path), 401, missingHeader)
		if got := f.ask(t, path, authorization(sn1Token)...); got.Code != 200 {
			t.Errorf("%s: %d %s", path, got.Code, clip(got.Body.String(), 200))
		}
		// Names are case-sensitive.
		wantProblem(t, f.ask(t, strings.Replace(path, "/sn1/", "/SN1/", 1), authorization(sn1Token)...), 404, "Identity 'SN1' not found")
	}
	wantProblem(t, f.ask(t, `/api/v1/identity/a"<b>/subnet/1/block/latest/neurons`, authorization("x")...), 404, `Identity 'a"<b>' not found`)
}

func TestConformance023WrongNetuidRedirects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	token := authorization(sn1Token)
	for _, path := range guarded(t, f, identityKey) {
		for _, netuid := range []string{"2", "0", "65537", "-1", "0_2"} {
			other := strings.Replace(path, "/subnet/1/", "/subnet/"+netuid+"/", 1)
			got := f.ask(t, other+"?a=b", token...)
			wantBody(t, got, 308, "")
			wantHeader(t, got, "Location", path)
			wantHeader(t, got, "Content-Type", "")
			wantProblem(t, f.ask(t, other, authorization(sn2Token)...), 403, wrongToken)
			wantProblem(t, f.ask(t, other), 401, missingHeader)
		}
		// A path that is spelled oddly leads to the proper one, never to another host.
		wantHeader(t, f.ask(t, "/"+strings.Replace(path, "/subnet/1/", "//subnet/2/", 1)+"/", token...), "Location", path)
		// The same netuid in another spelling is the same.
		if got := f.ask(t, strings.Replace(path, "/subnet/1/", "/subnet/+0_1/", 1), token...); got.Code != 200 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	// The path's own integers are kept as they were asked, escaped where they have to be.
	got := f.ask(t, "/api/v1/identity/sn1/subnet/2/block/ +7/neurons", token...)
	wantHeader(t, got, "Location", "/api/v1/identity/sn1/subnet/1/block/%20+7/neurons")
}

func TestConformance024And140IdentitiesInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{"/api/v1/identities", "/api/_unstable/identities"} {
		for _, headers := range [][]string{nil, authorization("wrong"), {"Authorization", "nonsense"}} {
			wantBody(t, f.ask(t, path, headers...), 200, `{"identities":{"sn1":1,"another":2}}`)
		}
	}
	empty := newFixture(t, func(c *Config) { c.Identities = nil })
	wantBody(t, empty.ask(t, "/api/v1/identities"), 200, `{"identities":{}}`)
}

func TestConformance025And128PublicBlock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, headers := range [][]string{nil, authorization(openToken), authorization("wrong"), {"Authorization", "nonsense"}} {
		wantBody(t, f.ask(t, "/api/v1/block/latest", headers...), 200, string(testdata(t, "block-info.json")))
	}
}

func TestConformance026And127UnstableBlock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	want := string(testdata(t, "block-info.json"))
	wantBody(t, f.ask(t, "/api/_unstable/block/latest"), 200, want)
	wantProblem(t, f.ask(t, "/api/_unstable/openaccess/block/latest"), 401, missingHeader)
	wantProblem(t, f.ask(t, "/api/_unstable/openaccess/block/latest", authorization("wrong")...), 403, wrongToken)
	wantBody(t, f.ask(t, "/api/_unstable/openaccess/block/latest", authorization(openToken)...), 200, want)
}

func TestConformance027EmptyOpenAccessToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.OpenAccessToken = "" })
	for _, path := range openRoutes(t, f) {
		for _, headers := range [][]string{nil, authorization("any"), {"Authorization", "nonsense"}} {
			if got := f.ask(t, path, headers...); got.Code != 200 {
				t.Errorf("%s %v: %d", path, headers, got.Code)
			}
		}
	}
	// Identities keep their tokens.
	for _, path := range guarded(t, f, identityKey) {
		wantProblem(t, f.ask(t, path), 401, missingHeader)
		wantProblem(t, f.ask(t, path, authorization("any")...), 403, wrongToken)
	}
}

func TestConformance028And029Metrics(t *testing.T) {
	t.Parallel()
	closed := newFixture(t, func(c *Config) { c.MetricsToken = "" })
	for _, headers := range [][]string{nil, authorization("any"), authorization(""), {"Authorization", "nonsense"}} {
		wantProblem(t, closed.ask(t, "/metrics", headers...), 403, "Metrics endpoint is not configured")
	}
	f := newFixture(t, nil)
	wantProblem(t, f.ask(t, "/metrics"), 401, missingHeader)
	wantProblem(t, f.ask(t, "/metrics", "Authorization", "Token x"), 401, malformedHeader)
	wantProblem(t, f.ask(t, "/metrics", authorization(openToken)...), 403, wrongToken)
	got := f.ask(t, "/metrics", authorization(metricsToken)...)
	if got.Code != 200 || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("got %d %s", got.Code, got.Header())
	}
}

func TestConformance030And131LegacyLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.LegacyLogin = true })
	for _, version := range []string{"v1", "_unstable"} {
		path := "/api/" + version + "/login/identity/another"
		got := f.send(t, "POST", path, strings.NewReader(`{"token":"whatever","identity_name":"another"}`),
			"Content-Type", "application/x-www-form-urlencoded") // conformance 7 and 8
		wantBody(t, got, 200, `{"netuid":2,"identity_name":"another"}`)
		wantProblem(t, f.send(t, "POST", strings.Replace(path, "another", "nobody", 1), strings.NewReader(`{"token":""}`)),
			404, "Identity 'nobody' not found")
	}
	for _, path := range append(openRoutes(t, f), guarded(t, f, identityKey)...) {
		if got := f.ask(t, path); got.Code != 200 {
			t.Errorf("%s without a header: %d", path, got.Code)
		}
		wantProblem(t, f.ask(t, path, authorization("wrong")...), 403, wrongToken)
		wantProblem(t, f.ask(t, path, "Authorization", "Token x"), 401, malformedHeader)
	}
	wantProblem(t, f.ask(t, "/api/v1/identity/nobody/subnet/1/block/latest/neurons"), 404, "Identity 'nobody' not found")
	wantProblem(t, f.ask(t, "/metrics"), 401, missingHeader)
}

func TestConformance132NoLegacyLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, version := range []string{"v1", "_unstable"} {
		wantProblem(t, f.send(t, "POST", "/api/"+version+"/login/identity/sn1", strings.NewReader(`{"token":"x"}`)), 404, "Not Found")
	}
	for _, path := range append(openRoutes(t, f), guarded(t, f, identityKey)...) {
		wantProblem(t, f.ask(t, path), 401, missingHeader)
	}
}

func TestSecretsPrintAsAFixedWord(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	config := Config{OpenAccessToken: canary, Identities: []Identity{{Name: "sn1", Token: canary}}}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "config", config, "token", config.OpenAccessToken)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", config, "token", config.OpenAccessToken)
	marshaled, err := json.Marshal(map[string]any{"a": config.Identities, "b": &config.OpenAccessToken})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(config), fmt.Sprintf("%v %+v %#v", config, config, config),
		fmt.Sprintf("%s %q %x %d %t", config.OpenAccessToken, config.OpenAccessToken, config.OpenAccessToken, config.OpenAccessToken, &config.OpenAccessToken), string(marshaled), log.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret is in %s", text)
		}
	}
	if Secret("").String() != redacted {
		t.Error("the empty secret can be told from others")
	}
	var read Secret
	if err := read.UnmarshalText([]byte(canary)); err != nil || read != canary {
		t.Error("a secret can not be read")
	}
}

func TestSecretsNeverAppear(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	secrets := []string{openToken, metricsToken, sn1Token, sn2Token, "presented-canary"}
	var seen strings.Builder
	for _, path := range []string{v1Neurons, v1IdentityNeurons, "/metrics", "/schema/openapi.json", "/nope", "/api/v1/identities"} {
		for _, secret := range secrets {
			got := f.ask(t, path, authorization(secret)...)
			fmt.Fprintln(&seen, got.Header(), got.Body.String())
		}
	}
	seen.WriteString(f.log.String())
	for _, secret := range secrets {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("%s appears", secret)
		}
	}
}

func FuzzBearer(f *testing.F) {
	f.Add("Bearer x")
	f.Add("bearer\t x y")
	f.Fuzz(func(t *testing.T, value string) {
		token, present, err := bearer(map[string][]string{"Authorization": {value}})
		words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(whitespace, r) })
		switch {
		case len(words) == 0:
			if present || err != nil {
				t.Fatalf("%q: %v %v", value, present, err)
			}
		case len(words) == 2 && strings.EqualFold(words[0], "bearer"):
			if !present || err != nil || token != words[1] {
				t.Fatalf("%q: %q %v %v", value, token, present, err)
			}
		default:
			if problem.KindOf(err) != problem.Unauthorized {
				t.Fatalf("%q: %v", value, err)
			}
		}
	})
}
