package native

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// caller sends calls in one block after the other.
type caller struct {
	*chain
	nonces map[string]uint64
	index  int
}

// newCaller begins a block on a chain where nobody acts.
func newCaller(t *testing.T, spec uint32) *caller {
	t.Helper()
	config := small(spec)
	config.Quiet = true
	c := &caller{chain: newChain(t, config), nonces: map[string]uint64{}}
	c.produce(1)
	c.next()
	return c
}

func (c *caller) next() {
	c.t.Helper()
	if c.index > 0 {
		if err := c.runtime.FinalizeBlock(c.state); err != nil {
			c.t.Fatal(err)
		}
	}
	c.begin()
	c.index = 1
}

// validate asks whether a call may enter the pool, as the host asks.
func (c *caller) validate(uri, call string, args map[string]any) (runtime.Validity, error) {
	c.t.Helper()
	pallet, name, _ := strings.Cut(call, ".")
	x := c.signed(uri, signed{pallet: pallet, call: name, args: args, nonce: c.nonces[uri]})
	return c.runtime.ValidateTransaction(c.state, runtime.External, x, [32]byte{9})
}

// events of a call are the names of those of its extrinsic, with the error of a
// failure.
func (c *caller) send(uri, call string, args map[string]any) []string {
	c.t.Helper()
	pallet, name, _ := strings.Cut(call, ".")
	x := c.signed(uri, signed{pallet: pallet, call: name, args: args, nonce: c.nonces[uri]})
	if err := c.runtime.ApplyExtrinsic(c.state, c.index, x); err != nil {
		return []string{err.Error()}
	}
	c.nonces[uri]++
	c.index++
	raw, _ := c.state.Get(eventsKey)
	records, err := c.metadata.DecodeEvents(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, r := range records {
		if r.Phase != scale.PhaseApplyExtrinsic || int(r.Extrinsic) != c.index-1 {
			continue
		}
		text := r.Pallet + "." + r.Name
		if object, ok := r.Fields.(scale.Object); ok {
			for _, field := range []string{"dispatch_error", "error"} {
				if e, ok := object.Get(field); ok {
					failure, err := c.metadata.DispatchError(e)
					if err != nil {
						c.t.Fatal(err)
					}
					failure.Docs = ""
					text += " " + failure.Error()
				}
			}
		}
		names = append(names, text)
	}
	return names
}

func (c *caller) wantEvents(what string, got []string, want ...string) {
	c.t.Helper()
	if !slices.Equal(got, want) {
		c.t.Errorf("spec %d: %s: %q instead of %q", c.runtime.config.Spec, what, got, want)
	}
}

const (
	refunded = "Balances.Deposit" // nothing
	paid     = "TransactionPayment.TransactionFeePaid"
	success  = "System.ExtrinsicSuccess"
	failed   = "System.ExtrinsicFailed SubtensorModule."
)

// axonCall are the arguments of serve_axon with some changed.
func axonCall(changes ...any) map[string]any {
	args := map[string]any{
		"netuid": 1, "version": 9003000, "ip": 16909060, "port": 8091, "ip_type": 4, "protocol": 4, "placeholder1": 0, "placeholder2": 0,
	}
	for i := 0; i < len(changes); i += 2 {
		args[changes[i].(string)] = changes[i+1]
	}
	return args
}

func TestServeAxon(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newCaller(t, spec)
		alice := publicKey(t, "//Alice")
		c.wantEvents("serve", c.send("//Alice", "SubtensorModule.serve_axon", axonCall()), "SubtensorModule.AxonServed", paid, success)
		axon := c.storage("SubtensorModule", "Axons", 1, alice)
		for name, want := range map[string]uint64{"block": 2, "version": 9003000, "port": 8091, "ip_type": 4, "protocol": 4} {
			if field(t, axon, name) != want {
				t.Errorf("spec %d: %s is %v", spec, name, field(t, axon, name))
			}
		}
		if got := fmt.Sprint(field(t, axon, "ip")); got != "16909060" {
			t.Errorf("spec %d: ip %s", spec, got)
		}

		// Each refusal in the pool since the extension checks them, in a block before.
		for _, test := range []struct {
			name, uri, want string
			code            uint8
			args            map[string]any
		}{
			{"not registered", "//Eve", "HotKeyNotRegisteredInNetwork", 10, axonCall()},
			{"no such subnet", "//Bob", "HotKeyNotRegisteredInNetwork", 10, axonCall("netuid", 9)},
			{"type", "//Bob", "InvalidIpType", 255, axonCall("ip_type", 5)},
			{"this machine", "//Bob", "InvalidIpAddress", 11, axonCall("ip", 2130706433)},
			{"everybody", "//Bob", "InvalidIpAddress", 11, axonCall("ip", 4294967295)},
			{"this machine by IPv6", "//Bob", "InvalidIpAddress", 11, axonCall("ip", 1, "ip_type", 6)},
			{"port", "//Bob", "InvalidPort", 13, axonCall("port", 0)},
			{"too soon", "//Alice", "ServingRateLimitExceeded", 12, axonCall()},
		} {
			_, err := c.validate(test.uri, "SubtensorModule.serve_axon", test.args)
			if spec < guardedServing {
				if err != nil {
					t.Errorf("spec %d: %s: %v", spec, test.name, err)
				}
				c.wantEvents(test.name, c.send(test.uri, "SubtensorModule.serve_axon", test.args), paid, failed+test.want)
				continue
			}
			if want := (&runtime.InvalidError{Kind: runtime.InvalidCustom, Custom: test.code}); !errors.Is(err, want) {
				t.Errorf("spec %d: %s: %v, want %v", spec, test.name, err, want)
			}
			c.wantEvents(test.name, c.send(test.uri, "SubtensorModule.serve_axon", test.args), fmt.Sprintf("Custom error: %d", test.code))
		}

		// After the pause, and without one.
		if err := c.runtime.SetStorage(c.state, "SubtensorModule", "ServingRateLimit", 1, 1); err != nil {
			t.Fatal(err)
		}
		c.next()
		ip := netip.MustParseAddr("2001:db8::7")
		number := ipNumber(ip)
		c.wantEvents("later", c.send("//Alice", "SubtensorModule.serve_axon", axonCall("ip", bigOf(number), "ip_type", 6, "version", 7)),
			"SubtensorModule.AxonServed", paid, success)
		if got := c.runtime.items.SubtensorModule.Axons.get(c.state, u16(1), alice[:]); got.IP != number || got.Block != 3 || got.Version != 7 {
			t.Errorf("spec %d: %+v", spec, got)
		}
	}
}

func bigOf(n scale.Uint128) string {
	b := scale.AppendUint64(scale.AppendUint64(nil, n.Lo), n.Hi)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b).String()
}

func TestServeCertificate(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 475)
	if err := c.runtime.SetStorage(c.state, "SubtensorModule", "ServingRateLimit", 0, 1); err != nil {
		t.Fatal(err)
	}
	alice := publicKey(t, "//Alice")
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	stored := func() string { return fmt.Sprint(c.storage("SubtensorModule", "NeuronCertificates", 1, alice)) }
	serve := func(certificate []byte) {
		t.Helper()
		c.wantEvents("serve", c.send("//Alice", "SubtensorModule.serve_axon_tls", axonCall("certificate", certificate)),
			"SubtensorModule.AxonServed", paid, success)
	}
	serve(append([]byte{1}, key...))
	want := stored()
	if !strings.Contains(want, hex.EncodeToString(key)) {
		t.Errorf("stored is %s", want)
	}
	// What is no certificate is ignored, and so is a plain serve.
	serve(nil)
	serve(make([]byte, 66))
	c.wantEvents("plain", c.send("//Alice", "SubtensorModule.serve_axon", axonCall()), "SubtensorModule.AxonServed", paid, success)
	if got := stored(); got != want {
		t.Errorf("stored is %s instead of %s", got, want)
	}
	serve(make([]byte, 65))
	if got := stored(); got == want {
		t.Error("the longest certificate is not stored")
	}
	c.wantEvents("prometheus", c.send("//Bob", "SubtensorModule.serve_prometheus",
		map[string]any{"netuid": 1, "version": 1, "ip": 16909060, "port": 9, "ip_type": 4}), "SubtensorModule.PrometheusServed", paid, success)
	if _, err := c.validate("//Bob", "SubtensorModule.serve_prometheus",
		map[string]any{"netuid": 1, "version": 1, "ip": 0, "port": 9, "ip_type": 4}); err == nil {
		t.Error("nowhere can be served")
	}
}

// associationCall proves with a key of go-ethereum.
func associationCall(t *testing.T, hotkey [32]byte, block uint64) map[string]any {
	t.Helper()
	key, err := crypto.ToECDSA(slices.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := crypto.Sign(associationDigest(hotkey, block), key)
	if err != nil {
		t.Fatal(err)
	}
	address := crypto.PubkeyToAddress(key.PublicKey)
	return map[string]any{"netuid": 1, "evm_key": address[:], "block_number": block, "signature": signature}
}

func TestAssociateEVMKey(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 475)
	alice := publicKey(t, "//Alice")
	const call = "SubtensorModule.associate_evm_key"
	// A chain is too young for long.
	_, err := c.validate("//Alice", call, associationCall(t, alice, 1))
	if want := (&runtime.InvalidError{Kind: runtime.InvalidCustom, Custom: 20}); !errors.Is(err, want) {
		t.Errorf("young: %v", err)
	}
	if _, err := c.validate("//Eve", call, associationCall(t, alice, 1)); err != nil {
		t.Errorf("nobody's hotkey fails in a block only: %v", err)
	}
	c.number = associationPause
	c.next()
	other := associationCall(t, publicKey(t, "//Bob"), 5)
	c.wantEvents("another's", c.send("//Alice", call, other), paid, failed+"InvalidRecoveredPublicKey")
	broken := associationCall(t, alice, 5)
	broken["signature"] = make([]byte, 65)
	c.wantEvents("broken", c.send("//Alice", call, broken), paid, failed+"InvalidIdentity")
	c.wantEvents("nobody's", c.send("//Eve", call, other), paid, failed+"NonAssociatedColdKey")

	good := associationCall(t, alice, 5)
	signature := good["signature"].([]byte)
	signature[64] += 27
	c.wantEvents("proven", c.send("//Alice", call, good), "SubtensorModule.EvmKeyAssociated", paid, success)
	uid := c.uint("SubtensorModule", "Uids", 1, alice)
	stored := c.storage("SubtensorModule", "AssociatedEvmAddress", 1, uid).([]any)
	if fmt.Sprint(stored[0]) != "0x"+hex.EncodeToString(good["evm_key"].([]byte)) || stored[1] != uint64(associationPause+1) {
		t.Errorf("stored is %v", stored)
	}
	if _, err := c.validate("//Alice", call, associationCall(t, alice, 6)); err == nil {
		t.Error("it can be proven again at once")
	}
}

// Before, the coldkey proved it for its hotkey, and paid.
func TestAssociateEVMKeyByColdkey(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 320)
	alice := publicKey(t, "//Alice")
	args := associationCall(t, alice, 1)
	args["hotkey"] = alice
	c.wantEvents("another's", c.send("//Bob", "SubtensorModule.associate_evm_key", args), "Balances.Withdraw", refunded, paid, failed+"NonAssociatedColdKey")
	got := c.send("//Eve", "SubtensorModule.associate_evm_key", args)
	if got[0] != "Balances.Withdraw" {
		t.Errorf("%q", got)
	}
}

// inner is a call as an argument.
func inner(pallet, call string, args map[string]any) scale.Enum {
	return scale.Enum{Name: pallet, Value: scale.Enum{Name: call, Value: args}}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newCaller(t, spec)
		good := inner("Commitments", "set_commitment", commitmentArgs(1, rawField("good")))
		bad := inner("Commitments", "set_commitment", commitmentArgs(9, rawField("bad")))
		calls := func(all ...any) map[string]any { return map[string]any{"calls": all} }
		const refused = " Commitments.AccountNotAllowedCommit"
		const fee, done, item = "Balances.Withdraw", "Commitments.Commitment", "Utility.ItemCompleted"
		c.wantEvents("batch", c.send("//Alice", "Utility.batch", calls(good, bad, good)),
			fee, done, item, "Utility.BatchInterrupted"+refused, refunded, paid, success)
		if c.storage("Commitments", "CommitmentOf", 1, publicKey(t, "//Alice")) == nil {
			t.Errorf("spec %d: what came first is undone", spec)
		}
		if spec >= commitmentsBySpace {
			c.wantEvents("force_batch", c.send("//Bob", "Utility.force_batch", calls(good, bad, good)),
				fee, done, item, "Utility.ItemFailed"+refused, done, item, "Utility.BatchCompletedWithErrors", refunded, paid, success)
			c.wantEvents("force_batch without errors", c.send("//Bob", "Utility.force_batch", calls(good)),
				fee, done, item, "Utility.BatchCompleted", refunded, paid, success)
		}
		c.wantEvents("batch_all", c.send("//Miner7", "Utility.batch_all", calls(good, bad)),
			"Inability to pay some fees (e.g. account balance too low)")
		c.runtime.SetBalance(c.state, publicKey(t, "//Miner7"), 1_000_000_000)
		c.wantEvents("batch_all", c.send("//Miner7", "Utility.batch_all", calls(good, bad)), fee, refunded, paid, "System.ExtrinsicFailed"+refused)
		if c.storage("Commitments", "CommitmentOf", 1, publicKey(t, "//Miner7")) != nil {
			t.Errorf("spec %d: something is left", spec)
		}
		nested := inner("Utility", "batch", calls(inner("System", "remark", map[string]any{"remark": []byte("x")})))
		if spec >= flatBatches {
			c.wantEvents("nested", c.send("//Alice", "Utility.batch", calls(nested)), fee, "Utility.BatchInterrupted System.CallFiltered", refunded, paid, success)
		} else {
			c.wantEvents("nested", c.send("//Alice", "Utility.batch", calls(nested)), fee, item, "Utility.BatchCompleted", item, "Utility.BatchCompleted", refunded, paid, success)
		}
		// Whatever is not run is refused, however deep it is.
		deep := inner("Utility", "batch", calls(inner("System", "set_heap_pages", map[string]any{"pages": 1})))
		if _, err := c.validate("//Alice", "Utility.force_batch", calls(good, deep)); err == nil ||
			!strings.Contains(err.Error(), "does not run System.set_heap_pages") {
			t.Errorf("spec %d: %v", spec, err)
		}
	}
}

// A guard that keeps a call out of the pool makes it fail in a batch.
func TestBatchGuards(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 475)
	c.wantEvents("guarded", c.send("//Alice", "Utility.force_batch", map[string]any{"calls": []any{
		inner("SubtensorModule", "serve_axon", axonCall("port", 0)),
	}}), "Balances.Withdraw", "Utility.ItemFailed SubtensorModule.InvalidPort", "Utility.BatchCompletedWithErrors", refunded, paid, success)
}

func TestTransferAndFees(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newCaller(t, spec)
		alice, bob, newcomer := publicKey(t, "//Alice"), publicKey(t, "//Bob"), publicKey(t, "//Newcomer")
		free := func(who [32]byte) uint64 {
			n, _ := field(t, field(t, c.storage("System", "Account", who), "data"), "free").(uint64)
			return n
		}
		to := func(who [32]byte, amount uint64) map[string]any {
			return map[string]any{"dest": scale.Enum{Name: "Id", Value: scale.Bytes(who[:])}, "value": amount}
		}
		issuance := c.uint("Balances", "TotalIssuance")
		before := free(alice)
		x := c.signed("//Alice", signed{pallet: "Balances", call: "transfer_keep_alive", args: to(bob, 5)})
		info := field(t, c.call("TransactionPaymentApi", "query_info", x[2:], len(x)), "partial_fee")
		fee, _ := info.(uint64)
		const call = "Balances.transfer_keep_alive"
		c.wantEvents("transfer", c.send("//Alice", call, to(bob, 1_000)), "Balances.Withdraw", "Balances.Transfer", refunded, paid, success)
		if fee == 0 || free(alice) != before-1_000-fee-1 { // the amount is a byte longer
			t.Errorf("spec %d: fee %d, paid %d", spec, fee, before-free(alice))
		}
		if got := c.uint("Balances", "TotalIssuance"); got >= issuance || issuance-got != before-1_000-free(alice) {
			t.Errorf("spec %d: the issuance went from %d to %d", spec, issuance, got)
		}
		c.wantEvents("newcomer", c.send("//Alice", call, to(newcomer, 10_000_000)),
			"Balances.Withdraw", "System.NewAccount", "Balances.Endowed", "Balances.Transfer", refunded, paid, success)
		c.wantEvents("too little", c.send("//Alice", call, to(publicKey(t, "//Nobody"), 499)), "Balances.Withdraw", refunded, paid, "System.ExtrinsicFailed Token.BelowMinimum")
		c.wantEvents("too much", c.send("//Newcomer", call, to(alice, 20_000_000)), "Balances.Withdraw", refunded, paid, "System.ExtrinsicFailed Token.FundsUnavailable")
		left := free(newcomer)
		c.wantEvents("all", c.send("//Newcomer", call, to(alice, left-200_000)), "Balances.Withdraw", "Balances.Transfer", refunded, paid, success)
		c.wantEvents("remark", c.send("//Alice", "System.remark_with_event", map[string]any{"remark": []byte("x")}), "Balances.Withdraw", "System.Remarked", refunded, paid, success)
	}
}

// A call that fails on demand counts its nonce and reports the error.
func TestApplyFailing(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 475)
	for i, name := range []string{"SubtensorModule.SettingWeightsTooFast", ""} {
		x := c.signed("//Alice", signed{nonce: uint64(i)})
		if err := c.runtime.ApplyFailing(c.state, i+1, x, name); err != nil {
			t.Fatal(err)
		}
		events := c.eventsOf(uint32(i + 1))
		want := []string{"0001" + "0307" + "1d000000", "0001" + "00"}[i]
		if len(events) != 2 || !strings.HasPrefix(events[1], want) {
			t.Errorf("%q: %v", name, events)
		}
	}
	if c.storage("Commitments", "CommitmentOf", 1, publicKey(t, "//Alice")) != nil {
		t.Error("the call ran")
	}
	if err := c.runtime.ApplyFailing(c.state, 3, c.signed("//Alice", signed{nonce: 2}), "No.Such"); err == nil {
		t.Error("an unknown error is taken")
	}
}

func TestSetStorage(t *testing.T) {
	t.Parallel()
	c := newCaller(t, 475)
	if err := c.runtime.SetStorage(c.state, "SubtensorModule", "Weights", []any{[]any{1, 2}}, 1, 3); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.storage("SubtensorModule", "Weights", 1, 3)); got != "[[1 2]]" {
		t.Errorf("stored is %s", got)
	}
	if err := c.runtime.ClearStorage(c.state, "SubtensorModule", "Weights", 1, 3); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.storage("SubtensorModule", "Weights", 1, 3)); got != "[]" {
		t.Errorf("stored is %s", got)
	}
	for _, err := range []error{
		c.runtime.SetStorage(c.state, "SubtensorModule", "NoSuchItem", 1),
		c.runtime.SetStorage(c.state, "SubtensorModule", "Tempo", 1),
		c.runtime.SetStorage(c.state, "SubtensorModule", "Tempo", 70_000, 1),
		c.runtime.SetStorage(c.state, "SubtensorModule", "Tempo", 1, "one"),
	} {
		if err == nil {
			t.Error("it was stored")
		}
	}
}

// The answer of validate_transaction, decoded as the type that the metadata tells
// of.
func TestValidateTransaction(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newCaller(t, spec)
		bob := publicKey(t, "//Bob")
		parent := [32]byte{9}
		ask := func(s signed) any {
			t.Helper()
			x := scale.NewReader(c.signed("//Bob", s)).ByteVec()
			return c.call("TaggedTransactionQueue", "validate_transaction", "External", x, parent)
		}
		tag := func(nonce byte) scale.Bytes { return append(slices.Clone(bob[:]), nonce, 0, 0, 0) }
		priority := mostWeight / (commitmentWeight.RefTime + extrinsicWeight)
		valid := func(s signed, longevity uint64, requires []any, nonce byte) {
			t.Helper()
			want := scale.Enum{Name: "Ok", Value: scale.Object{
				{Name: "priority", Value: priority},
				{Name: "requires", Value: requires},
				{Name: "provides", Value: []any{tag(nonce)}},
				{Name: "longevity", Value: longevity},
				{Name: "propagate", Value: true},
			}}
			if got := ask(s); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("spec %d: %v instead of %v", spec, got, want)
			}
		}
		refused := func(what string, got any, kind string, value any) {
			t.Helper()
			want := scale.Enum{Name: "Err", Value: scale.Enum{Name: kind, Value: value}}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("spec %d: %s: %v instead of %v", spec, what, got, want)
			}
		}
		valid(signed{}, math.MaxUint64, []any{}, 0)
		valid(signed{nonce: 3}, math.MaxUint64, []any{tag(2)}, 3)
		// The state is that of block 2, the next one is 3. An era of 8 that begins with
		// block 2 ends before 10; its hash is the one that the host tells.
		born := signed{era: scale.NewEra(8, 1), change: func(s *scale.Signing) { s.Era, s.Birth = scale.NewEra(8, 2), parent }}
		valid(born, 7, []any{}, 0)
		refused("another fork's", ask(signed{era: scale.NewEra(8, 1), change: func(s *scale.Signing) { s.Era = scale.NewEra(8, 2) }}),
			"Invalid", scale.Enum{Name: "BadProof"})
		refused("too much", ask(signed{change: func(s *scale.Signing) { s.Tip = math.MaxUint64 }}), "Invalid", scale.Enum{Name: "Payment"})
		refused("no call of ours", ask(signed{pallet: "System", call: "set_heap_pages", args: map[string]any{"pages": 1}}),
			"Invalid", scale.Enum{Name: "Call"})
		refused("nobody's", c.call("TaggedTransactionQueue", "validate_transaction", "Local", []byte{4, 2, 0, 0}, parent),
			"Unknown", scale.Enum{Name: "NoUnsignedValidator"})
		c.send("//Bob", "Commitments.set_commitment", commitmentArgs(1, rawField("x")))
		refused("used", ask(signed{}), "Invalid", scale.Enum{Name: "Stale"})
		if spec >= guardedServing {
			refused("served nowhere", ask(signed{nonce: 1, pallet: "SubtensorModule", call: "serve_axon", args: axonCall("port", 0)}),
				"Invalid", scale.Enum{Name: "Custom", Value: uint64(13)})
		}
	}
}

// The fees that the real runtime of spec 218 took.
func TestFeesAsReal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		weight weight
		length int
		want   uint64
	}{
		{remarkWeight, 110, 54_216},
		{transferWeight, 147, 135_263},
	} {
		if got := (dispatcher{pays: true}).fees(test.weight, test.length).sum(); got != test.want {
			t.Errorf("%v of %d bytes: %d instead of %d", test.weight, test.length, got, test.want)
		}
		if got := (dispatcher{}).fees(test.weight, test.length).sum(); got != 0 {
			t.Errorf("a free call costs %d", got)
		}
	}
}
