package pylon_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// script is a service that says what a test wants. It records what it was asked.
type script struct {
	*httptest.Server

	mu    sync.Mutex // guards calls
	calls []scriptCall
}

type scriptCall struct {
	method, path, query string
	header              http.Header
	body                string
}

// serve starts a service that answers with handler.
func serve(t testing.TB, handler http.HandlerFunc) *script {
	t.Helper()
	s := &script{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, scriptCall{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), string(body)})
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *script) all() []scriptCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *script) last(t testing.TB) scriptCall {
	t.Helper()
	calls := s.all()
	if len(calls) == 0 {
		t.Fatal("the service was not asked")
	}
	return calls[len(calls)-1]
}

// answer answers with a body.
func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// fail answers with an error as services do.
func fail(w http.ResponseWriter, status int, detail string) {
	text, _ := json.Marshal(detail)
	answer(w, status, `{"status_code":`+strconv.Itoa(status)+`,"detail":`+string(text)+`}`)
}

const (
	aBlock      = `{"number":7,"hash":"0x07"}`
	aBlockInfo  = `{"number":7,"hash":"0x07","timestamp":1700000000}`
	noNeurons   = `{"block":` + aBlock + `,"neurons":{}}`
	oneIdentity = `{"identities":{"sn1":1}}`
)

// config is one that can do everything.
func config(address string) pylon.Config {
	return pylon.Config{
		Address: address, OpenAccessToken: "open", IdentityName: "sn1", IdentityToken: "secret",
		Retry: pylon.RetryPolicy{Wait: func(int) time.Duration { return 0 }},
	}
}

// connect returns an open client, which is closed at the end of the test.
func connect(t testing.TB, config pylon.Config) *pylon.Client {
	t.Helper()
	client, err := pylon.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
