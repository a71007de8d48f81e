package devchain

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// transaction is what a test signs. The zero value is a commitment to "data" on
// subnet 1, for ever.
type transaction struct {
	nonce, tip   uint64
	text         string // of the commitment; four bytes
	era          uint64 // period
	pallet, call string
	args         map[string]any
}

// sender signs with a development account.
type sender struct {
	t     testing.TB
	chain *Chain
	key   *wallet.Keypair
}

func newSender(t testing.TB, c *Chain, uri string) *sender {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{t, c, key}
}

// sign signs for the block after the best one.
func (s *sender) sign(x transaction) []byte {
	s.t.Helper()
	best := s.chain.Best()
	rt, err := s.chain.Runtime(best.Hash)
	if err != nil {
		s.t.Fatal(err)
	}
	m := s.chain.metadata(rt)
	if x.call == "" {
		if x.text == "" {
			x.text = "data"
		}
		x.pallet, x.call = "Commitments", "set_commitment"
		x.args = map[string]any{"netuid": 1, "info": map[string]any{"fields": []any{
			scale.Enum{Name: fmt.Sprintf("Raw%d", len(x.text)), Value: scale.Bytes(x.text)},
		}}}
	}
	call, err := m.EncodeCall(x.pallet, x.call, x.args)
	if err != nil {
		s.t.Fatal(err)
	}
	signing := scale.Signing{
		Nonce: x.nonce, Tip: x.tip, Genesis: s.chain.Genesis().Hash,
		SpecVersion: rt.Version().SpecVersion, TransactionVersion: rt.Version().TransactionVersion,
	}
	if x.era > 0 {
		signing.Era, signing.Birth = scale.NewEra(x.era, best.Number), best.Hash
	}
	extra, implicit, err := m.Extensions(signing)
	if err != nil {
		s.t.Fatal(err)
	}
	signature := s.key.Sign(scale.SigningPayload(call, extra, implicit))
	raw, err := m.SignedExtrinsic(s.key.PublicKey(), "Sr25519", signature[:], extra, call)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func (s *sender) submit(x transaction) ([]byte, Hash) {
	s.t.Helper()
	raw := s.sign(x)
	hash, err := s.chain.Submit(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw, hash
}

// poolChain is a Subtensor on which nobody acts by himself. Block 1 is there.
func poolChain(t testing.TB, change func(*Config)) *Chain {
	t.Helper()
	subtensor, err := NewSubtensor(SubtensorConfig{Quiet: true, Subnets: []Subnet{{Netuid: 1, Neurons: 6}}})
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(t, func(config *Config) {
		config.Runtime = subtensor
		if change != nil {
			change(config)
		}
	})
	produce(t, c, 1)
	return c
}

func holds(b Block, raw []byte) bool {
	return slices.ContainsFunc(b.Extrinsics, func(x []byte) bool { return slices.Equal(x, raw) })
}

// refusal checks with which code and data an extrinsic is refused.
func wantRefusal(t *testing.T, what string, err error, code int, data string) {
	t.Helper()
	refused, ok := errors.AsType[*RPCError](err)
	if !ok || refused.Code != code || !strings.Contains(fmt.Sprint(refused.Message, ": ", refused.Data), data) {
		t.Errorf("%s: %v, want %d with %q", what, err, code, data)
	}
}

func pendingHashes(c *Chain, ready bool) []Hash {
	var out []Hash
	for _, p := range c.Pending() {
		if p.Ready == ready {
			out = append(out, p.Hash)
		}
	}
	return out
}

func TestPoolNonces(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	bob := newSender(t, c, "//Bob")
	second, secondHash := bob.submit(transaction{nonce: 1})
	third, thirdHash := bob.submit(transaction{nonce: 2})
	if got := pendingHashes(c, false); !slices.Equal(got, []Hash{secondHash, thirdHash}) {
		t.Fatalf("waiting are %v", got)
	}
	if b := produce(t, c, 1); len(b.Extrinsics) != 1 {
		t.Fatalf("a block holds what is not ready: %x", b.Extrinsics)
	}
	first, firstHash := bob.submit(transaction{})
	if got := pendingHashes(c, true); !slices.Equal(got, []Hash{secondHash, thirdHash, firstHash}) {
		t.Errorf("ready are %v", got)
	}
	p := c.Pending()[2]
	if p.Signer != bob.key.PublicKey() || p.Nonce != 0 || p.Pallet != "Commitments" || p.Call != "set_commitment" || p.Args["netuid"] != uint64(1) || !slices.Equal(p.Bytes, first) {
		t.Errorf("pending is %+v", p)
	}
	if got := c.pool.nextIndex(bob.key.PublicKey(), 0); got != 3 {
		t.Errorf("the next nonce is %d", got)
	}
	b := produce(t, c, 1)
	if len(b.Extrinsics) != 4 || !slices.Equal(b.Extrinsics[1], first) || !slices.Equal(b.Extrinsics[2], second) || !slices.Equal(b.Extrinsics[3], third) {
		t.Errorf("the block holds %x", b.Extrinsics)
	}
	if len(c.Pending()) != 0 {
		t.Errorf("left in the pool: %v", c.Pending())
	}
	if got := c.pool.nextIndex(bob.key.PublicKey(), 3); got != 3 {
		t.Errorf("the next nonce is %d", got)
	}
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}
	// It is outdated now, and after that not looked at for a while.
	_, err := c.Submit(first)
	wantRefusal(t, "included", err, 1010, "Transaction is outdated")
	_, err = c.Submit(first)
	wantRefusal(t, "again", err, 1012, "temporarily banned")
}

func TestPoolRefuses(t *testing.T) {
	t.Parallel()
	c := poolChain(t, func(config *Config) { config.Pool = PoolLimits{Ready: 2, Future: 1} })
	bob, dave := newSender(t, c, "//Bob"), newSender(t, c, "//Dave")
	raw, _ := bob.submit(transaction{tip: 5})
	_, err := c.Submit(raw)
	wantRefusal(t, "again", err, 1013, "Already Imported")
	_, err = c.Submit(bob.sign(transaction{tip: 5, text: "else"}))
	wantRefusal(t, "the same nonce", err, 1014, "Priority is too low: (46740 vs 46740)")
	_, err = c.Submit(bob.sign(transaction{nonce: 9, pallet: "System", call: "kill_prefix", args: map[string]any{"prefix": []byte{}, "subkeys": 1}}))
	wantRefusal(t, "a call that is not run", err, 1010, "Transaction call is not expected: the development chain does not run System.kill_prefix")
	_, err = c.Submit(append(scale.AppendCompact(nil, 5), raw[2:7]...))
	wantRefusal(t, "cut", err, 1002, "Verification Error")
	_, err = c.Submit(raw[:50])
	wantRefusal(t, "cut in the middle", err, 1001, "invalid format")
	broken := slices.Clone(raw)
	broken[len(broken)-1]++
	_, err = c.Submit(broken)
	wantRefusal(t, "changed", err, 1010, "Transaction has a bad signature")
	_, err = c.Submit(produce(t, c, 0).Extrinsics[0])
	wantRefusal(t, "an inherent", err, 1011, "NoUnsignedValidator")
	_, err = c.Submit(dave.sign(transaction{tip: 1 << 60}))
	wantRefusal(t, "poor", err, 1010, "Inability to pay some fees")

	dave.submit(transaction{tip: 1})
	_, err = c.Submit(newSender(t, c, "//Charlie").sign(transaction{}))
	wantRefusal(t, "full", err, 1016, "Immediately Dropped")
	_, first := bob.submit(transaction{nonce: 5})
	_, second := bob.submit(transaction{nonce: 6})
	if got := pendingHashes(c, false); !slices.Equal(got, []Hash{second}) {
		t.Errorf("waiting are %v, not %v without %v", got, second, first)
	}
}

// watching reads the statuses of a watched extrinsic.
type watching struct {
	*client
	chain        *Chain
	subscription string
}

func (c *Chain) watch(t *testing.T, n *Node, raw []byte) *watching {
	t.Helper()
	w := &watching{client: dial(t, n.URL()), chain: c}
	w.result("author_submitAndWatchExtrinsic", fmt.Sprintf(`{"bytes":"0x%x"}`, raw), &w.subscription)
	return w
}

// want checks the next statuses. A block's hash is written as its number.
func (w *watching) want(statuses ...string) {
	w.t.Helper()
	for _, want := range statuses {
		n := w.note()
		var got string
		if json.Unmarshal(n.Params.Result, &got) != nil {
			var object map[string]any
			if err := json.Unmarshal(n.Params.Result, &object); err != nil {
				w.t.Fatal(err)
			}
			for status, value := range object {
				got = fmt.Sprint(status, " ", value)
				if hash, err := ParseHash(fmt.Sprint(value)); err == nil {
					if b, ok := w.chain.BlockByHash(hash); ok {
						got = fmt.Sprint(status, " ", b.Number)
					}
				}
			}
		}
		if n.Method != "author_extrinsicUpdate" || n.Params.Subscription != w.subscription || got != want {
			w.t.Fatalf("%s of %s says %q, want %q", n.Method, n.Params.Subscription, got, want)
		}
	}
}

// ended checks that nothing more comes and that the subscription is gone.
func (w *watching) ended() {
	w.t.Helper()
	var had bool
	if w.result("author_unwatchExtrinsic", fmt.Sprintf(`[%q]`, w.subscription), &had); had || len(w.notes) > 0 {
		w.t.Errorf("the subscription goes on (%v): %v", had, w.notes)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	c := poolChain(t, func(config *Config) { config.FinalityLag = 2 })
	start(t, c)
	bob := newSender(t, c, "//Bob")
	later := c.watch(t, c.Node, bob.sign(transaction{nonce: 1}))
	later.want("future")
	first := c.watch(t, c.Node, bob.sign(transaction{}))
	first.want("ready")
	later.want("ready")
	produce(t, c, 1)
	first.want("inBlock 2")
	later.want("inBlock 2")
	produce(t, c, 2)
	for _, w := range []*watching{first, later} {
		w.want("finalized 2")
		w.ended()
	}

	// One that nobody waits for any more.
	w := c.watch(t, c.Node, bob.sign(transaction{nonce: 2}))
	w.want("ready")
	var had bool
	if w.result("author_unwatchExtrinsic", fmt.Sprintf(`[%q]`, w.subscription), &had); !had {
		t.Error("there was no subscription")
	}
	produce(t, c, 4)
	w.ended()

	// What is refused is not watched, and HTTP has no subscriptions.
	if a := w.ask("author_submitAndWatchExtrinsic", `["0x00"]`); a.Error == nil || a.Error.Code != 1002 {
		t.Errorf("%+v", a)
	}
	if n := len(c.subscriptions.all); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	_, body := post(t, c.HTTPURL(), "application/json",
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"author_submitAndWatchExtrinsic","params":["0x00"]}`))
	if !strings.Contains(body, "-32603") {
		t.Error(body)
	}
}

func TestWatchAcrossForks(t *testing.T) {
	t.Parallel()
	c := poolChain(t, func(config *Config) { config.FinalityLag = ManualFinality; config.Pool.FinalityTimeout = 5 })
	start(t, c)
	bob := newSender(t, c, "//Bob")
	other, err := c.AddNode(NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	raw := bob.sign(transaction{})
	w := c.watch(t, c.Node, raw)
	w.want("ready", "broadcast ["+peerID+"]")
	v := c.watch(t, other, raw) // the other node had it from the first
	other.Hold()
	produce(t, c, 1)
	w.want("inBlock 2")
	fork(t, c, hashOf(t, c, 1), 2)
	w.want("retracted 2", "ready")
	if b := produce(t, c, 1); !holds(b, raw) || b.Number != 4 {
		t.Errorf("block %d holds %x", b.Number, b.Extrinsics)
	}
	w.want("inBlock 4")
	v.want("ready")
	other.Release()
	v.want("inBlock 4")
	// A fork that holds it too.
	at := c.Best()
	c.Include(raw)
	fork(t, c, at.Parent, 1)
	fork(t, c, fork(t, c, hashOf(t, c, 3), 1).Hash, 1) // without it
	w.want("retracted 4", "ready")
	produce(t, c, 1)
	w.want("inBlock 6")
	if err := c.Finalize(hashOf(t, c, 6)); err != nil {
		t.Fatal(err)
	}
	w.want("finalized 6")
	w.ended()

	w = c.watch(t, c.Node, bob.sign(transaction{nonce: 1}))
	w.want("ready", "broadcast ["+peerID+"]")
	produce(t, c, 1)
	w.want("inBlock 7")
	produce(t, c, 6)
	w.want("finalityTimeout 7")
	w.ended()
	if err := c.CheckNonces(); err != nil {
		t.Error(err)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	start(t, c)
	bob, dave := newSender(t, c, "//Bob"), newSender(t, c, "//Dave")
	c.SetPoolPolicy(Always(Verdict{Action: Hold}))

	w := c.watch(t, c.Node, bob.sign(transaction{}))
	next := c.watch(t, c.Node, bob.sign(transaction{nonce: 1}))
	by, byHash := bob.submit(transaction{tip: 1})
	w.want("ready", "usurped "+byHash.String())
	w.ended()
	next.want("ready")
	var removed []Hash
	if w.result("author_removeExtrinsic", fmt.Sprintf(`[[{"extrinsic":"0x%x"}]]`, by), &removed); len(removed) != 2 {
		t.Errorf("removed %v", removed)
	}
	next.want("invalid")
	next.ended()

	// An era that ends in the pool: born in block 1, it can be in 2, 3 and 4.
	raw := dave.sign(transaction{era: 4})
	w = c.watch(t, c.Node, raw)
	produce(t, c, 2)
	w.want("ready")
	if p := c.Pending(); len(p) != 1 || p[0].LastValid != 4 {
		t.Errorf("pending: %+v", p)
	}
	produce(t, c, 1)
	w.want("invalid")
	w.ended()
	_, err := c.Submit(raw)
	wantRefusal(t, "its era is over", err, 1012, "banned")

	// What is included without having been in the pool makes the others invalid.
	w = c.watch(t, c.Node, dave.sign(transaction{text: "pool"}))
	next = c.watch(t, c.Node, dave.sign(transaction{nonce: 1}))
	c.Include(dave.sign(transaction{text: "else"}))
	produce(t, c, 1)
	w.want("ready", "invalid")
	next.want("ready")
	c.SetPoolPolicy(nil)
	produce(t, c, 1)
	next.want("inBlock 6")
}

// The last block that can include an extrinsic does.
func TestPoolEra(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	hold := Always(Verdict{Action: Hold})
	bob := newSender(t, c, "//Bob")
	for _, period := range []uint64{4, 8, 16, 32} {
		c.SetPoolPolicy(hold)
		nonce := uint64(c.pool.nextIndex(bob.key.PublicKey(), nonceOf(t, c, bob)))
		raw, _ := bob.submit(transaction{era: period, nonce: nonce})
		last := c.Pending()[0].LastValid
		if want := c.Best().Number + period - 1; last != want {
			t.Fatalf("period %d: the last block is %d, not %d", period, last, want)
		}
		produce(t, c, int(last-1-c.Best().Number))
		c.SetPoolPolicy(nil)
		if b := produce(t, c, 1); b.Number != last || !holds(b, raw) {
			t.Errorf("period %d: block %d does not hold it", period, b.Number)
		}
	}
}

func nonceOf(t *testing.T, c *Chain, s *sender) uint32 {
	t.Helper()
	account := s.key.PublicKey()
	raw, err := c.call(nil, "AccountNonceApi_account_nonce", account[:])
	if err != nil {
		t.Fatal(err)
	}
	return scale.NewReader(raw).Uint32()
}

func TestPaymentMethods(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	bob := newSender(t, c, "//Bob")
	free := hex.EncodeToString(bob.sign(transaction{}))
	if a := ws.ask("payment_queryInfo", `["0x`+free+`"]`); string(a.Result) !=
		`{"weight":{"ref_time":278000000,"proof_size":6344},"class":"operational","partialFee":"0"}` {
		t.Errorf("%s %v", a.Result, a.Error)
	}
	if a := ws.ask("payment_queryFeeDetails", `["0x`+free+`"]`); string(a.Result) !=
		`{"inclusionFee":{"baseFee":"0x0","lenFee":"0x0","adjustedWeightFee":"0x0"}}` {
		t.Errorf("%s %v", a.Result, a.Error)
	}
	if a := ws.ask("payment_queryInfo", `["0x00"]`); a.Error == nil || a.Error.Code != 1 {
		t.Errorf("%s", a.Result)
	}
}

// A chain that runs for long still takes extrinsics: they are signed with the hash of block 0, which is not forgotten as
// those of other old blocks are.
func TestExtrinsicsOfAnOldChain(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	subtensor, _ := c.config.Runtime.(*Subtensor)
	c.Edit(func(st runtime.State) error { subtensor.HoldPulses(st, true); return nil }) // they take longer than all the rest
	produce(t, c, 2410)
	bob := newSender(t, c, "//Bob")
	for nonce, era := range []uint64{0, 64} {
		if _, err := c.Submit(bob.sign(transaction{nonce: uint64(nonce), era: era})); err != nil {
			t.Errorf("era %d: %v", era, err)
		}
	}
	if b := produce(t, c, 1); len(b.Extrinsics) != 3 {
		t.Errorf("%d extrinsics in the block", len(b.Extrinsics))
	}
}
