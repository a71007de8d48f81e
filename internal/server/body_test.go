package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

const loginPath = "/api/v1/login/identity/sn1"

func legacyFixture(tb testing.TB) *fixture {
	tb.Helper()
	return newFixture(tb, func(c *Config) { c.LegacyLogin = true })
}

func TestConformance007To010Bodies(t *testing.T) {
	t.Parallel()
	f := legacyFixture(t)
	const good = `{"netuid":1,"identity_name":"sn1"}`
	validation := func(path, extra string) string {
		return `{"status_code":400,"detail":"Validation failed for POST ` + path + `","extra":[` + extra + `]}`
	}
	const noObject = `{"message":"Input should be a valid dictionary or instance of LoginBody"}`
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{loginPath, `{"token":"x"}`, 200, good},
		{loginPath, " \n{\"unknown\":[{\"a\":1}],\"token\":\"\\u0041\"}\t", 200, good},
		{loginPath, `{"token":"x","token":"y"}`, 200, good},
		{loginPath, ``, 400, validation(loginPath, `{"message":"'data'","key":"data","source":"body"}`)},
		{loginPath + "?a=b", ``, 400, validation(loginPath+"?a=b", `{"message":"'data'","key":"data","source":"body"}`)},
		{loginPath, `{}`, 400, validation(loginPath, `{"message":"Field required","key":"token"}`)},
		{loginPath, `{"token":1}`, 400, validation(loginPath, `{"message":"Input should be a valid string","key":"token"}`)},
		{loginPath, `{"token":null}`, 400, validation(loginPath, `{"message":"Input should be a valid string","key":"token"}`)},
		{loginPath, `[]`, 400, validation(loginPath, noObject)},
		{loginPath, `null`, 400, validation(loginPath, noObject)},
		{loginPath, `"x"`, 400, validation(loginPath, noObject)},
		{loginPath, ` 1 `, 400, validation(loginPath, noObject)},
		{loginPath, `{x`, 400, `{"status_code":400,"detail":"JSON is malformed: invalid character 'x' looking for beginning of object key string (byte 1)"}`},
		{loginPath, `{"token":"x"`, 400, `{"status_code":400,"detail":"JSON is malformed: unexpected end of JSON input (byte 11)"}`},
		{loginPath, `{} {}`, 400, `{"status_code":400,"detail":"JSON is malformed: invalid character '{' after top-level value (byte 3)"}`},
		{loginPath, ` `, 400, `{"status_code":400,"detail":"JSON is malformed: unexpected end of JSON input (byte 0)"}`},
		// Malformed comes before the unknown identity, which comes before the fields.
		{"/api/v1/login/identity/nobody", `{x`, 400, `{"status_code":400,"detail":"JSON is malformed: invalid character 'x' looking for beginning of object key string (byte 1)"}`},
		{"/api/v1/login/identity/nobody", `{}`, 404, `{"status_code":404,"detail":"Identity 'nobody' not found"}`},
	} {
		for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain", ""} {
			got := f.send(t, "POST", test.path, strings.NewReader(test.body), "Content-Type", kind)
			wantBody(t, got, test.status, test.want)
		}
	}
	deep := strings.Repeat(`[`, 100_000)
	if got := f.send(t, "POST", loginPath, strings.NewReader(`{"token":`+deep)); got.Code != 400 {
		t.Errorf("nested arrays: %d", got.Code)
	}
}

// endless is a body without an end. It counts what has been read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}

func TestBodiesOverTheLimit(t *testing.T) {
	t.Parallel()
	f := legacyFixture(t)
	body := func(size int) io.Reader {
		text := `{"token":"x"}`
		return io.MultiReader(strings.NewReader(text), bytes.NewReader(bytes.Repeat([]byte{' '}, size-len(text))))
	}
	if got := f.send(t, "POST", loginPath, body(maxBody)); got.Code != 200 {
		t.Errorf("a body of the limit: %d", got.Code)
	}
	wantProblem(t, f.send(t, "POST", loginPath, body(maxBody+1)), 413, "Request Entity Too Large")
	source := new(endless)
	wantProblem(t, f.send(t, "POST", loginPath, source), 413, "Request Entity Too Large")
	if source.read > 2*maxBody {
		t.Errorf("%d bytes of an endless body have been read", source.read)
	}
}

func TestAnnouncedBodyOverTheLimitIsNotRead(t *testing.T) {
	t.Parallel()
	f := legacyFixture(t)
	address := serve(t, f)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST "+loginPath+" HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn) // the connection is closed after the answer, so that the body need not be sent
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
		t.Errorf("%q, %v", answer, err)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestBodyThatBreaksOffIsNoFault(t *testing.T) {
	t.Parallel()
	f := legacyFixture(t)
	if got := f.send(t, http.MethodPost, loginPath, brokenBody{}); got.Code != statusClientGone {
		t.Errorf("got %d", got.Code)
	}
	if f.log.String() != "" {
		t.Errorf("logged: %s", f.log)
	}
}
