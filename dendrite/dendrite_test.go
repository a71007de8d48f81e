package dendrite_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]dendrite.Config{
		"Signer":      {},
		"ExternalIP":  {Signer: key(t, "//Alice"), ExternalIP: "nowhere"},
		"Concurrency": {Signer: key(t, "//Alice"), Concurrency: -1},
		"MaxResponse": {Signer: key(t, "//Alice"), MaxResponse: -1},
	} {
		if _, err := dendrite.New(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
	d := newDendrite(t, dendrite.Config{})
	if d.String() != "dendrite("+key(t, "//Alice").Address()+")" {
		t.Error(d)
	}
}

// Calls to one axon at once must not be refused because one overtakes another.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	target := serve(t, axon.Config{Settings: axon.Settings{MaxWorkers: 64}}, double)
	frozen := time.Now().Add(time.Millisecond) // the same time for all
	d := newDendrite(t, dendrite.Config{Now: func() time.Time { return frozen }})
	targets := make([]synapse.AxonInfo, 300)
	for i := range targets {
		targets[i] = target
	}
	for i, r := range dendrite.Forward(t.Context(), d, targets, &Dummy{Input: 1}) {
		if r.Err != nil {
			t.Errorf("call %d: %v", i, r.Err)
		}
	}
}

// The ids are used again, and one after the other all calls have the same.
func TestLanes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	last := map[string]int64{}
	hold := make(chan struct{})
	var waiting atomic.Int64
	full := make(chan struct{})
	target := answerBy(t, func(conn net.Conn, r *http.Request, _ string) {
		var nonce int64
		_, err := fmt.Sscan(r.Header.Get("bt_header_dendrite_nonce"), &nonce)
		uuid := r.Header.Get("bt_header_dendrite_uuid")
		mu.Lock()
		seen[uuid]++
		if err != nil || nonce <= last[uuid] {
			t.Errorf("nonce %d after %d of %s, %v", nonce, last[uuid], uuid, err)
		}
		last[uuid] = nonce
		mu.Unlock()
		if r.Header.Get("bt_header_input_obj_input") != "" && waiting.Add(1) == 5 {
			close(full)
		}
		<-hold
		_, _ = io.WriteString(conn, response(200, `{"input": 1, "axon": {"status_code": 200}}`))
	})
	d := newDendrite(t, dendrite.Config{})
	targets := []synapse.AxonInfo{target, target, target, target, target}
	done := make(chan struct{})
	go func() {
		defer close(done)
		dendrite.Forward(t.Context(), d, targets, &Dummy{Input: 1})
	}()
	<-full
	mu.Lock()
	if len(seen) != 5 || seen[d.UUID()] != 1 {
		t.Errorf("5 calls at once had the ids %v", seen)
	}
	mu.Unlock()
	close(hold)
	<-done
	for range 20 {
		if _, err := dendrite.Call(t.Context(), d, target, &Dummy{Input: 1}); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 5 || seen[d.UUID()] != 21 {
		t.Errorf("ids %v, the first is %s", seen, d.UUID())
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	target := serve(t, axon.Config{}, func(ctx context.Context, _ *Dummy) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	got, err := dendrite.Call(ctx, newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1})
	if !errors.Is(err, context.Canceled) || got.Dendrite.StatusCode != synapse.Some(499) {
		t.Errorf("%v, %v", got.Dendrite.StatusCode, err)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		absent(t, "no IPv6 on this machine: "+err.Error())
	}
	a, err := axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	if err := axon.Attach(a, double); err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(listener); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	target := targetOf(listener.Addr(), a.Hotkey())
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1})
	if err != nil || got.Output != synapse.Some(2) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Our own address of IPv6 is the loopback address of IPv6.
func TestIPv6Loopback(t *testing.T) {
	t.Parallel()
	var dialled string
	d := newDendrite(t, dendrite.Config{ExternalIP: "2001:db8:0:0::7", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		dialled = r.URL.String()
		return nil, errors.New("no further")
	})})
	for ip, want := range map[string]string{
		"2001:db8::7":          "http://[::1]:8091/Dummy",
		"2001:db8::8":          "http://[2001:db8::8]:8091/Dummy",
		"::ffff:203.0.113.9":   "http://203.0.113.9:8091/Dummy",
		"2001:0db8:0000::0007": "http://[::1]:8091/Dummy",
	} {
		_, _ = dendrite.Call(t.Context(), d, synapse.AxonInfo{IP: ip, Port: 8091}, &Dummy{Input: 1})
		if dialled != want {
			t.Errorf("%s: %s, want %s", ip, dialled, want)
		}
	}
}

// roundTrip stands in for connections.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// No two requests of a Dendrite have the same nonce, also when the clock stands
// still or goes back, and whoever is called.
func TestNoncesGrow(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var nonces []int64
	now := time.Unix(1_700_000_000, 0).UnixNano()
	var reads atomic.Int64
	d := newDendrite(t, dendrite.Config{
		Now: func() time.Time { return time.Unix(0, now-reads.Add(1)/100) }, // it goes back, slowly
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			nonce, err := strconv.ParseInt(map[string][]string(r.Header)["bt_header_dendrite_nonce"][0], 10, 64)
			mu.Lock()
			defer mu.Unlock()
			nonces = append(nonces, nonce)
			return nil, errors.Join(err, errors.New("no further"))
		}),
	})
	targets := make([]synapse.AxonInfo, 400)
	for i := range targets {
		targets[i] = synapse.AxonInfo{IP: "203.0.113.9", Port: 1 + i%7}
	}
	dendrite.Forward(t.Context(), d, targets, &Dummy{Input: 1})
	dendrite.Forward(t.Context(), d, targets[:9], &Dummy{Input: 1}, dendrite.Options{Sequential: true})
	if last := nonces[400:]; !slices.IsSorted(last) || last[0] <= slices.Max(nonces[:400]) {
		t.Errorf("one after the other: %v", last)
	}
	slices.Sort(nonces)
	if len(nonces) != 409 || len(slices.Compact(nonces)) != 409 || nonces[0] < now-10 {
		t.Errorf("%d nonces from %d", len(nonces), nonces[0])
	}
}

// absent ends a test that needs something that is not there.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func tlsAxon(t *testing.T, seed [32]byte, ask bool) synapse.AxonInfo {
	t.Helper()
	certificate, err := axon.Certificate(seed)
	if err != nil {
		t.Fatal(err)
	}
	config := axon.TLSConfig(certificate)
	if ask {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return serve(t, axon.Config{TLS: config}, double)
}

func TestTLSPinning(t *testing.T) {
	t.Parallel()
	seed, other := sha256.Sum256([]byte("neuron")), sha256.Sum256([]byte("impostor"))
	public := func(seed [32]byte) ed25519.PublicKey {
		return ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	}
	on := map[synapse.AxonInfo]ed25519.PublicKey{} // what the chain says
	honest, impostor, asking := tlsAxon(t, seed, false), tlsAxon(t, other, false), tlsAxon(t, seed, true)
	plain := serve(t, axon.Config{}, double)
	broken := honest
	broken.Version = 1
	on[honest], on[impostor], on[asking], on[broken] = public(seed), public(seed), public(seed), []byte{1}
	plainButListed := plain
	plainButListed.Version = 2
	on[plainButListed] = public(seed)

	certificate, err := axon.Certificate(other)
	if err != nil {
		t.Fatal(err)
	}
	c := dendrite.Config{PublicKey: func(target synapse.AxonInfo) (ed25519.PublicKey, bool) {
		k, ok := on[target]
		return k, ok
	}}
	anonymous := newDendrite(t, c)
	c.Certificate = &certificate
	d := newDendrite(t, c)
	for _, r := range []struct {
		name   string
		d      *dendrite.Dendrite
		target synapse.AxonInfo
		code   int
	}{
		{"honest", d, honest, 200},
		{"without a certificate of ours", anonymous, honest, 200},
		{"asking for ours", d, asking, 200},
		{"asking, without", anonymous, asking, 422},
		{"impostor", d, impostor, 422},
		{"no TLS", d, plain, 200},
		{"no TLS where there should be", d, plainButListed, 422},
		{"a key that is none", d, broken, 422},
	} {
		for range 2 { // the second time over the same connection
			got, err := dendrite.Call(t.Context(), r.d, r.target, &Dummy{Input: 1})
			if got.Dendrite.StatusCode != synapse.Some(r.code) || (err == nil) != (r.code == 200) {
				t.Errorf("%s: %v, %v", r.name, got.Dendrite.StatusCode, err)
			}
		}
	}
	d.Close()
	if _, err := dendrite.Call(t.Context(), d, honest, &Dummy{Input: 1}); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	a, err := axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := axon.Attach(a, double); err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(&countingListener{inner, &connections}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	target := targetOf(inner.Addr(), a.Hotkey())
	d := newDendrite(t, dendrite.Config{})
	for i := range 20 {
		m := &Dummy{Input: i}
		if i%2 == 1 {
			target.Hotkey = "nobody" // an error answer is read to its end as well
		} else {
			target.Hotkey = a.Hotkey()
		}
		_, _ = dendrite.Call(t.Context(), d, target, m)
	}
	if connections.Load() != 1 {
		t.Errorf("%d connections", connections.Load())
	}
}

type countingListener struct {
	net.Listener
	n *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return conn, err
}

// unsendable has a field that JSON has no form for.
type unsendable struct {
	synapse.Synapse
	B []byte
}

func TestUnsendableMessage(t *testing.T) {
	t.Parallel()
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), synapse.AxonInfo{IP: "127.0.0.1", Port: 1}, &unsendable{B: []byte("x")})
	if !errors.Is(err, synapse.ErrNotSerializable) || got.Dendrite.StatusCode != synapse.Some(422) {
		t.Errorf("%v, %v", got.Dendrite.StatusCode, err)
	}
}

type celsius struct {
	synapse.Synapse
	Degrees float64
}

func (c *celsius) Deserialize() string { return fmt.Sprintf("%.1f °C", c.Degrees) }

func TestDeserialize(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(200, `{"degrees": 21.5, "axon": {"status_code": 200}}`))
	results := dendrite.Forward(t.Context(), newDendrite(t, dendrite.Config{}), []synapse.AxonInfo{target, {}}, new(celsius))
	got := dendrite.Deserialize[string](results)
	if len(got) != 2 || got[0] != "21.5 °C" || got[1] != "0.0 °C" {
		t.Errorf("%q", got)
	}
}

func TestObservation(t *testing.T) {
	t.Parallel()
	target := serve(t, axon.Config{}, double)
	seen := make(chan dendrite.Observation, 2)
	d := newDendrite(t, dendrite.Config{Observe: func(o dendrite.Observation) { seen <- o }})
	if _, err := dendrite.Call(t.Context(), d, target, &Dummy{Input: 1}); err != nil {
		t.Fatal(err)
	}
	if o := <-seen; o.Name != "Dummy" || o.Target != target || o.Status != 200 || o.Duration <= 0 || o.BytesIn < 100 || o.BytesOut < 100 {
		t.Errorf("%+v", o)
	}
}
