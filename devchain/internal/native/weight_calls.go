package native

import (
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// weightCalls are the calls that set, commit and reveal weights. All are free.
func (r *Runtime) weightCalls() map[string]dispatcher {
	calls := map[string]dispatcher{}
	for name, run := range map[string]func(runtime.State, *dispatch) refusal{
		"set_weights":                         r.callSet,
		"set_mechanism_weights":               r.callSet,
		"commit_weights":                      r.callCommit,
		"commit_mechanism_weights":            r.callCommit,
		"reveal_weights":                      r.callReveal,
		"reveal_mechanism_weights":            r.callReveal,
		"batch_reveal_weights":                r.callBatchReveal,
		"commit_timelocked_weights":           r.callTimelocked,
		"commit_timelocked_mechanism_weights": r.callTimelocked,
		"commit_crv3_mechanism_weights":       r.callTimelocked,
		"batch_set_weights":                   r.callBatchSet,
		"batch_commit_weights":                r.callBatchCommit,
	} {
		calls["SubtensorModule."+name] = dispatcher{
			guard: r.guardWeights,
			run: func(st runtime.State, c *dispatch) error {
				return c.refusal(run(st, c))
			},
		}
	}
	return calls
}

// refusal turns a refusal into the error that makes the call fail.
func (c *dispatch) refusal(name refusal) error {
	if name == "" {
		return nil
	}
	return c.fail("SubtensorModule", string(name))
}

// weighting is what a call wants, from the arguments that it has.
func (c *dispatch) weighting() *weighting {
	w := &weighting{
		hotkey: c.signer, netuid: c.uint16("netuid"), mechanism: c.uint8("mecid"),
		uids: c.uint16s("dests"), values: c.uint16s("weights"), version: c.uint64("version_key"),
	}
	if _, reveals := c.call.Args.Get("uids"); reveals {
		w.uids, w.values = c.uint16s("uids"), c.uint16s("values")
	}
	return w
}

func (r *Runtime) callSet(st runtime.State, c *dispatch) refusal {
	w := c.weighting()
	if r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(w.netuid)) {
		return "CommitRevealEnabled"
	}
	return r.setWeights(st, c.phase, w)
}

func (r *Runtime) callCommit(st runtime.State, c *dispatch) refusal {
	return r.commitWeights(st, c.phase, c.uint16("netuid"), c.uint8("mecid"), c.signer, toHash(c.arg("commit_hash")))
}

func toHash(value any) (hash [32]byte) {
	b, _ := value.(scale.Bytes)
	copy(hash[:], b)
	return hash
}

func (r *Runtime) callReveal(st runtime.State, c *dispatch) refusal {
	return r.revealWeight(st, c.phase, c.weighting(), c.uint16s("salt"))
}

// defaultVersion is the version of commits by the call that does not tell one.
const defaultVersion = 4

func (r *Runtime) callTimelocked(st runtime.State, c *dispatch) refusal {
	version := uint16(defaultVersion)
	if _, told := c.call.Args.Get("commit_reveal_version"); told {
		version = c.uint16("commit_reveal_version")
	}
	commit := timelockedCommit{Hotkey: c.signer, Payload: c.bytes("commit"), Round: c.uint64("reveal_round")}
	return r.commitTimelocked(st, c.phase, c.uint16("netuid"), c.uint8("mecid"), commit, version)
}

// reveals are the items of batch_reveal_weights, false for lists of unequal length.
func (c *dispatch) reveals() (all []*weighting, salts [][]uint16, ok bool) {
	uids, values, salt, versions := c.list("uids_list"), c.list("values_list"), c.list("salts_list"), c.list("version_keys")
	if len(uids) != len(values) || len(uids) != len(salt) || len(uids) != len(versions) {
		return nil, nil, false
	}
	for i := range uids {
		w := &weighting{hotkey: c.signer, netuid: c.uint16("netuid")}
		w.uids, w.values = asUint16s(uids[i]), asUint16s(values[i])
		w.version, _ = versions[i].(uint64)
		all, salts = append(all, w), append(salts, asUint16s(salt[i]))
	}
	return all, salts, true
}

func asUint16s(value any) []uint16 {
	list, _ := value.([]any)
	return toUint16s(list)
}

func (r *Runtime) callBatchReveal(st runtime.State, c *dispatch) refusal {
	all, salts, ok := c.reveals()
	if !ok {
		return "InputLengthsUnequal"
	}
	return r.revealBatch(st, c.phase, all, salts, c.uint16("netuid"), c.signer)
}

func (r *Runtime) callBatchSet(st runtime.State, c *dispatch) refusal {
	netuids, weights, versions := c.uint16s("netuids"), c.list("weights"), c.list("version_keys")
	if len(netuids) != len(weights) || len(netuids) != len(versions) {
		return "InputLengthsUnequal"
	}
	return r.batch(c, netuids, func(i int, netuid uint16) refusal {
		if r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(netuid)) {
			return "CommitRevealEnabled"
		}
		w := &weighting{hotkey: c.signer, netuid: netuid}
		w.version, _ = versions[i].(uint64)
		row, _ := weights[i].([]any)
		for _, weight := range row {
			if both := asUint16s(weight); len(both) == 2 {
				w.uids, w.values = append(w.uids, both[0]), append(w.values, both[1])
			}
		}
		return r.setWeights(st, c.phase, w)
	})
}

func (r *Runtime) callBatchCommit(st runtime.State, c *dispatch) refusal {
	netuids, hashes := c.uint16s("netuids"), c.list("commit_hashes")
	if len(netuids) != len(hashes) {
		return "InputLengthsUnequal"
	}
	return r.batch(c, netuids, func(i int, netuid uint16) refusal {
		return r.commitWeights(st, c.phase, netuid, 0, c.signer, toHash(hashes[i]))
	})
}

// batch runs an item for each subnet. Items that fail are told of by events, and do
// not make the call fail.
func (r *Runtime) batch(c *dispatch, netuids []uint16, run func(i int, netuid uint16) refusal) refusal {
	const netuidInEvent = 361 // the spec version since which the event names the subnet
	failures := false
	for i, netuid := range netuids {
		name := run(i, netuid)
		if name == "" {
			continue
		}
		failed, ok := errors.AsType[*dispatchError](c.refusal(name))
		if !ok {
			return name
		}
		failures = true
		if r.config.Spec >= netuidInEvent {
			c.deposit("SubtensorModule", "BatchWeightItemFailed", netuid, failed.value)
		} else {
			c.deposit("SubtensorModule", "BatchWeightItemFailed", failed.value)
		}
	}
	if failures {
		c.deposit("SubtensorModule", "BatchCompletedWithErrors")
	}
	c.deposit("SubtensorModule", "BatchWeightsCompleted", netuids, c.signer)
	return ""
}

const (
	// customTransactionErrors is the spec version since which refusals in the pool
	// have the numbers of CustomTransactionError.
	customTransactionErrors = 283
	// guards is the spec version since which all weight calls are guarded, in batches
	// too.
	guards = 401
)

// guardWeights is what keeps a weight call out of the pool.
func (r *Runtime) guardWeights(st runtime.State, c *dispatch) error {
	if !r.decodable(c.bytes("commit")) {
		return fmt.Errorf("%w: the commit is longer than the chain decodes", errMalformed)
	}
	switch {
	case r.config.Spec >= guards:
		return c.refusal(r.guard(st, c))
	case c.depth > 0:
		return nil
	case r.config.Spec >= customTransactionErrors:
		return r.guardSome(st, c)
	}
	return r.guardStake(st, c)
}

// guard is the guards CheckWeights and CheckRateLimits. Timelocked commits have no
// rate limit here: those that come too soon fail in a block.
func (r *Runtime) guard(st runtime.State, c *dispatch) refusal {
	if !r.lengthsMatch(c) {
		return "InputLengthsUnequal"
	}
	netuids := c.netuids()
	for _, netuid := range netuids {
		if !r.enoughStake(st, netuid, c.signer) {
			return "NotEnoughStakeToSetWeights"
		}
	}
	for _, netuid := range netuids {
		uid, registered := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), c.signer[:])
		if registered && r.nullConsensus(st, netuid) && !r.permitted(st, netuid, uid) {
			return "NeuronNoValidatorPermit"
		}
	}
	if refused := r.guardReveal(st, c); refused != "" {
		return refused
	}
	if r.stateful() && r.roundOver(st, c) {
		return "InvalidRevealRound"
	}
	return r.guardRate(st, c)
}

// netuids are the subnets of a call.
func (c *dispatch) netuids() []uint16 {
	if _, batch := c.call.Args.Get("netuids"); batch {
		return c.uint16s("netuids")
	}
	return []uint16{c.uint16("netuid")}
}

// lengthsMatch tells whether the lists of a batch have equal lengths.
func (r *Runtime) lengthsMatch(c *dispatch) bool {
	n := len(c.list("netuids"))
	switch c.call.Name {
	case "batch_set_weights":
		return n == len(c.list("weights")) && n == len(c.list("version_keys"))
	case "batch_commit_weights":
		return n == len(c.list("commit_hashes"))
	case "batch_reveal_weights":
		_, _, ok := c.reveals()
		return ok
	}
	return true
}

// guardReveal looks for the commits that a call reveals. An expired one is there
// as long as nobody has cleared it away, and counts as one that is too early.
func (r *Runtime) guardReveal(st runtime.State, c *dispatch) refusal {
	var all []*weighting
	var salts [][]uint16
	switch c.call.Name {
	case "reveal_weights", "reveal_mechanism_weights":
		all, salts = []*weighting{c.weighting()}, [][]uint16{c.uint16s("salt")}
	case "batch_reveal_weights":
		all, salts, _ = c.reveals()
		if _, ok := r.items.SubtensorModule.WeightCommits.lookup(st, u16(c.uint16("netuid")), c.signer[:]); !ok {
			return "NoWeightsCommitFound"
		}
	}
	for i, w := range all {
		queue := r.items.SubtensorModule.WeightCommits.get(st, u16(w.index()), c.signer[:])
		place := find(queue, weightsHash(w, salts[i]))
		if place < 0 {
			return "NoWeightsCommitFound"
		}
		if r.revealEpoch(st, w.netuid) != r.revealsAt(st, w.netuid, queue[place]) {
			return "RevealTooEarly"
		}
	}
	return ""
}

// roundOver tells whether a timelocked commit is for a round before the last one.
func (r *Runtime) roundOver(st runtime.State, c *dispatch) bool {
	_, locked := c.call.Args.Get("reveal_round")
	return locked && c.uint64("reveal_round") < r.items.Drand.LastStoredRound.get(st)
}

// guardRate refuses what comes too soon. Who is not registered passes.
func (r *Runtime) guardRate(st runtime.State, c *dispatch) refusal {
	name := refusal("CommittingWeightsTooFast")
	netuid := c.uint16("netuid")
	switch c.call.Name {
	case "commit_weights", "commit_mechanism_weights":
	case "set_weights", "set_mechanism_weights":
		if r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(netuid)) {
			return ""
		}
		name = "SettingWeightsTooFast"
	default:
		return ""
	}
	uid, registered := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), c.signer[:])
	if registered && r.tooSoon(st, netuid, c.uint8("mecid"), uid) {
		return name
	}
	return ""
}

// guardSome is the pool's check before there were guards: of the oldest calls only,
// and not in batches.
func (r *Runtime) guardSome(st runtime.State, c *dispatch) error {
	switch c.call.Name {
	case "commit_weights", "reveal_weights", "batch_reveal_weights", "set_weights", "commit_timelocked_weights":
	default:
		return nil
	}
	if !r.enoughStake(st, c.uint16("netuid"), c.signer) {
		return c.refusal("NotEnoughStakeToSetWeights")
	}
	if !r.lengthsMatch(c) {
		return c.refusal("InputLengthsUnequal")
	}
	if refused := r.guardReveal(st, c); refused != "" {
		return c.refusal(refused)
	}
	if r.roundOver(st, c) {
		return c.refuse(customCodes["SubtensorModule.InvalidRevealRound"]) // there was no such error yet
	}
	return nil
}

// guardStake is the oldest check, whose numbers tell the sort of call.
func (r *Runtime) guardStake(st runtime.State, c *dispatch) error {
	codes := map[string]uint8{"commit_weights": 1, "reveal_weights": 2, "set_weights": 3, "batch_reveal_weights": 6}
	code, guarded := codes[c.call.Name]
	if guarded && !r.enoughStake(st, c.uint16("netuid"), c.signer) {
		return c.refuse(code)
	}
	return nil
}
