package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	openToken    = "open-access-token"
	metricsToken = "metrics-token"
	sn1Token     = "token-of-sn1"
	sn2Token     = "token-of-sn2"

	v1Neurons         = "/api/v1/subnet/1/block/latest/neurons"
	v1IdentityNeurons = "/api/v1/identity/sn1/subnet/1/block/latest/neurons"
)

// fakeChain answers every read with the same values, or as the functions say.
type fakeChain struct {
	block      *pylon.BlockInfo
	neurons    *pylon.Neurons
	validators *pylon.Validators
	published  published

	// before, when set, is called by every read that waits for the chain and can end it with an error.
	before func(ctx context.Context, read string) error
}

func (c *fakeChain) ask(ctx context.Context, read string) error {
	if c.before == nil {
		return nil
	}
	return c.before(ctx, read)
}

func (c *fakeChain) LatestBlock(ctx context.Context) (*pylon.BlockInfo, error) {
	return c.block, c.ask(ctx, "LatestBlock")
}

func (c *fakeChain) LatestNeurons(ctx context.Context, _ pylon.Netuid) (*pylon.Neurons, error) {
	return c.neurons, c.ask(ctx, "LatestNeurons")
}

func (c *fakeChain) LatestValidators(ctx context.Context, _ pylon.Netuid) (*pylon.Validators, error) {
	return c.validators, c.ask(ctx, "LatestValidators")
}

func (c *fakeChain) Neurons(ctx context.Context, number uint64, _ pylon.Netuid) (*pylon.Neurons, error) {
	if err := c.ask(ctx, "Neurons"); err != nil {
		return nil, err
	}
	if number != c.neurons.Block.Number {
		return nil, problem.Newf(problem.NotFound, "Block %d not found.", number)
	}
	return c.neurons, nil
}

func (c *fakeChain) Validators(ctx context.Context, number uint64, _ pylon.Netuid) (*pylon.Validators, error) {
	if err := c.ask(ctx, "Validators"); err != nil {
		return nil, err
	}
	if number != c.validators.Block.Number {
		return nil, problem.Newf(problem.NotFound, "Block %d not found.", number)
	}
	return c.validators, nil
}

// fakeRecent knows the neurons of some readers.
type fakeRecent map[recentReader]*pylon.Neurons

type recentReader struct {
	identity string
	netuid   pylon.Netuid
}

const (
	missingText = "Recent neurons data is not available. Cache update may not have finished yet or subnet may not be configured for caching recent objects."
	staleText   = "Recent neurons data is stale. Cache update may be failing."
)

func (r fakeRecent) RecentNeurons(identity string, netuid pylon.Netuid) (*pylon.Neurons, error) {
	neurons, ok := r[recentReader{identity, netuid}]
	switch {
	case !ok:
		return nil, problem.New(problem.NotReady, missingText)
	case neurons == nil:
		return nil, problem.New(problem.NotReady, staleText)
	default:
		return neurons, nil
	}
}

func testdata(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func newFakeChain(tb testing.TB) *fakeChain {
	tb.Helper()
	chain := &fakeChain{block: new(pylon.BlockInfo), neurons: new(pylon.Neurons), validators: new(pylon.Validators)}
	for name, into := range map[string]any{
		"block-info.json": chain.block,
		"neurons.json":    chain.neurons,
		"validators.json": chain.validators,
	} {
		if err := json.Unmarshal(testdata(tb, name), into); err != nil {
			tb.Fatal(err)
		}
	}
	chain.published = newPublished(chain.neurons.Block)
	return chain
}

// fixture is a server over fakes.
type fixture struct {
	*Server

	chain  *fakeChain
	recent fakeRecent
	evm    *fakeEVM
	events *fakeEvents
	writer *fakeWriter
	log    *logBuffer
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newFixture returns a server with two identities and all tokens, as changed by change.
func newFixture(tb testing.TB, change func(*Config)) *fixture {
	tb.Helper()
	f := &fixture{chain: newFakeChain(tb), recent: fakeRecent{}, evm: new(fakeEVM), events: newFakeEvents(), writer: newFakeWriter(), log: new(logBuffer)}
	config := Config{
		Chain:           f.chain,
		Recent:          f.recent,
		EVM:             f.evm,
		Events:          f.events,
		Writes:          f.writer,
		Status:          fakeStatus{},
		Identities:      []Identity{{Name: "sn1", Netuid: 1, Hotkey: hotkeyA, Token: sn1Token}, {Name: "another", Netuid: 2, Token: sn2Token}},
		OpenAccessToken: openToken,
		MetricsToken:    metricsToken,
		WrongTokens:     -1, // all tests come from one address
		Logger:          slog.New(slog.NewJSONHandler(f.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	var err error
	if f.Server, err = New(config); err != nil {
		tb.Fatal(err)
	}
	return f
}

// concrete fills in a template so that the answer is a good one.
func (f *fixture) concrete(template string) string {
	return strings.NewReplacer(
		"{netuid}", "1", "{block_number}", strconv.FormatUint(f.chain.neurons.Block.Number, 10), "{identity_name}", "sn1",
		"{hotkey}", hotkeyA, "{extrinsic_index}", "1", "{contract_address}", contractAddress, "{asset}", "index.css", "{mechanism_id}", "1", "{intent_id}", "i1",
	).Replace(template)
}

// ask sends a GET with headers given as pairs.
func (f *fixture) ask(tb testing.TB, path string, headers ...string) *httptest.ResponseRecorder {
	tb.Helper()
	return f.send(tb, http.MethodGet, path, nil, headers...)
}

func (f *fixture) send(tb testing.TB, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	tb.Helper()
	ctx := tb.Context()
	if strings.Contains(path, "/events") { // goes on until its reader has gone
		gone, cancel := context.WithCancel(ctx)
		cancel()
		ctx = gone
	}
	request := httptest.NewRequestWithContext(ctx, method, "/", body)
	if body == nil {
		request.Body = http.NoBody
	}
	path, request.URL.RawQuery, _ = strings.Cut(path, "?")
	request.URL.Path = path
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, request)
	return recorder
}

// authorization is the header for a token.
func authorization(token string) []string { return []string{"Authorization", "Bearer " + token} }

// wantBody demands the status and, byte for byte, the body.
func wantBody(tb testing.TB, got *httptest.ResponseRecorder, status int, body string) {
	tb.Helper()
	if got.Code != status || got.Body.String() != body {
		tb.Errorf("got %d %s\nwant %d %s", got.Code, clip(got.Body.String(), 600), status, clip(body, 600))
	}
}

// wantProblem demands an error body with that status and detail and nothing else.
func wantProblem(tb testing.TB, got *httptest.ResponseRecorder, status int, detail string) {
	tb.Helper()
	want := `{"status_code":` + strconv.Itoa(status) + `,"detail":"` + strings.ReplaceAll(detail, `"`, `\"`) + `"}`
	wantBody(tb, got, status, want)
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		tb.Errorf("content type %q", kind)
	}
}

func wantHeader(tb testing.TB, got *httptest.ResponseRecorder, name, value string) {
	tb.Helper()
	if found := got.Header().Get(name); found != value {
		tb.Errorf("header %s is %q, want %q", name, found, value)
	}
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func newRequest(ctx context.Context, path string, headers ...string) *http.Request {
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return request
}
