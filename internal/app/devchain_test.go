package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
)

// newDevchain starts a development chain of some blocks, which makes further ones only when the test says so.
func newDevchain(t *testing.T) *devchain.Chain {
	t.Helper()
	return newDevchainOf(t, devchain.Config{})
}

func newDevchainOf(t *testing.T, config devchain.Config) *devchain.Chain {
	t.Helper()
	chain, err := devchain.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := chain.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Produce(20); err != nil {
		t.Fatal(err)
	}
	return chain
}

// lockedBuffer is a log that several goroutines write to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

const (
	testOpenAccessToken = "open-access-token-of-the-tests"
	testMetricsToken    = "metrics-token-of-the-tests"
	testIdentityToken   = "identity-token-of-the-tests"
)

// environment is that of a service in front of the node at the address.
func environment(node string, more ...string) []string {
	return append([]string{
		"PYLON_BITTENSOR_NETWORK=" + node, "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + node,
		"PYLON_UVICORN_HOST=127.0.0.1", "PYLON_UVICORN_PORT=0",
		"PYLON_OPEN_ACCESS_TOKEN=" + testOpenAccessToken, "PYLON_METRICS_TOKEN=" + testMetricsToken,
		`PYLON_IDENTITIES=["sn1"]`, "PYLON_ID_SN1_WALLET_NAME=dev", "PYLON_ID_SN1_HOTKEY_NAME=hot", "PYLON_ID_SN1_NETUID=1", "PYLON_ID_SN1_TOKEN=" + testIdentityToken,
		"PYLON_LOG_LEVEL=debug",
	}, more...)
}

// service is a running App.
type service struct {
	*App
	log    lockedBuffer
	client *http.Client
	cutOff bool // the test wants requests to be cut off by the stop
}

// startService starts a service, which is stopped with the test.
func startService(t *testing.T, environ ...string) *service {
	t.Helper()
	s := makeService(t, environ...)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// makeService makes a service that the test starts, and that is stopped with it.
func makeService(t *testing.T, environ ...string) *service {
	t.Helper()
	settings := mustLoad(t, environ...)
	s := &service{client: &http.Client{Transport: &http.Transport{}}}
	var err error
	if s.App, err = New(settings, Options{Logger: NewLogger(&s.log, settings.LogLevel, settings.LogFormat), Environ: environ}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil && !s.cutOff {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the service:\n%s", s.log.String())
		}
	})
	return s
}

// get asks for a path with a token and returns the status and the body.
func (s *service) get(t *testing.T, path, token string, header ...string) (status int, body string) {
	t.Helper()
	status, body, err := s.tryGet(t.Context(), path, token, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

func (s *service) tryGet(ctx context.Context, path, token string, header ...string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// want fails the test when the answer has another status.
func (s *service) want(t *testing.T, status int, path string, header ...string) (body string) {
	t.Helper()
	got, body := s.get(t, path, testOpenAccessToken, header...)
	if got != status {
		t.Fatalf("GET %s: status %d, want %d: %.300s", path, got, status, body)
	}
	return body
}

// eventually waits until the path answers with the status.
func (s *service) eventually(t *testing.T, status int, path string) (body string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(15 * time.Second)
	for {
		got, body := s.get(t, path, testOpenAccessToken)
		if got == status {
			return body
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("GET %s: status %d for 15 s, want %d: %.300s", path, got, status, body)
		}
	}
}

func neuronsAt(block int) string {
	return fmt.Sprintf("/api/v1/subnet/1/block/%d/neurons", block)
}

const latestNeurons = "/api/v1/subnet/1/block/latest/neurons"

func TestServiceOnADevelopmentChain(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	body := s.want(t, http.StatusOK, latestNeurons)
	if !strings.HasPrefix(body, `{"block":{"number":20,"hash":"0x`) || !strings.Contains(body, `"hotkey":"5`) {
		t.Errorf("latest neurons: %.300s", body)
	}
	s.want(t, http.StatusOK, "/api/v1/subnet/1/block/latest/validators")
	s.want(t, http.StatusOK, "/api/_unstable/openaccess/block/latest")
	s.want(t, http.StatusOK, "/ready")
	if status, body := s.get(t, "/api/v1/identity/sn1/subnet/1/block/latest/neurons", testIdentityToken); status != http.StatusOK {
		t.Errorf("identity: %d %.300s", status, body)
	}
	// The cache of recent objects fills itself.
	s.eventually(t, http.StatusOK, "/api/v1/subnet/1/block/recent/neurons")
}

// Statement 69 of the checklist.
func TestConformance069KilledConnectionIsNotNoticed(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, neuronsAt(11))
	if chain.DropConnections() == 0 {
		t.Fatal("there was no connection")
	}
	s.want(t, http.StatusOK, neuronsAt(12))
}

// Statement 70.
func TestConformance070CancelledRequestDisturbsNobody(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, neuronsAt(11))

	asked, release := holdStateCalls(chain)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := s.tryGet(ctx, neuronsAt(12), testOpenAccessToken)
		ended <- err
	}()
	<-asked
	cancel()
	if err := <-ended; err == nil {
		t.Error("the cancelled request was answered")
	}
	release()
	s.want(t, http.StatusOK, neuronsAt(13))
	s.want(t, http.StatusOK, neuronsAt(12))
	wantConnections(t, chain, 1)
}

// wantConnections waits until the node has that many connections: it hears of an end a moment after the other side.
func wantConnections(t *testing.T, chain *devchain.Chain, want int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Second)
	for chain.Connections() != want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the node has %d connections, want %d", chain.Connections(), want)
		}
	}
}

// holdStateCalls makes the node keep calls of the runtime until release, and tells of each.
func holdStateCalls(chain *devchain.Chain) (asked chan struct{}, release func()) {
	asked = make(chan struct{}, 100)
	held := make(chan struct{})
	chain.Hook("state_call", func(ctx context.Context, _ *devchain.Call) {
		asked <- struct{}{}
		select {
		case <-held:
		case <-ctx.Done():
		}
	})
	return asked, sync.OnceFunc(func() { chain.Hook("state_call", nil); close(held) })
}

// Statement 71, and the way back.
func TestConformance071ChainDown(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, neuronsAt(11))

	chain.Refuse()
	chain.DropConnections()
	began := time.Now()
	body := s.want(t, http.StatusBadGateway, neuronsAt(12))
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the 502 took %v", took)
	}
	if !strings.Contains(body, "get_") || !strings.Contains(body, " failed on "+chain.URL()) {
		t.Errorf("the 502 does not name operation and address: %s", body)
	}
	s.want(t, http.StatusOK, "/health")
	s.want(t, http.StatusServiceUnavailable, "/ready")

	chain.Accept()
	s.eventually(t, http.StatusOK, neuronsAt(12))
	s.eventually(t, http.StatusOK, "/ready")
}

func TestStartWithTheChainDown(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	chain.Refuse()
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, "/health")
	s.want(t, http.StatusServiceUnavailable, "/ready")
	s.want(t, http.StatusBadGateway, latestNeurons)
	chain.Accept()
	s.eventually(t, http.StatusOK, latestNeurons)
	s.eventually(t, http.StatusOK, "/ready")
	s.eventually(t, http.StatusOK, "/api/v1/subnet/1/block/recent/neurons")
}

// An archive that is down costs nothing to those who do not need it.
func TestArchiveDown(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL(), "PYLON_BITTENSOR_ARCHIVE_NETWORK=ws://127.0.0.1:1", "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=5")...)
	s.want(t, http.StatusOK, latestNeurons)
	s.want(t, http.StatusOK, neuronsAt(15))
	if body := s.want(t, http.StatusBadGateway, neuronsAt(14)); !strings.Contains(body, " failed on ws://127.0.0.1:1") {
		t.Errorf("the 502 is %s", body)
	}
	s.want(t, http.StatusOK, "/ready")
}

func TestStopAnswersRequestsInFlight(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, neuronsAt(11))
	asked, release := holdStateCalls(chain)
	defer release()
	answered := make(chan string, 1)
	go func() {
		status, body, err := s.tryGet(t.Context(), neuronsAt(12), testOpenAccessToken)
		answered <- fmt.Sprint(status, err, " ", body)
	}()
	<-asked

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Wait(ctx) }()
	for !strings.Contains(fetch(t.Context(), s.URL()+"/health"), "refused") {
		continue // until the listener is closed
	}
	release()
	if got := <-answered; !strings.HasPrefix(got, "200") {
		t.Errorf("the request in flight got %.300s", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("the stop: %v", err)
	}
	wantConnections(t, chain, 0)
}

// The stop has a bound also when the chain answers nothing any more.
func TestStopIsBoundedWithAFrozenChain(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL(), "PYLON_SHUTDOWN_TIMEOUT_SECONDS=1")...)
	s.cutOff = true
	s.want(t, http.StatusOK, neuronsAt(11))
	asked, release := holdStateCalls(chain)
	defer release()
	answered := make(chan int, 1)
	go func() {
		status, _, _ := s.tryGet(t.Context(), neuronsAt(12), testOpenAccessToken)
		answered <- status
	}()
	<-asked
	chain.Freeze()
	defer chain.Unfreeze()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	err := s.Wait(ctx)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "still in flight") {
		t.Errorf("the stop: %v", err)
	}
	if status := <-answered; status == http.StatusOK {
		t.Error("the request was answered")
	}
}

func TestStartStopStress(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	for round := range 15 {
		s := makeService(t, environment(chain.URL())...)
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				if i%3 != 2 {
					if err := s.Start(t.Context()); err != nil && err.Error() != "app: start after stop" {
						t.Errorf("start: %v", err)
					}
				}
				if (i+round)%2 == 0 {
					if err := s.Stop(t.Context()); err != nil {
						t.Errorf("stop: %v", err)
					}
				}
			})
		}
		group.Wait()
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	wantConnections(t, chain, 0)
}

func TestTwoServicesInOneProcess(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	first, second := startService(t, environment(chain.URL())...), startService(t, environment(chain.URL())...)
	first.want(t, http.StatusOK, latestNeurons)
	second.want(t, http.StatusOK, latestNeurons)
	first.want(t, http.StatusOK, latestNeurons)
	line := `pylon_requests_total{app_name="bittensor-pylon",method="GET",path="/api/v1/subnet/{netuid}/block/latest/neurons",status_code="200"} `
	for s, count := range map[*service]string{first: "2", second: "1"} {
		if _, page := s.get(t, "/metrics", testMetricsToken); !strings.Contains(page, line+count+"\n") {
			t.Errorf("want %s requests:\n%s", count, page)
		}
	}
}

// Statement 105, as far as reads go: every name is there after one request of each kind.
func TestConformance105MetricNames(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	s.want(t, http.StatusOK, latestNeurons)
	s.want(t, http.StatusOK, neuronsAt(3))
	s.want(t, http.StatusOK, "/api/v1/block/latest")
	_, page := s.get(t, "/metrics", testMetricsToken)
	for _, want := range []string{
		"pylon_requests_total{", "pylon_request_duration_seconds_bucket{", "pylon_requests_in_progress{",
		`pylon_bittensor_operation_duration_seconds_count{hotkey="N/A",netuid="1",operation="get_neurons",status="success",uri="` + chain.URL() + `"} `,
		`pylon_bittensor_operation_duration_seconds_count{hotkey="N/A",netuid="N/A",operation="get_block",`,
		`pylon_bittensor_fallback_total{hotkey="N/A",operation="get_neurons",reason="stale_block"} 0`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}
