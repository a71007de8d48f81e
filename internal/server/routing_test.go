package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

func TestConformance001UnknownPath(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{
		"*", "/nope", "/api", "/api/v1", "/api/v2/identities", "/api/v1/openaccess/block/latest",
		"/api/v1/subnet/1/block/latest", "/api/v1/subnet/1/block/latest/neurons/more", "/api/v1/./identities",
		"/api/v1/subnet/1/block/recent/validators", "/schema/nope", "/schema/swagger/nope.js", "/schema/swagger/..",
		"/api/v1/login/identity/sn1",
	} {
		wantProblem(t, f.ask(t, path, authorization(openToken)...), 404, "Not Found")
	}
}

// lowerAllow is spelled as the Python service sends it.
const lowerAllow = "allow"

func TestConformance002WrongMethod(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "CONNECT", "NONSENSE", "get"} {
		// The method is wrong whoever asks, and before a path integer is looked at.
		for _, path := range []string{v1Neurons, "/api/v1/subnet/abc/block/latest/neurons", "/metrics", "/health"} {
			got := f.send(t, method, path, nil)
			wantProblem(t, got, 405, "Method Not Allowed")
			if allow := map[string][]string(got.Header())[lowerAllow]; !slices.Equal(allow, []string{"GET, OPTIONS"}) {
				t.Errorf("%s %s: allow header %q", method, path, allow)
			}
		}
	}
}

func TestOptionsAnswersWithTheMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for path, header := range map[string][]string{
		"/api/v1/identities": nil,
		"/health":            nil,
		v1Neurons:            authorization(openToken),
		v1IdentityNeurons:    authorization(sn1Token),
		"/metrics":           authorization(metricsToken),
	} {
		got := f.send(t, http.MethodOptions, path, nil, header...)
		wantBody(t, got, 204, "")
		wantHeader(t, got, "Allow", "GET, OPTIONS")
		if header != nil {
			wantProblem(t, f.send(t, http.MethodOptions, path, nil), 401, "Authorization header is required")
		}
	}
	legacy := newFixture(t, func(c *Config) { c.LegacyLogin = true })
	wantHeader(t, legacy.send(t, http.MethodOptions, "/api/v1/login/identity/sn1", nil), "Allow", "OPTIONS, POST")
}

func TestConformance003PathIntegers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	token := authorization(openToken)
	number := strconv.FormatUint(f.chain.neurons.Block.Number, 10)
	neurons := string(testdata(t, "neurons.json"))
	for _, bad := range []string{"abc", "1.0", "0x1", "1__0", "_1", "1_", "+-1", "--1", "+", "-", " ", "1 2", "1e3", "１"} {
		wantProblem(t, f.ask(t, "/api/v1/subnet/"+bad+"/block/latest/neurons", token...), 404, "Not Found")
		wantProblem(t, f.ask(t, "/api/v1/subnet/1/block/"+bad+"/neurons", token...), 404, "Not Found")
		// It is no route, so that nobody asks for a token.
		wantProblem(t, f.ask(t, "/api/v1/subnet/"+bad+"/block/latest/neurons"), 404, "Not Found")
	}
	for _, good := range []string{"1", "+1", "01", "0_1", " 1", "0000000000000000000000001"} {
		wantBody(t, f.ask(t, "/api/v1/subnet/"+good+"/block/"+number+"/neurons", token...), 200, neurons)
	}
	for _, latest := range []string{"-1", "-01", "-0_1"} {
		wantBody(t, f.ask(t, "/api/v1/subnet/1/block/"+latest+"/neurons", token...), 200, neurons)
	}
	for path, detail := range map[string]string{
		"/api/v1/subnet/1/block/-2/neurons":                         "Block -2 not found.",
		"/api/v1/subnet/1/block/-1_0/validators":                    "Block -10 not found.",
		"/api/v1/subnet/1/block/18446744073709551616/neurons":       "Block 18446744073709551616 not found.",
		"/api/v1/subnet/1/block/+0018446744073709551616/validators": "Block 18446744073709551616 not found.",
		"/api/v1/subnet/65536/block/latest/neurons":                 "Subnet 65536 not found.",
		"/api/v1/subnet/-1/block/latest/validators":                 "Subnet -1 not found.",
		"/api/v1/subnet/65536/block/recent/neurons":                 "Subnet 65536 not found.",
	} {
		wantProblem(t, f.ask(t, path, token...), 404, detail)
		wantProblem(t, f.ask(t, path), 401, "Authorization header is required")
	}
}

func TestConformance004SlashesMakeNoDifference(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	token := authorization(openToken)
	for _, path := range []string{v1Neurons, "/api/v1/identities", "/api/v1/block/latest", "/health", "/api/_unstable/openaccess/block/latest"} {
		want := f.ask(t, path, token...)
		if want.Code != 200 {
			t.Fatalf("%s: %d", path, want.Code)
		}
		for _, spelling := range []string{path + "/", path + "///", "/" + path, strings.ReplaceAll(path, "/", "//"), strings.TrimPrefix(path, "/")} {
			wantBody(t, f.ask(t, spelling, token...), 200, want.Body.String())
		}
	}
}

func TestConformance005And006EveryErrorIsJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.chain.before = func(context.Context, string) error { return errors.New("broken") }
	for path, status := range map[string]int{
		"/nope": 404, "/metrics": 401, v1Neurons: 401, v1IdentityNeurons: 401, "/api/v1/block/latest": 500,
	} {
		got := f.ask(t, path)
		body := got.Body.String()
		// Conformance 6: no "extra" without field errors.
		if got.Code != status || !strings.HasPrefix(body, fmt.Sprintf(`{"status_code":%d,"detail":"`, status)) || strings.Contains(body, "extra") {
			t.Errorf("%s: %d %s", path, got.Code, body)
		}
	}
}

func TestConformance011UnforeseenFailuresLeakNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for name, fail := range map[string]func() error{
		"error":           func() error { return errors.New("dial wss://user:password@node: refused") },
		"unknown problem": func() error { return problem.New(problem.Unknown, "password") },
		"new kind":        func() error { return problem.New(problem.Kind(99), "password") },
		"panic":           func() error { panic("index out of range with password") },
		"late panic":      func() error { return []error{}[len(os.Args)] },
	} {
		f.chain.before = func(context.Context, string) error { return fail() }
		got := f.ask(t, v1Neurons, authorization(openToken)...)
		wantProblem(t, got, 500, "Internal Server Error")
		if name == "panic" && !strings.Contains(f.log.String(), "index out of range") {
			t.Errorf("the panic is not in the log: %s", f.log)
		}
	}
	f.chain.before = nil
	if got := f.ask(t, v1Neurons, authorization(openToken)...); got.Code != 200 {
		t.Errorf("after the failures: %d", got.Code)
	}
	if lines := strings.Count(f.log.String(), "\n"); lines != 5 {
		t.Errorf("%d lines in the log for 5 failures:\n%s", lines, f.log)
	}
}

func TestPanicAfterTheAnswerHasBegunCutsItOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	target := f.routes.find("/health", new([maxParams]string)).route(http.MethodGet)
	target.answer = func(x *exchange) error {
		x.writer.Header()["Content-Length"] = []string{"100"}
		x.begin(200)
		_, _ = x.writer.Write([]byte("half"))
		panic("in the middle")
	}
	server := httptest.NewServer(f)
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/health")
	if err == nil {
		_, err = bufio.NewReader(response.Body).ReadString(0)
		_ = response.Body.Close()
		if err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
			t.Errorf("the answer looks whole: %v", err)
		}
	}
	response, err = server.Client().Get(server.URL + "/api/v1/identities")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the server is gone: %v", err)
	}
	_ = response.Body.Close()
}

func TestConformance013HealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.chain.before = func(context.Context, string) error { return errors.New("no chain") }
	wantBody(t, f.ask(t, "/health"), 200, `{"status":"ok"}`)
}

func TestReadinessSaysWhy(t *testing.T) {
	t.Parallel()
	var reason error
	f := newFixture(t, func(c *Config) { c.Ready = func(context.Context) error { return reason } })
	wantBody(t, f.ask(t, "/ready"), 200, `{"status":"ready"}`)
	reason = problem.New(problem.Unavailable, "No node of main answers.")
	wantProblem(t, f.ask(t, "/ready"), 503, "No node of main answers.")
	reason = errors.New("wss://user:password@node")
	wantProblem(t, f.ask(t, "/ready"), 503, "The chain can not be read.")
	reason = nil
	f.draining.Store(true)
	wantProblem(t, f.ask(t, "/ready"), 503, "The service is stopping.")
	wantBody(t, f.ask(t, "/health"), 200, `{"status":"ok"}`)
}

func TestConformance126NoRedirects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.routes.each(func(e *endpoint) {
		path := f.concrete(e.template)
		for _, spelling := range []string{path, path + "/", "/" + path, path + "?x=/", strings.ToUpper(path)} {
			for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD"} {
				switch got := f.send(t, method, spelling, nil, authorization(sn1Token)...); got.Code {
				case 301, 302, 303, 307:
					t.Errorf("%s %s redirects with %d", method, spelling, got.Code)
				}
			}
		}
	})
}

func TestHostsWithImpossibleCharactersAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	// Accepted and refused as by the framework of the Python service, with which the table was made.
	for host, ok := range map[string]bool{
		"localhost:8000": true, "1.2.3.4": true, "[::1]:80": true, "a_b": true, "": true, "a:b:c": true, "a@b": true, "a'b": true, "a(b": true,
		"a,b": true, "%zz": true, "a;b": true, "a~b": true, "a!b": true, "a*b": true, "a&b": true, "a$b": true, "a[b": true,
		"a/b": false, "a b": false, `a"b`: false, "é": false, "a?b": false, "a#b": false, `a\b`: false,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/identities", nil)
		request.Host = host
		got := httptest.NewRecorder()
		f.ServeHTTP(got, request)
		if ok && got.Code != 200 {
			t.Errorf("host %q is refused", host)
		}
		if !ok {
			wantProblem(t, got, 400, "Invalid host header")
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	wantHeader(t, f.ask(t, "/health", "X-Request-Id", "abc-DEF_0.9:z"), "X-Request-Id", "abc-DEF_0.9:z")
	long := strings.Repeat("a", 128)
	wantHeader(t, f.ask(t, "/health", "X-Request-Id", long), "X-Request-Id", long)
	made := map[string]bool{}
	for _, bad := range []string{"", "a b", "a\"b", "é", long + "a", "a\x7f", "<script>"} {
		id := f.ask(t, "/health", "X-Request-Id", bad).Header().Get("X-Request-Id")
		if !validRequestID(id) || id == bad || made[id] {
			t.Errorf("%q became %q", bad, id)
		}
		made[id] = true
	}
	if id := f.ask(t, "/health").Header().Get("X-Request-Id"); len(id) != 16 {
		t.Errorf("a made id is %q", id)
	}
	if id := f.ask(t, "/nope", "X-Request-Id", "abc").Header().Get("X-Request-Id"); id != "" {
		t.Errorf("an unknown path has the request id %q", id)
	}
}

// TestPathTricksOverTheWire sends what no library would, and keeps what comes back.
func TestPathTricksOverTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	server := httptest.NewUnstartedServer(f)
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer server.Close()
	for _, test := range []struct{ request, want string }{
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a", "200"},
		{"GET http://elsewhere/api/v1/identities HTTP/1.1\r\nHost: a", "200"},
		{"GET //api//v1//identities// HTTP/1.1\r\nHost: a", "200"},
		{"GET /api/v1/%69dentities HTTP/1.1\r\nHost: a", "200"},
		{"GET /api/v1%2Fidentities HTTP/1.1\r\nHost: a", "200"}, // decoded before routing, as in the Python service
		{"GET /api/v1/./identities HTTP/1.1\r\nHost: a", "404"},
		{"GET /api/v1/x/../identities HTTP/1.1\r\nHost: a", "404"},
		{"GET /api/v1/identities%00 HTTP/1.1\r\nHost: a", "404"},
		{"GET /api/v1/identities;x HTTP/1.1\r\nHost: a", "404"},
		{"GET /api/v1/identities? HTTP/1.1\r\nHost: a", "200"},
		{"GET /api/v1/identities?/nope HTTP/1.1\r\nHost: a", "200"},
		{"GET /api/v1/identities HTTP/1.0\r\n", "200"},
		{"OPTIONS * HTTP/1.1\r\nHost: a", "404"},
		{"OPTIONS /api/v1/identities HTTP/1.1\r\nHost: a", "204"},
		{"CONNECT /api/v1/identities HTTP/1.1\r\nHost: a", "405"},
		{"CONNECT a:80 HTTP/1.1\r\nHost: a", "405"}, // its path is that of the status page,
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a/b", "400"},
		{"GET /api/v1/identities HTTP/1.1\r\n", "400"},
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a\r\nHost: b", "400"},
		{"POST /api/v1/identities HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-HTTP-Method-Override: GET", "405"},
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2", "400"},
		{"GET " + v1Neurons + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + openToken + "\r\nAuthorization: Bearer x", "400"},
		{"GET " + v1Neurons + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer\t \t" + openToken + "  ", "200"},
		{"GET " + v1Neurons + " HTTP/1.1\r\nHost: a\r\nAuthorization:   ", "401"},
		{"HEAD /api/v1/identities HTTP/1.1\r\nHost: a", "405"},
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000000", "200"}, // a body that nobody reads
		{"GET /api/v1/identities HTTP/1.1\r\nHost: a\r\nExpect: miracles", "417"},
		{"GET /api/v1/identities?" + strings.Repeat("%zz;", 1000) + " HTTP/1.1\r\nHost: a", "200"},
		// A body is asked for when it is wanted, not before the token was compared.
		{"PUT " + v1Weights + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\nAuthorization: Bearer x", "403"},
		{"PUT " + v1Weights + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10000001\r\nAuthorization: Bearer " + sn1Token, "413"},
		{"PUT " + v1Weights + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\nAuthorization: Bearer " + sn1Token, "100"},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(strings.TrimSuffix(test.request, "\r\n") + "\r\nConnection: close\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		status, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(status[9:], test.want) {
			t.Errorf("%q: %q, %v, want %s", test.request, status, err, test.want)
		}
		_ = conn.Close()
	}
}
