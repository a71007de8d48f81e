package substrate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// writing is a client of a development chain on which nobody else writes.
type writing struct {
	*substrate.Client
	t     *testing.T
	chain *devchain.Chain
}

// write starts a chain with a client of its first node and n more.
func write(t *testing.T, more int, config substrate.Config) (*writing, []*devchain.Node) {
	t.Helper()
	chain := startRuntime(t, subtensor(t, devchain.SubtensorConfig{Quiet: true}))
	produce(t, chain, 5)
	nodes := []*devchain.Node{chain.Node}
	for range more {
		nodes = append(nodes, addNode(t, chain, devchain.NodeConfig{}))
	}
	t.Cleanup(func() {
		if err := chain.CheckNonces(); err != nil {
			t.Error(err)
		}
	})
	return &writing{dial(t, config, nodes...), t, chain}, nodes
}

// produce makes blocks and waits until the client knows.
func (w *writing) produce(n int) substrate.Header {
	w.t.Helper()
	for range n {
		until(w.t, "the new head", hasHead(w.Client, produce(w.t, w.chain, 1)))
	}
	head, _ := w.KnownHead()
	return head
}

// commitment is a call that everybody on subnet 1 may make, for nothing.
func commitment(text string) map[string]any {
	return map[string]any{"netuid": 1, "info": map[string]any{"fields": []any{
		scale.Enum{Name: fmt.Sprintf("Raw%d", len(text)), Value: []byte(text)},
	}}}
}

// signFor signs a commitment at the newest block.
func (w *writing) signFor(uri, text string, nonce, period uint64) *substrate.Extrinsic {
	w.t.Helper()
	head, _ := w.KnownHead()
	x, err := w.Sign(w.t.Context(), substrate.SignRequest{
		At: head, Period: period, Nonce: nonce, Pallet: "Commitments", Call: "set_commitment", Args: commitment(text),
	}, signerOf(w.t, uri))
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *writing) watch(x *substrate.Extrinsic) <-chan substrate.ExtrinsicStatus {
	w.t.Helper()
	statuses, err := w.WatchExtrinsic(w.t.Context(), x.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	return statuses
}

// next waits for a status.
func (w *writing) next(statuses <-chan substrate.ExtrinsicStatus, want substrate.StatusKind) substrate.ExtrinsicStatus {
	w.t.Helper()
	select {
	case s, ok := <-statuses:
		if !ok || s.Kind != want {
			w.t.Fatalf("the status is %+v, %t, not %s", s, ok, want)
		}
		return s
	case <-time.After(30 * time.Second):
		w.t.Fatalf("no status, want %s", want)
	}
	return substrate.ExtrinsicStatus{}
}

func (w *writing) ended(statuses <-chan substrate.ExtrinsicStatus) {
	w.t.Helper()
	select {
	case s, ok := <-statuses:
		if ok {
			w.t.Errorf("after the last status: %+v", s)
		}
	case <-time.After(30 * time.Second):
		w.t.Error("the watch does not end")
	}
}

// find looks for the extrinsic in all blocks that can hold it.
func (w *writing) find(x *substrate.Extrinsic) *substrate.Inclusion {
	w.t.Helper()
	head, _ := w.KnownHead()
	found, err := w.FindExtrinsic(w.t.Context(), x.Hash, head, x.Birth.Number+1)
	if err != nil {
		w.t.Fatal(err)
	}
	if found != nil && found.Unread != nil {
		w.t.Error(found.Unread)
	}
	return found
}

func TestExtrinsicToItsFinality(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 425, 0} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			chain := startRuntime(t, subtensor(t, devchain.SubtensorConfig{Spec: spec, Quiet: true}))
			produce(t, chain, 5)
			w := &writing{dial(t, substrate.Config{}, chain.Node), t, chain}
			bob := signerOf(t, "//Bob").PublicKey()
			nonce, err := w.NonceAt(t.Context(), substrate.Hash(chain.Best().Hash), bob)
			if err != nil {
				t.Fatal(err)
			}
			x := w.signFor("//Bob", "four", nonce, 32)
			if fee, err := w.Fee(t.Context(), x.Birth.Hash, x.Bytes); err != nil || fee != 0 {
				t.Errorf("the fee of what is free: %d, %v", fee, err)
			}
			statuses := w.watch(x)
			w.next(statuses, substrate.StatusReady)
			if n, err := w.NonceAt(t.Context(), x.Birth.Hash, bob); err != nil || n != nonce {
				t.Errorf("the nonce is %d, %v, with %d in the pool", n, err, nonce)
			}
			if found := w.find(x); found != nil {
				t.Errorf("found before a block: %+v", found)
			}
			head := w.produce(1)
			in := w.next(statuses, substrate.StatusInBlock)
			found := w.find(x)
			if found == nil || !found.Success || found.Block != head || found.Block.Hash != in.Hash || found.Index == 0 || found.Error != nil {
				t.Fatalf("%+v, told %v", found, in.Hash)
			}
			if !slices.ContainsFunc(found.Events, func(e scale.EventRecord) bool { return e.Pallet == "Commitments" }) {
				t.Errorf("events %+v", found.Events)
			}
			if n, err := w.NonceAt(t.Context(), head.Hash, bob); err != nil || n != nonce+1 {
				t.Errorf("afterwards the nonce is %d, %v", n, err)
			}
			w.produce(3)
			if final := w.next(statuses, substrate.StatusFinalized); final.Hash != in.Hash {
				t.Errorf("%+v", final)
			}
			w.ended(statuses)
		})
	}
}

// What becomes of an extrinsic by what the pool does with it: every last status, and what the blocks say.
func TestPoolPolicies(t *testing.T) {
	t.Parallel()
	t.Run("drop", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Drop}))
		x := w.signFor("//Bob", "x", 0, 8)
		statuses := w.watch(x)
		w.next(statuses, substrate.StatusReady)
		w.produce(1)
		w.next(statuses, substrate.StatusDropped)
		w.ended(statuses)
		// The same bytes are welcome again.
		w.chain.SetPoolPolicy(nil)
		if err := w.Submit(t.Context(), x.Bytes); err != nil {
			t.Error(err)
		}
		w.produce(1)
		if found := w.find(x); found == nil || !found.Success {
			t.Errorf("%+v", found)
		}
	})
	t.Run("usurp", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		x, other := w.signFor("//Bob", "x", 0, 8), w.signFor("//Bob", "other", 0, 8)
		w.chain.SetPoolPolicy(func(p devchain.Pending) devchain.Verdict {
			if p.Hash == devchain.Hash(x.Hash) {
				return devchain.Verdict{Action: devchain.Usurp, By: other.Bytes}
			}
			return devchain.Verdict{}
		})
		statuses := w.watch(x)
		w.next(statuses, substrate.StatusReady)
		w.produce(1)
		if s := w.next(statuses, substrate.StatusUsurped); s.Hash != other.Hash {
			t.Errorf("usurped by %v, not %v", s.Hash, other.Hash)
		}
		w.ended(statuses)
		w.produce(1)
		if found := w.find(x); found != nil {
			t.Errorf("%+v", found)
		}
		if found := w.find(other); found == nil {
			t.Error("the other is nowhere")
		}
	})
	t.Run("retract, then include", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Retract}))
		x := w.signFor("//Bob", "x", 0, 16)
		statuses := w.watch(x)
		w.next(statuses, substrate.StatusReady)
		w.produce(1)
		first := w.next(statuses, substrate.StatusInBlock)
		if found := w.find(x); found == nil || found.Block.Hash != first.Hash {
			t.Errorf("%+v", found)
		}
		w.produce(1)
		if s := w.next(statuses, substrate.StatusRetracted); s.Hash != first.Hash {
			t.Errorf("%+v", s)
		}
		if found := w.find(x); found != nil {
			t.Errorf("on the new branch: %+v", found)
		}
		w.produce(1)
		w.next(statuses, substrate.StatusReady)
		s := w.next(statuses, substrate.StatusInBlock)
		found := w.find(x)
		if found == nil || found.Block.Hash != s.Hash || s.Hash == first.Hash {
			t.Errorf("%+v, told %v", found, s.Hash)
		}
		w.produce(3)
		if last := w.next(statuses, substrate.StatusFinalized); last.Hash != s.Hash {
			t.Errorf("%+v", last)
		}
		w.ended(statuses)
	})
	t.Run("retract and forget", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.RetractForever}))
		x := w.signFor("//Bob", "x", 0, 8)
		statuses := w.watch(x)
		w.next(statuses, substrate.StatusReady)
		w.produce(1)
		w.next(statuses, substrate.StatusInBlock)
		w.produce(3)
		w.next(statuses, substrate.StatusRetracted)
		if found := w.find(x); found != nil {
			t.Errorf("%+v", found)
		}
	})
	t.Run("hold until it dies", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Hold}))
		x := w.signFor("//Bob", "x", 0, 4)
		statuses := w.watch(x)
		w.next(statuses, substrate.StatusReady)
		w.produce(10)
		w.next(statuses, substrate.StatusInvalid)
		w.ended(statuses)
		if found := w.find(x); found != nil {
			t.Errorf("%+v", found)
		}
		if head, _ := w.KnownHead(); head.Number <= x.LastValid {
			t.Errorf("the head is %d", head.Number)
		}
	})
	t.Run("fail in block", func(t *testing.T) {
		t.Parallel()
		w, _ := write(t, 0, substrate.Config{})
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.FailInBlock, Error: "SubtensorModule.CommittingWeightsTooFast"}))
		x := w.signFor("//Bob", "x", 0, 8)
		if err := w.Submit(t.Context(), x.Bytes); err != nil {
			t.Fatal(err)
		}
		w.produce(1)
		found := w.find(x)
		if found == nil || found.Success || found.Error == nil || found.Error.Kind != "Module" || found.Error.Pallet != "SubtensorModule" || found.Error.Name != "CommittingWeightsTooFast" {
			t.Errorf("%+v, %+v", found, found.Error)
		}
		w.chain.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.FailInBlock}))
		x = w.signFor("//Bob", "x", 1, 8)
		if err := w.Submit(t.Context(), x.Bytes); err != nil {
			t.Fatal(err)
		}
		w.produce(1)
		if found := w.find(x); found == nil || found.Error == nil || found.Error.Kind != "Other" {
			t.Errorf("%+v", found)
		}
	})
}

// An era's last block can include its extrinsic, the next one cannot, whatever the birth: the chain counts as we do.
func TestLastValidBlock(t *testing.T) {
	t.Parallel()
	w, _ := write(t, 0, substrate.Config{})
	hold := true
	w.chain.SetPoolPolicy(func(devchain.Pending) devchain.Verdict {
		if hold {
			return devchain.Verdict{Action: devchain.Hold}
		}
		return devchain.Verdict{}
	})
	nonce := uint64(0)
	for _, period := range []uint64{4, 8, 16, 32} {
		for _, late := range []int{0, 1} {
			w.produce(int(period)/3 + late) // births of all sorts
			x := w.signFor("//Bob", "x", nonce, period)
			hold = true
			if err := w.Submit(t.Context(), x.Bytes); err != nil {
				t.Fatal(err)
			}
			w.produce(int(period) - 2 + late)
			head, _ := w.KnownHead()
			if want := x.LastValid - 1 + uint64(late); head.Number != want {
				t.Fatalf("the head is %d, not %d", head.Number, want)
			}
			hold = false
			w.produce(1)
			found := w.find(x)
			if (found != nil) != (late == 0) || found != nil && found.Block.Number != x.LastValid {
				t.Errorf("period %d from %d, late %d: %+v", period, x.Birth.Number, late, found)
			}
			if found != nil {
				nonce++
			}
			if late == 1 {
				err := w.Submit(t.Context(), x.Bytes)
				if s := asSubmitError(err); s == nil || !slices.Contains([]substrate.SubmitKind{substrate.SubmitBadProof, substrate.SubmitAncientBirth, substrate.SubmitBanned}, s.Kind) {
					t.Errorf("an era that is over: %v", err)
				}
				w.produce(4) // so that the dead is dead at the final block too
			}
		}
	}
}

func asSubmitError(err error) *substrate.SubmitError {
	s, _ := err.(*substrate.SubmitError) //nolint:errorlint // the methods return it as it is
	return s
}

func TestRefusalsOfThePool(t *testing.T) {
	t.Parallel()
	w, _ := write(t, 0, substrate.Config{})
	x := w.signFor("//Bob", "x", 0, 32)
	if err := w.Submit(t.Context(), x.Bytes); err != nil {
		t.Fatal(err)
	}
	if err := w.Submit(t.Context(), x.Bytes); err != nil {
		t.Errorf("the same bytes again: %v", err)
	}
	statuses := w.watch(x)
	if s := w.next(statuses, substrate.StatusLost); asSubmitError(s.Err) == nil {
		t.Errorf("%+v", s)
	}
	w.ended(statuses)
	w.produce(1)
	broken := slices.Clone(w.signFor("//Dave", "x", 0, 32).Bytes)
	broken[len(broken)-1]++
	for name, e := range map[string]struct {
		bytes []byte
		kinds []substrate.SubmitKind
	}{
		"used nonce":    {w.signFor("//Bob", "y", 0, 32).Bytes, []substrate.SubmitKind{substrate.SubmitStale}},
		"bad signature": {broken, []substrate.SubmitKind{substrate.SubmitBadProof}},
		"no extrinsic":  {[]byte{4, 7}, []substrate.SubmitKind{substrate.SubmitBadFormat, substrate.SubmitVerification}},
	} {
		s := asSubmitError(w.Submit(t.Context(), e.bytes))
		if s == nil || !slices.Contains(e.kinds, s.Kind) || s.MayBeTaken {
			t.Errorf("%s: %v", name, s)
		}
	}
	if s := w.Nodes()[0]; s.State != substrate.NodeHealthy {
		t.Errorf("the node is %s after refusals", s.State)
	}
}

// The socket is lost while the extrinsic waits: the watch says so, and the blocks tell what became of it.
func TestLostSocketThenScan(t *testing.T) {
	t.Parallel()
	w, _ := write(t, 0, substrate.Config{})
	x := w.signFor("//Bob", "x", 0, 16)
	statuses := w.watch(x)
	w.next(statuses, substrate.StatusReady)
	w.chain.DropConnections()
	if s := w.next(statuses, substrate.StatusLost); substrate.KindOf(s.Err) != substrate.KindTransport {
		t.Errorf("%+v", s)
	}
	w.ended(statuses)
	w.produce(3)
	if found := w.find(x); found == nil || !found.Success || found.Block.Number != x.Birth.Number+1 {
		t.Errorf("%+v", found)
	}
}

// The answer to the submission is lost, in several ways: what the caller is told is not more than is known, and sending
// the same bytes again does no harm.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, hook := range map[string]devchain.Hook{
		"cut before":     devchain.CutAfter(0),
		"cut in it":      devchain.CutAfter(20),
		"silence":        devchain.Silence(),
		"garbled":        devchain.Garble(),
		"truncated":      devchain.Truncate(),
		"wrong id":       devchain.WrongID(),
		"another hash":   devchain.Answer(substrate.Hash{1}.String()),
		"internal error": devchain.Fail(-32603, "Internal error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := write(t, 0, substrate.Config{CallTimeout: 2 * time.Second})
			x := w.signFor("//Bob", "x", 0, 32)
			w.chain.Hook("author_submitExtrinsic", hook)
			if s := asSubmitError(w.Submit(t.Context(), x.Bytes)); s == nil || !s.MayBeTaken && s.Kind != substrate.SubmitUnknown {
				t.Errorf("%v", s)
			}
			w.chain.Hook("author_submitExtrinsic", nil)
			until(t, "the node is back", func() bool {
				return w.Nodes()[0].State == substrate.NodeHealthy
			})
			if err := w.Submit(t.Context(), x.Bytes); err != nil {
				t.Error(err)
			}
			w.produce(2)
			if found := w.find(x); found == nil || found.Block.Number > x.Birth.Number+2 {
				t.Errorf("%+v", found)
			}
		})
	}
}

// One node takes nothing and one is silent: the third is enough.
func TestOneNodeIsEnough(t *testing.T) {
	t.Parallel()
	w, nodes := write(t, 2, substrate.Config{CallTimeout: 5 * time.Second})
	nodes[0].Hook("author_submitExtrinsic", devchain.Silence())
	nodes[1].Hook("author_submitExtrinsic", devchain.Fail(1016, "Immediately Dropped"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	x := w.signFor("//Bob", "x", 0, 16)
	if err := w.Submit(ctx, x.Bytes); err != nil {
		t.Fatal(err)
	}
	w.produce(1)
	if found := w.find(x); found == nil || !found.Success {
		t.Errorf("%+v", found)
	}
}

// A new runtime between the signature and the block: the old bytes are refused, and those in the block of the upgrade are
// read by the runtime that wrote it.
func TestExtrinsicsAroundAnUpgrade(t *testing.T) {
	t.Parallel()
	chain := startRuntime(t, subtensor(t, devchain.SubtensorConfig{Spec: 425, Quiet: true}))
	produce(t, chain, 5)
	w := &writing{dial(t, substrate.Config{}, chain.Node), t, chain}
	before, late := w.signFor("//Bob", "x", 0, 32), w.signFor("//Dave", "x", 0, 32)
	if err := w.Submit(t.Context(), before.Bytes); err != nil {
		t.Fatal(err)
	}
	chain.Upgrade(subtensor(t, devchain.SubtensorConfig{Spec: 425, SpecVersion: 426, Quiet: true, MovePallets: map[string]uint8{"Commitments": 200, "SubtensorModule": 201}}))
	w.produce(1)
	found := w.find(before)
	if found == nil || !found.Success || !slices.ContainsFunc(found.Events, func(e scale.EventRecord) bool { return e.Pallet == "Commitments" }) {
		t.Errorf("%+v", found)
	}
	// Its call is another one now, or none.
	if s := asSubmitError(w.Submit(t.Context(), late.Bytes)); s == nil || s.Kind != substrate.SubmitBadProof && s.Kind != substrate.SubmitVerification {
		t.Errorf("signed for the old runtime: %v", s)
	}
	after := w.signFor("//Charlie", "x", 0, 32)
	if after.SpecVersion != 426 || before.SpecVersion != 425 {
		t.Errorf("signed for spec %d and %d", before.SpecVersion, after.SpecVersion)
	}
	if err := w.Submit(t.Context(), after.Bytes); err != nil {
		t.Fatal(err)
	}
	w.produce(1)
	if found := w.find(after); found == nil || !found.Success || !slices.ContainsFunc(found.Events, func(e scale.EventRecord) bool { return e.Pallet == "Commitments" }) {
		t.Errorf("%+v", found)
	}
}

// Many accounts write through nodes that drop their sockets again and again: every extrinsic is in exactly one block.
func TestManyWriteWhileSocketsDrop(t *testing.T) {
	t.Parallel()
	w, nodes := write(t, 1, substrate.Config{CallTimeout: 10 * time.Second})
	const accounts, rounds = 8, 5
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for round := range uint64(rounds) {
		var group sync.WaitGroup
		sent := make([]*substrate.Extrinsic, accounts)
		for i := range sent {
			group.Go(func() {
				uri := fmt.Sprintf("//Miner%d", i)
				if i < 2 {
					uri = []string{"//Bob", "//Dave"}[i]
				}
				sent[i] = w.signFor(uri, strings.Repeat("x", i+1), round, 32)
				statuses, err := w.WatchExtrinsic(ctx, sent[i].Bytes)
				if err == nil {
					go func() {
						for range statuses {
						}
					}()
				}
				for err := w.Submit(ctx, sent[i].Bytes); err != nil && ctx.Err() == nil; err = w.Submit(ctx, sent[i].Bytes) {
					if s := asSubmitError(err); s == nil || !s.MayBeTaken && s.Kind != substrate.SubmitUnreachable {
						t.Error(err)
						return
					}
				}
			})
			nodes[i%2].DropConnections()
		}
		group.Wait()
		until(t, "a node is back", func() bool {
			return slices.ContainsFunc(w.Nodes(), func(s substrate.NodeStatus) bool { return s.State == substrate.NodeHealthy })
		})
		w.produce(1)
		for i, x := range sent {
			if found := w.find(x); found == nil || found.Block.Number != x.Birth.Number+1 {
				t.Errorf("round %d, %d: %+v", round, i, found)
			}
		}
	}
	w.produce(4)
}
