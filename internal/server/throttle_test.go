package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

const tooManyText = "Too many wrong tokens from this address"

// throttled is a server with the default limit.
func throttled(tb testing.TB) *fixture {
	tb.Helper()
	return newFixture(tb, func(c *Config) { c.WrongTokens = 0 })
}

// askFrom asks for the latest neurons from a client's address.
func askFrom(t *testing.T, f *fixture, remote, path, token string) (status int, retryAfter string) {
	t.Helper()
	request := newRequest(t.Context(), path, authorization(token)...)
	request.RemoteAddr = remote
	got := newRecorder()
	f.ServeHTTP(got, request)
	retryAfter = got.Header().Get("Retry-After")
	if got.Code == http.StatusTooManyRequests {
		wantProblem(t, got, 429, tooManyText)
		if n, err := strconv.Atoi(retryAfter); err != nil || n < 1 || n > 60 {
			t.Errorf("Retry-After %q", retryAfter)
		}
	} else if retryAfter != "" {
		t.Errorf("status %d with Retry-After %q", got.Code, retryAfter)
	}
	return got.Code, retryAfter
}

func TestWrongTokensAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := throttled(t)
		const guesser, neighbour, other = "203.0.113.9:1000", "203.0.113.9:2000", "203.0.113.10:1000"
		ask := func(remote, token string) int {
			status, _ := askFrom(t, f, remote, v1Neurons, token)
			return status
		}
		want := func(status int, remote, token string) {
			t.Helper()
			if got := ask(remote, token); got != status {
				t.Errorf("%s: %d, want %d", remote, got, status)
			}
		}
		want(200, neighbour, openToken) // has shown the right token before
		for range 10 {
			want(403, guesser, "wrong")
		}
		want(429, guesser, "wrong")
		want(429, guesser, "another")
		want(200, neighbour, openToken) // and goes on
		want(200, other, openToken)
		want(403, other, "wrong")
		// What is guessed while waiting is refused, right or wrong: this is the first right token of an identity from there.
		if status, _ := askFrom(t, f, guesser, v1IdentityNeurons, sn1Token); status != 429 {
			t.Errorf("a right guess: %d", status)
		}
		// Who sends no token guesses none.
		request := newRequest(t.Context(), v1Neurons)
		request.RemoteAddr = guesser
		got := newRecorder()
		f.ServeHTTP(got, request)
		wantProblem(t, got, 401, missingHeader)
		// What needs no token does not care.
		if status, _ := askFrom(t, f, guesser, "/api/v1/identities", "wrong"); status != 200 {
			t.Errorf("a public route: %d", status)
		}

		status, retry := askFrom(t, f, guesser, v1Neurons, "wrong")
		if status != 429 || retry != "6" {
			t.Errorf("%d, Retry-After %q", status, retry)
		}
		pass(6 * time.Second)
		want(403, guesser, "wrong") // one is given back
		want(429, guesser, "wrong")
		pass(6 * time.Second)
		if status, _ := askFrom(t, f, guesser, v1IdentityNeurons, sn1Token); status != 200 {
			t.Errorf("the right token after the wait: %d", status)
		}
		pass(time.Minute)
		for range 10 {
			want(403, guesser, "wrong")
		}
		want(429, guesser, "wrong")
		if n := strings.Count(f.log.String(), "too many wrong tokens"); n == 0 || n > 4 {
			t.Errorf("%d warnings", n)
		}
		if wrong := counted(t, f.instruments.tokens.WithLabelValues("open_access", "N/A", "wrong")); wrong != 22 {
			t.Errorf("%v wrong tokens are counted", wrong)
		}
		if throttled := counted(t, f.instruments.tokens.WithLabelValues("identity", "sn1", "throttled")); throttled != 1 {
			t.Errorf("%v throttled tokens of identities are counted", throttled)
		}
	})
}

func TestIPv6AddressesAreThrottledByNetwork(t *testing.T) {
	t.Parallel()
	f := throttled(t)
	for i := range 10 {
		if status, _ := askFrom(t, f, fmt.Sprintf("[2001:db8:0:7::%x]:80", i), v1Neurons, "wrong"); status != 403 {
			t.Fatalf("attempt %d: %d", i, status)
		}
	}
	for remote, want := range map[string]int{
		"[2001:db8:0:7:ffff::1]:80": 429, "[2001:db8:0:7::]:80": 429, "[2001:db8:0:8::1]:80": 403, "[::ffff:192.0.2.1]:80": 403, "@": 403, "": 403,
	} {
		if status, _ := askFrom(t, f, remote, v1Neurons, "wrong"); status != want {
			t.Errorf("%s: %d, want %d", remote, status, want)
		}
	}
}

func TestEveryTokenIsThrottled(t *testing.T) {
	t.Parallel()
	for _, path := range []string{v1Neurons, v1IdentityNeurons, "/metrics", "/api/_unstable/openaccess/block/latest"} {
		f := throttled(t)
		for range 10 {
			wantProblem(t, f.ask(t, path, authorization("wrong")...), 403, wrongToken)
		}
		wantProblem(t, f.ask(t, path, authorization("wrong")...), 429, tooManyText)
	}
	off := newFixture(t, func(c *Config) { c.WrongTokens = -1 })
	for range 100 {
		wantProblem(t, off.ask(t, v1Neurons, authorization("wrong")...), 403, wrongToken)
	}
}

// A million addresses, each guessing: the memory is what it was, and nobody else has to wait.
// It counts allocations, so that it runs alone.
func TestThrottleIsBounded(t *testing.T) {
	throttle := newThrottle(10)
	now := throttle.ticks(time.Now())
	if size := unsafe.Sizeof(*throttle); size > 700<<10 {
		t.Errorf("it takes %d bytes", size)
	}
	addresses := make([]client, 1_000_000)
	for i := range addresses {
		addresses[i] = throttle.client(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String())
	}
	const fixed = "198.51.100.1:5"
	for range 10 {
		throttle.fail(throttle.client(fixed), now)
	}
	i := 0
	if spent := testing.AllocsPerRun(len(addresses)-1, func() {
		throttle.fail(addresses[i], now)
		_ = throttle.wait(addresses[i], now)
		i++
	}); spent != 0 {
		t.Errorf("a failure allocates %v times", spent)
	}
	blocked := 0
	for _, address := range addresses {
		if throttle.wait(address, now) > 0 {
			blocked++
		}
	}
	if blocked > 20 { // 31 bits of mark in 65536 places: collisions are rare
		t.Errorf("%d addresses have to wait for one failure", blocked)
	}
	// The one with the most failures is the last to be forgotten.
	if throttle.wait(throttle.client(fixed), now) == 0 {
		t.Error("a flood of other addresses has washed the guesser away")
	}
}

func TestThrottleIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(1000)
	now := throttle.ticks(time.Now())
	sender := throttle.client("203.0.113.9:1")
	var token digest
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 200 {
				throttle.fail(sender, now)
				throttle.trust(sender, &token, now)
				_ = throttle.wait(sender, now)
			}
		})
	}
	wait.Wait()
	if throttle.wait(sender, now) == 0 {
		t.Error("failures got lost")
	}
	if !throttle.trusts(sender, &token, now) || throttle.trusts(throttle.client("203.0.113.8:1"), &token, now) {
		t.Error("trust got lost or found")
	}
}

// dialFrom is a client that asks from one loopback address.
func dialFrom(t *testing.T, address string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 16}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func status(t *testing.T, client *http.Client, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		var body struct {
			Status int    `json:"status_code"`
			Detail string `json:"detail"`
		}
		if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Status != answer.StatusCode || body.Detail == "" {
			t.Errorf("%d without its JSON: %v", answer.StatusCode, err)
		}
	}
	return answer.StatusCode
}

// 10,000 wrong tokens beside a right one, from another address and from the same one.
func TestWrongTokensDoNotSlowTheRightOne(t *testing.T) {
	t.Parallel()
	f := throttled(t)
	url := "http://" + serve(t, f) + v1Neurons
	honest, neighbour, guesser := dialFrom(t, "127.0.0.1"), dialFrom(t, "127.0.0.2"), dialFrom(t, "127.0.0.2")
	for _, client := range []*http.Client{honest, neighbour} {
		if got := status(t, client, url, openToken); got != 200 {
			t.Fatalf("before: %d", got)
		}
	}
	var forbidden, throttled atomic.Int32
	var guessing sync.WaitGroup
	for worker := range 8 {
		guessing.Go(func() {
			for i := range 10_000 / 8 {
				switch got := status(t, guesser, url, fmt.Sprintf("guess-%d-%d", worker, i)); got {
				case 403:
					forbidden.Add(1)
				case 429:
					throttled.Add(1)
				default:
					t.Errorf("a wrong token: %d", got)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { guessing.Wait(); close(over) }()
	var took []time.Duration
	for done := false; !done; {
		for _, client := range []*http.Client{honest, neighbour} {
			began := time.Now()
			if got := status(t, client, url, openToken); got != 200 {
				t.Errorf("the right token: %d", got)
			}
			took = append(took, time.Since(began))
		}
		select {
		case <-over:
			done = true
		default:
		}
	}
	slices.Sort(took)
	t.Logf("%d right tokens beside 10000 wrong ones: median %v, slowest %v; %d forbidden, %d throttled",
		len(took), took[len(took)/2], took[len(took)-1], forbidden.Load(), throttled.Load())
	if median := took[len(took)/2]; median > 250*time.Millisecond {
		t.Errorf("the right token takes %v", median)
	}
	if forbidden.Load() > 100 { // ten, and one every six seconds
		t.Errorf("%d guesses were compared", forbidden.Load())
	}
}

func BenchmarkThrottle(b *testing.B) {
	throttle := newThrottle(10)
	addresses := make([]client, 1<<16)
	for i := range addresses {
		addresses[i] = client(rand.Uint64())
	}
	b.Run("right", func(b *testing.B) {
		var token digest
		began := time.Now()
		for b.Loop() {
			sender, now := throttle.client("203.0.113.9:12345"), throttle.ticks(began)
			if throttle.wait(sender, now) == 0 {
				throttle.trust(sender, &token, now)
			}
		}
	})
	b.Run("wrong", func(b *testing.B) {
		i := 0
		now := throttle.ticks(time.Now())
		for b.Loop() {
			i++
			throttle.fail(addresses[i%len(addresses)], now)
		}
	})
}

// counted is the value of a counter or gauge.
func counted(t *testing.T, metric prometheus.Metric) float64 {
	t.Helper()
	var read dto.Metric
	if err := metric.Write(&read); err != nil {
		t.Fatal(err)
	}
	return read.GetCounter().GetValue() + read.GetGauge().GetValue()
}
