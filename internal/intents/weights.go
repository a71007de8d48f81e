package intents

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// commitVersion is the commit-reveal version whose payload we make (CommitRevealWeightsVersion of the chain).
const commitVersion = 4

// prepareWeights decides how weights are brought onto the chain: the subnet's parameters at this block say it, whatever
// they were when the weights were handed over.
func (e *Engine) prepareWeights(ctx context.Context, j *job, facts *chain.Facts) (*order, error) {
	if err := j.checkEpoch(facts); err != nil {
		return nil, err
	}
	if err := e.checkForeign(ctx, j, facts); err != nil {
		return nil, err
	}
	switch {
	case facts.Netuid == 0:
		return nil, fail(ReasonRootSubnet, "Weights cannot be set on the root subnet.")
	case facts.Mechanism >= max(facts.Mechanisms, 1):
		return nil, fail(ReasonNoMechanism, "Subnet %d has %d mechanisms, counted from 0.", facts.Netuid, max(facts.Mechanisms, 1))
	case facts.NullConsensus && !facts.Permit:
		return nil, fail(ReasonNoPermit, "Subnet %d has Null consensus, where one neuron has the validator permit, and %d is not the one.", facts.Netuid, facts.UID)
	}
	var request weightsRequest
	if err := j.request(&request); err != nil {
		return nil, err
	}
	neurons, err := e.config.Chain.NeuronsAt(ctx, facts.Block, facts.Netuid)
	if err != nil {
		return nil, err
	}
	if neurons == nil {
		return nil, fail(ReasonNoSubnet, "There is no subnet %d at block %d.", facts.Netuid, facts.Block.Number)
	}
	rows, dropped := rowsOf(request.Weights, neurons)
	uids, values, err := quantise(rows)
	if err != nil {
		return nil, fail(ReasonInvalidWeights, "%s", err)
	}
	j.progress.Dropped = dropped
	p := &plan{UIDs: uids, Values: values, VersionKey: request.VersionKey, Period: facts.RevealPeriod}
	o, err := e.callWeights(p, facts)
	if err != nil {
		return nil, err
	}
	o.deadline = j.DeadlineBlock
	if facts.LastUpdate > 0 {
		o.notBefore = facts.LastUpdate + facts.RateLimit
	}
	j.progress.Plan = p
	return o, nil
}

// checkEpoch sets the deadline of weights, and ends the intent when the epoch in which they were asked for is over.
func (j *job) checkEpoch(facts *chain.Facts) error {
	head := facts.Block.Number
	if j.StartBlock == 0 {
		j.StartBlock = head
	}
	s := schedule{facts}
	next, err := s.next()
	if errors.Is(err, timelock.ErrNoEpochs) {
		if j.DeadlineBlock == 0 {
			j.DeadlineBlock = j.StartBlock + defaultTempo
		}
		if head >= j.DeadlineBlock {
			return expire(ReasonEpochOver, "The subnet has no epochs, and block %d is more than %d blocks after the request at block %d.", head, defaultTempo, j.StartBlock)
		}
		return nil
	}
	if err != nil {
		return err
	}
	over := j.StartBlock < next.first
	if s.stateful() && j.progress.HasEpoch {
		over = next.index > j.progress.Epoch
	}
	if over {
		return expire(ReasonEpochOver, "The weights were handed over at block %d; the epoch that block %d belongs to began at block %d. Hand them over again.", j.StartBlock, head+1, next.first)
	}
	j.progress.Epoch, j.progress.HasEpoch = next.index, true
	j.DeadlineBlock = next.last
	return nil
}

// callWeights chooses the call and encodes the weights for it.
func (e *Engine) callWeights(p *plan, facts *chain.Facts) (*order, error) {
	o := &order{pallet: "SubtensorModule", args: map[string]any{"netuid": uint16(facts.Netuid)}}
	switch {
	case !facts.CommitReveal:
		p.Method = pylon.MethodDirect
		o.args["dests"], o.args["weights"], o.args["version_key"] = p.UIDs, p.Values, p.VersionKey
		return o, o.choose(facts, "set_mechanism_weights", "set_weights")
	case facts.Calls["SubtensorModule.commit_timelocked_mechanism_weights"] || facts.Calls["SubtensorModule.commit_timelocked_weights"]:
		p.Method = pylon.MethodTimelocked
		return o, e.callTimelocked(o, p, facts)
	default:
		p.Method = pylon.MethodCommitReveal
		return o, e.callCommit(o, p, facts)
	}
}

// choose takes the form of a call that names the mechanism, where the runtime has one.
func (o *order) choose(facts *chain.Facts, mechanism, plain string) error {
	switch {
	case facts.Calls["SubtensorModule."+mechanism]:
		o.call, o.args["mecid"] = mechanism, facts.Mechanism
	case facts.Calls["SubtensorModule."+plain] && facts.Mechanism == 0:
		o.call = plain
	default:
		return fail(ReasonUnsupported, "The chain's runtime has no call SubtensorModule.%s.", mechanism)
	}
	return nil
}

// callTimelocked encrypts weights to the round at which the chain is to open them.
func (e *Engine) callTimelocked(o *order, p *plan, facts *chain.Facts) error {
	if facts.CommitVersion != commitVersion {
		return fail(ReasonCommitVersion, "The chain wants commit-reveal version %d; this service makes version %d.", facts.CommitVersion, commitVersion)
	}
	key, rounds, err := e.beacon(facts)
	if err != nil {
		return err
	}
	window, err := schedule{facts}.window(facts.Block.Number + 1)
	if errors.Is(err, timelock.ErrNoEpochs) {
		return fail(ReasonNoEpochs, "The tempo of subnet %d is 0: nothing that is committed there is revealed.", facts.Netuid)
	}
	if err != nil {
		return err
	}
	message, err := (&timelock.Weights{Hotkey: facts.Hotkey, UIDs: p.UIDs, Values: p.Values, VersionKey: p.VersionKey}).Append(nil)
	if err != nil {
		return err
	}
	p.Round = revealRound(rounds, window, e.pace(facts), facts.LastRound)
	ciphertext, err := timelock.Encrypt(e.config.Random, key, p.Round, message)
	if err != nil {
		return err
	}
	if most := maxCiphertext(facts); len(ciphertext) > most {
		return fail(ReasonPayloadTooLarge, "The encrypted weights have %d bytes; the chain takes at most %d.", len(ciphertext), most)
	}
	hash := scale.Blake2_256(ciphertext)
	p.CommitHash = hex.EncodeToString(hash[:])
	o.args["commit"], o.args["reveal_round"], o.args["commit_reveal_version"] = scale.Bytes(ciphertext), p.Round, facts.CommitVersion
	return o.choose(facts, "commit_timelocked_mechanism_weights", "commit_timelocked_weights")
}

// maxCiphertext is the largest commit, in bytes: a subnet with Null consensus shares 32 KiB among its mechanisms.
func maxCiphertext(facts *chain.Facts) int {
	if facts.NullConsensus {
		return 32 << 10 / max(1, int(facts.Mechanisms))
	}
	return timelock.MaxWeightsCiphertext
}

// saltLength is the number of 16-bit numbers in a salt, as in the Python SDK.
const saltLength = 8

// callCommit commits the hash of weights and of a salt that is written down with the intent before anything is sent.
func (e *Engine) callCommit(o *order, p *plan, facts *chain.Facts) error {
	if facts.Tempo == 0 {
		return fail(ReasonNoEpochs, "The tempo of subnet %d is 0: nothing that is committed there can be revealed.", facts.Netuid)
	}
	var random [2 * saltLength]byte
	if _, err := e.config.Random.Read(random[:]); err != nil {
		return fmt.Errorf("intents: no randomness for a salt: %w", err)
	}
	p.Salt = make([]uint16, saltLength)
	for i := range p.Salt {
		p.Salt[i] = binary.LittleEndian.Uint16(random[2*i:])
	}
	hash := commitHash(p, facts.FactsQuery)
	p.CommitHash = hex.EncodeToString(hash[:])
	o.args["commit_hash"] = hash
	return o.choose(facts, "commit_mechanism_weights", "commit_weights")
}

// commitHash is what the chain computes from what is revealed (get_commit_hash of subnets/weights.rs). Its second member
// is the storage index, which is the netuid for mechanism 0.
func commitHash(p *plan, query chain.FactsQuery) [32]byte {
	index, _ := chain.StorageIndex(query.Netuid, query.Mechanism)
	b := append([]byte(nil), query.Hotkey[:]...)
	b = scale.AppendUint16(b, index)
	for _, list := range [][]uint16{p.UIDs, p.Values, p.Salt} {
		b = scale.AppendCompact(b, uint64(len(list)))
		for _, v := range list {
			b = scale.AppendUint16(b, v)
		}
	}
	return scale.Blake2_256(scale.AppendUint64(b, p.VersionKey))
}

// callReveal reveals what was committed by hash.
func callReveal(p *plan, facts *chain.Facts) (*order, error) {
	o := &order{pallet: "SubtensorModule", args: map[string]any{
		"netuid": uint16(facts.Netuid), "uids": p.UIDs, "values": p.Values, "salt": p.Salt, "version_key": p.VersionKey,
	}}
	return o, o.choose(facts, "reveal_mechanism_weights", "reveal_weights")
}
