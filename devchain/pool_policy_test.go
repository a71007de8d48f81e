package devchain

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// eventsOf are the names of the events of the second extrinsic of a block, with
// the error of one that failed.
func eventsOf(t *testing.T, c *Chain, at Hash) []string {
	t.Helper()
	rt, err := c.Runtime(at)
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.State(at)
	if err != nil {
		t.Fatal(err)
	}
	m := c.metadata(rt)
	raw, _ := state.Get(scale.StoragePrefix("System", "Events"))
	records, err := m.DecodeEvents(raw)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range records {
		if r.Phase != scale.PhaseApplyExtrinsic || r.Extrinsic != 1 {
			continue
		}
		name := r.Pallet + "." + r.Name
		if object, ok := r.Fields.(scale.Object); ok {
			if e, ok := object.Get("dispatch_error"); ok {
				failure, err := m.DispatchError(e)
				if err != nil {
					t.Fatal(err)
				}
				name += " " + failure.Pallet + "." + failure.Name
			}
		}
		names = append(names, name)
	}
	return names
}

func TestPoolPolicies(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	start(t, c)
	bob := newSender(t, c, "//Bob")
	nonce := uint64(0)
	send := func(v Verdict) ([]byte, *watching) {
		t.Helper()
		c.SetPoolPolicy(Always(v))
		raw := bob.sign(transaction{nonce: nonce})
		w := c.watch(t, c.Node, raw)
		w.want("ready")
		return raw, w
	}
	at := func() string { return fmt.Sprint(c.Best().Number) }

	raw, w := send(Verdict{})
	if !holds(produce(t, c, 1), raw) {
		t.Error("what is accepted is not in the block")
	}
	w.want("inBlock "+at(), "finalized "+func() string { b := at(); produce(t, c, 3); return b }())
	nonce++

	raw, w = send(Verdict{Action: Hold})
	if holds(produce(t, c, 1), raw) || len(c.Pending()) != 1 {
		t.Error("what is held is in the block")
	}
	c.SetPoolPolicy(nil)
	produce(t, c, 1)
	w.want("inBlock " + at())
	nonce++

	raw, w = send(Verdict{Action: Drop})
	if holds(produce(t, c, 1), raw) || len(c.Pending()) != 0 {
		t.Error("what is dropped is there")
	}
	w.want("dropped")
	w.ended()

	// The same bytes can be sent again.
	c.SetPoolPolicy(nil)
	if _, err := c.Submit(raw); err != nil {
		t.Error(err)
	}
	if !holds(produce(t, c, 1), raw) {
		t.Error("it was dropped for ever")
	}
	nonce++

	by := bob.sign(transaction{nonce: nonce, text: "else"})
	_, w = send(Verdict{Action: Usurp, By: by})
	produce(t, c, 1)
	w.want("usurped " + Hash(scale.ExtrinsicHash(by)).String())
	w.ended()
	c.SetPoolPolicy(nil)
	if !holds(produce(t, c, 1), by) {
		t.Error("what has usurped is not in the block")
	}
	nonce++

	raw, w = send(Verdict{Action: Usurp})
	produce(t, c, 1)
	if n := w.note(); !strings.HasPrefix(string(n.Params.Result), `{"usurped":"0x`) {
		t.Errorf("%s", n.Params.Result)
	}
	c.Include(raw)
	produce(t, c, 1)
	nonce++

	for _, v := range []Verdict{{Action: FailInBlock, Error: "Commitments.SpaceLimitExceeded"}, {Action: FailInBlock}} {
		_, w = send(v)
		produce(t, c, 1)
		w.want("inBlock " + at())
		want := []string{"TransactionPayment.TransactionFeePaid", "System.ExtrinsicFailed " + v.Error}
		if v.Error == "" {
			want[1] += "."
		}
		if got := eventsOf(t, c, c.Best().Hash); !slices.Equal(got, want) {
			t.Errorf("the events are %q", got)
		}
		nonce++
	}
	_, w = send(Verdict{Action: FailInBlock, Error: "No.Such"})
	produce(t, c, 1)
	w.want("invalid")
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}
}

func TestPoolRetract(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	start(t, c)
	bob := newSender(t, c, "//Bob")

	c.SetPoolPolicy(Always(Verdict{Action: Retract}))
	raw := bob.sign(transaction{})
	w := c.watch(t, c.Node, raw)
	included := produce(t, c, 1)
	w.want("ready", "inBlock 2")
	b := produce(t, c, 1)
	if b.Number != 3 || holds(b, raw) || c.Best().Hash != b.Hash {
		t.Errorf("block %d holds %x", b.Number, b.Extrinsics)
	}
	if hash := hashOf(t, c, 2); hash == included.Hash {
		t.Error("the block was not left")
	}
	w.want("retracted 2", "ready")
	if b = produce(t, c, 1); !holds(b, raw) {
		t.Error("it was not included again")
	}
	w.want("inBlock 4")
	produce(t, c, 3)
	w.want("finalized 4")

	c.SetPoolPolicy(Always(Verdict{Action: RetractForever}))
	raw = bob.sign(transaction{nonce: 1})
	w = c.watch(t, c.Node, raw)
	w.want("ready")
	produce(t, c, 3)
	w.want("inBlock 8", "retracted 8")
	if len(c.Pending()) != 0 {
		t.Error("it came back")
	}
	if _, err := c.Submit(raw); err != nil {
		t.Error(err)
	}
	w.want("ready")
	if b = produce(t, c, 1); !holds(b, raw) {
		t.Error("sent again it is not included")
	}
	w.want("inBlock 11")
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}

	// What is final stays.
	c = poolChain(t, func(config *Config) { config.FinalityLag = NoLag })
	c.SetPoolPolicy(Always(Verdict{Action: Retract}))
	if _, err := c.Submit(newSender(t, c, "//Bob").sign(transaction{})); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 1)
	if _, err := c.Produce(1); err == nil || !strings.Contains(err.Error(), "final") {
		t.Errorf("error %v", err)
	}
	produce(t, c, 1)
}

func TestCheckNonces(t *testing.T) {
	t.Parallel()
	violated := func(c *Chain) bool { return c.CheckNonces() != nil }
	setUp := func(lag int) (*Chain, *sender) {
		c := poolChain(t, func(config *Config) { config.FinalityLag = lag })
		c.SetPoolPolicy(Always(Verdict{Action: Hold}))
		return c, newSender(t, c, "//Bob")
	}

	c, bob := setUp(NoLag)
	raw, _ := bob.submit(transaction{})
	for range 3 {
		_, _ = c.Submit(raw)
	}
	if violated(c) {
		t.Error("the same bytes are no violation")
	}
	if _, err := c.Submit(bob.sign(transaction{text: "else"})); err == nil || !violated(c) {
		t.Errorf("two of one priority: %v", err)
	}
	if text := c.CheckNonces().Error(); !strings.Contains(text, "nonce 0") || !strings.Contains(text, Hash(scale.ExtrinsicHash(raw)).String()) {
		t.Error(text)
	}

	// Dropped is not dead.
	c, bob = setUp(NoLag)
	c.SetPoolPolicy(Always(Verdict{Action: Drop}))
	bob.submit(transaction{era: 8})
	produce(t, c, 1)
	bob.submit(transaction{text: "else"})
	if !violated(c) {
		t.Error("the dropped one can still be included")
	}

	// An era that is over on the final chain is.
	for lag, want := range map[int]bool{NoLag: false, 2: true} {
		c, bob = setUp(lag)
		bob.submit(transaction{era: 8}) // born in block 1: the last is 8
		produce(t, c, 7)
		if c.Best().Number != 8 {
			t.Fatal(c.Best().Number)
		}
		bob.submit(transaction{text: "else", era: 8})
		if violated(c) != want {
			t.Errorf("lag %d: %v", lag, c.CheckNonces())
		}
	}

	// What another runtime was told by the old one's version is dead too, in the end.
	for lag, want := range map[int]bool{NoLag: false, 2: true} {
		c, bob = setUp(lag)
		bob.submit(transaction{})
		next, err := NewSubtensor(SubtensorConfig{Quiet: true, SpecVersion: 476, Subnets: []Subnet{{Netuid: 1, Neurons: 6}}})
		if err != nil {
			t.Fatal(err)
		}
		c.Upgrade(next)
		produce(t, c, 1)
		if len(c.Pending()) != 0 {
			t.Error("the pool was not validated by the new runtime")
		}
		bob.submit(transaction{text: "else"})
		if violated(c) != want {
			t.Errorf("lag %d: %v", lag, c.CheckNonces())
		}
	}

	// A refused one is none.
	c, bob = setUp(NoLag)
	if _, err := c.Submit(bob.sign(transaction{tip: 1 << 60})); err == nil {
		t.Error("it was taken")
	}
	bob.submit(transaction{})
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}
}

// What is valid for ever is forgotten too, once its nonce is used.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil) // the first byte of an account is its nonce
	h := newHistory()
	send := func(account, nonce int, text byte) {
		p := &Pending{Hash: Hash{byte(account), byte(account >> 8), byte(nonce), text}, Pallet: "System", Nonce: uint64(nonce), LastValid: math.MaxUint64}
		p.Signer = [32]byte{100, byte(account), byte(account >> 8)}
		h.record(c, p)
	}
	send(0, 100, 0)
	for i := range 2 * purgeFrom {
		send(i/100, i%100, 0)
		if h.count > purgeFrom {
			t.Fatalf("%d of %d are remembered", h.count, i)
		}
	}
	if len(h.violations) != 0 {
		t.Error(h.violations)
	}
	if send(0, 100, 1); len(h.violations) != 1 {
		t.Errorf("two with a nonce that is not used: %v", h.violations)
	}
}

// Everybody sends while blocks come and go: every extrinsic is in the chain once.
func TestPoolUnderLoad(t *testing.T) {
	t.Parallel()
	c := poolChain(t, func(config *Config) { config.FinalityLag = ManualFinality })
	second, err := c.AddNode(NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const each = 20
	remarks := func(uri string) [][]byte {
		s := newSender(t, c, uri)
		var all [][]byte
		for nonce := range uint64(each) {
			all = append(all, s.sign(transaction{
				nonce: nonce, pallet: "System", call: "remark", args: map[string]any{"remark": []byte(uri)},
			}))
		}
		return all
	}
	var senders, makers sync.WaitGroup
	var sent [][]byte
	for _, uri := range []string{"//Alice", "//Bob", "//Charlie", "//Eve"} {
		all := remarks(uri)
		sent = append(sent, all...)
		senders.Go(func() {
			for i, raw := range all {
				node := []*Node{c.Node, second}[i%2]
				if _, err := node.submit(raw); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Go(func() {
		for i := range 12 {
			if i%4 == 3 {
				best := c.Best()
				if _, err := c.Fork(best.Parent, 2); err != nil {
					t.Error(err)
				}
			} else if _, err := c.Produce(1); err != nil {
				t.Error(err)
			}
		}
	})
	senders.Wait()
	makers.Wait()
	produce(t, c, 2)
	seen := map[Hash]int{}
	for number := range c.Best().Number + 1 {
		b, _ := c.Block(number)
		for _, x := range b.Extrinsics {
			seen[scale.ExtrinsicHash(x)]++
		}
	}
	for _, raw := range sent {
		if n := seen[scale.ExtrinsicHash(raw)]; n != 1 {
			t.Errorf("an extrinsic is in the chain %d times", n)
		}
	}
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}
	if len(c.pool.pending)+len(c.pool.received) != 0 {
		t.Errorf("the pool remembers %d and %d", len(c.pool.pending), len(c.pool.received))
	}
}
