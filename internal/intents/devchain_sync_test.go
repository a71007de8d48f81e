package intents

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// during makes blocks while work goes on, and returns what it returns.
func during[T any](w *world, work func(ctx context.Context) (T, error)) (T, error) {
	w.t.Helper()
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		value, err := work(ctx)
		done <- result{value, err}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			return r.value, r.err
		case <-tick.C:
			w.produce(1)
		}
	}
}

func (w *world) commit(data string) (pylon.Intent, error) {
	return during(w, func(ctx context.Context) (pylon.Intent, error) {
		return w.engine.SetCommitment(ctx, "sn", pylon.CommitmentRequest{Data: []byte(data)})
	})
}

// A commitment is final and on the chain when the call returns.
func TestConformance094(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	intent, err := w.commit("hello")
	must(t, err)
	if intent.State != pylon.StateFinalized || intent.Block == nil {
		t.Error(describe(intent))
	}
	got, err := w.chain.LatestCommitment(t.Context(), 1, hotkey(t, "//Alice"))
	must(t, err)
	if got.Commitment.Data != "0x68656c6c6f" || got.Commitment.BlockNumber != intent.Block.Number {
		t.Errorf("%+v", got.Commitment)
	}
}

// Three equal requests at about the same time make one extrinsic.
func TestConformance135(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	var ids [4]string
	_, err := during(w, func(ctx context.Context) (int, error) {
		var group sync.WaitGroup
		var errs [3]error
		for i := range 3 {
			group.Go(func() {
				intent, err := w.engine.SetCommitment(ctx, "sn", pylon.CommitmentRequest{Data: []byte("once")})
				ids[i], errs[i] = intent.ID, err
			})
		}
		group.Wait()
		return 0, errors.Join(errs[:]...)
	})
	must(t, err)
	after, err := w.commit("once")
	must(t, err)
	ids[3] = after.ID
	if ids[0] != ids[1] || ids[1] != ids[2] || ids[2] != ids[3] {
		t.Errorf("intents %v", ids)
	}
	if calls := w.extrinsics(); len(calls) != 1 {
		t.Errorf("sent: %v", calls)
	}
}

// A request whose time is over goes on; a repeat waits for it and sends nothing.
func TestRepeatAttaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.produce(1)
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	first, err := w.engine.SetCommitment(short, "sn", pylon.CommitmentRequest{Data: []byte("slow")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	second, err := w.commit("slow")
	must(t, err)
	if calls := w.extrinsics(); len(calls) != 1 || first.ID != second.ID {
		t.Errorf("sent: %v; %s and %s", calls, first.ID, second.ID)
	}
}

// Encrypted text, whose round the answer names, is opened by the chain.
func TestConformance097(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	intent, err := during(w, func(ctx context.Context) (pylon.Intent, error) {
		return w.engine.SetRevealedCommitment(ctx, "sn", pylon.RevealedCommitmentRequest{Text: "secret until then", BlocksUntilReveal: 3})
	})
	must(t, err)
	if intent.RevealRound == 0 {
		t.Fatal(describe(intent))
	}
	w.produce(8)
	got, err := w.chain.LatestRevealedCommitment(t.Context(), 1, hotkey(t, "//Alice"))
	must(t, err)
	if n := len(got.Commitments); n == 0 || got.Commitments[n-1].Text != "secret until then" {
		t.Errorf("%+v", got)
	}
}

func (w *world) certify() (pylon.CertificateKeyPair, pylon.Intent, error) {
	var intent pylon.Intent
	pair, err := during(w, func(ctx context.Context) (pair pylon.CertificateKeyPair, err error) {
		pair, intent, err = w.engine.GenerateCertificate(ctx, "sn", pylon.CertificateRequest{Algorithm: pylon.AlgorithmEd25519})
		return pair, err
	})
	return pair, intent, err
}

func (w *world) serve(address string, port uint16) (pylon.Intent, error) {
	return during(w, func(ctx context.Context) (pylon.Intent, error) {
		return w.engine.ServeAxon(ctx, "sn", pylon.AxonRequest{IP: netip.MustParseAddr(address), Port: port, Protocol: pylon.ProtocolHTTP})
	})
}

// The published key is that of the private key in the answer, and a repeat gets the same pair without another extrinsic.
func TestConformance130(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	_, err := w.serve("2001:db8::7", 8091)
	must(t, err)
	w.edit(func(st runtime.State) {
		must(t, w.rt.SetStorage(st, "SubtensorModule", "ServingRateLimit", uint64(0), uint16(1)))
	})
	pair, intent, err := w.certify()
	must(t, err)
	published, err := w.chain.LatestCertificate(t.Context(), 1, hotkey(t, "//Alice"))
	must(t, err)
	if published.PublicKey != pair.PublicKey || publicOf(t, pair.PrivateKey) != pair.PublicKey {
		t.Errorf("published %s, answered %s, whose private key gives %s", published.PublicKey, pair.PublicKey, publicOf(t, pair.PrivateKey))
	}
	again, repeat, err := w.certify()
	must(t, err)
	if again != pair || repeat.ID != intent.ID {
		t.Error("a repeat made another pair")
	}
	neurons, err := w.chain.LatestNeurons(t.Context(), 1)
	must(t, err)
	for _, n := range neurons.Neurons {
		if n.Hotkey == hotkey(t, "//Alice") && (n.AxonInfo.IP != netip.MustParseAddr("2001:db8::7") || n.AxonInfo.Port != 8091) {
			t.Errorf("the axon is %+v", n.AxonInfo)
		}
	}
}

// Who has no neuron gets the contract's text, and nothing is sent.
func TestConformance098Unregistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{identity: "//Nobody"})
	_, _, err := w.certify()
	if problem.KindOf(err) != problem.Unavailable || !strings.HasPrefix(err.Error(), noCertificate) {
		t.Errorf("%v", err)
	}
	if calls := w.extrinsics(); len(calls) != 0 {
		t.Errorf("sent: %v", calls)
	}
}

// The same commitment again, after another one of either kind came between, is sent again: the last word is on the chain.
func TestRepeatAfterSomethingElse(t *testing.T) {
	t.Parallel()
	for _, revealed := range []bool{false, true} {
		w := newWorld(t, worldConfig{})
		first, err := w.commit("first")
		must(t, err)
		_, err = during(w, func(ctx context.Context) (pylon.Intent, error) {
			if revealed {
				return w.engine.SetRevealedCommitment(ctx, "sn", pylon.RevealedCommitmentRequest{Text: "between", BlocksUntilReveal: 50})
			}
			return w.engine.SetCommitment(ctx, "sn", pylon.CommitmentRequest{Data: []byte("between")})
		})
		must(t, err)
		again, err := w.commit("first")
		must(t, err)
		if first.ID == again.ID || len(w.extrinsics()) != 3 {
			t.Errorf("revealed %v: intents %s and %s, sent: %v", revealed, first.ID, again.ID, w.extrinsics())
		}
	}
}
