package intents

import (
	"context"
	"errors"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// raoPerToken is how many rao are one token.
const raoPerToken = 1e9

// DryRunWeights tells what would be sent for weights now, and whether the chain would take it in the next block. It
// records, signs and sends nothing.
func (e *Engine) DryRunWeights(ctx context.Context, name string, request pylon.WeightsRequest) (pylon.WeightsPlan, error) {
	var none pylon.WeightsPlan
	identity, err := e.identity(name)
	if err != nil {
		return none, err
	}
	if err := checkWeights(request.Weights); err != nil {
		return none, err
	}
	r, err := e.newRecord(ctx, identity, pylon.IntentWeights, request.Mechanism, "", weightsRequest{Weights: request.Weights, VersionKey: identity.versionKey()})
	if err != nil {
		return none, err
	}
	head, err := e.config.Nodes.Head(ctx)
	if err != nil {
		return none, unreachable(err)
	}
	j := &job{Record: r}
	j.StartBlock = head.Number
	facts, err := e.config.Chain.Facts(ctx, head, j.query())
	if err != nil {
		return none, err
	}
	shown := pylon.WeightsPlan{
		Block: pylon.Block{Number: head.Number, Hash: head.Hash.String()}, Hotkey: hotkeyOf(j.Hotkey), Netuid: j.netuid(), Mechanism: j.Mechanism,
		UIDs: []uint16{}, Values: []uint16{}, DroppedHotkeys: []pylon.Hotkey{}, VersionKey: identity.versionKey(),
	}
	o, err := e.prepare(ctx, j, facts)
	shown.DeadlineBlock = j.DeadlineBlock
	shown.DroppedHotkeys = append(shown.DroppedHotkeys, j.progress.Dropped...)
	var v *verdictError
	if errors.As(err, &v) {
		shown.Reason, shown.Detail = v.Reason, v.Detail
		return shown, nil
	}
	if err != nil {
		return none, err
	}
	show(&shown, j.progress.Plan, o)
	if err := e.forecast(ctx, &shown, j, o, facts); err != nil {
		return none, err
	}
	return shown, nil
}

func show(shown *pylon.WeightsPlan, p *plan, o *order) {
	shown.Method, shown.Call = p.Method, o.name()
	shown.UIDs, shown.Values, shown.VersionKey = p.UIDs, p.Values, p.VersionKey
	shown.RevealRound, shown.NotBefore = p.Round, o.notBefore
}

// forecast adds what would come of it: when it would be revealed, what it would cost, and whether the chain would take it.
func (e *Engine) forecast(ctx context.Context, shown *pylon.WeightsPlan, j *job, o *order, facts *chain.Facts) error {
	landing := facts.Block.Number + 1
	if shown.Method != pylon.MethodDirect {
		window, err := schedule{facts}.window(landing)
		if err != nil {
			return err
		}
		shown.RevealFirst, shown.RevealLast = window.First, window.End-1
	}
	x, err := e.config.Nodes.Sign(ctx, substrate.SignRequest{
		At: facts.Block, Period: shortestEra, Tip: e.config.Tip, Pallet: o.pallet, Call: o.call, Args: o.args,
	}, substrate.Unsigned(j.Hotkey))
	if err != nil {
		return unreachable(err)
	}
	if shown.Fee, err = e.config.Nodes.Fee(ctx, facts.Block.Hash, x.Bytes); err != nil {
		return unreachable(err)
	}
	refusal, err := e.refusal(ctx, j, o, facts)
	if err != nil {
		return err
	}
	if refusal != nil {
		shown.Reason, shown.Detail = refusal.Reason, refusal.Detail
	}
	shown.Acceptable = refusal == nil
	return nil
}

// shortestEra is the shortest era that there is, in blocks, that in which it begins with them: no extrinsic can be made
// that is certain not to be included later.
const shortestEra = 4

// refusal is what the chain would say against weights in the next block, in its own order of checks
// (subtensor-chain 7.2); nil for nothing.
func (e *Engine) refusal(ctx context.Context, j *job, o *order, facts *chain.Facts) (*verdict, error) {
	neurons, err := e.config.Chain.NeuronsAt(ctx, facts.Block, facts.Netuid)
	if err != nil {
		return nil, err
	}
	var stake float64
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; n.UID == facts.UID {
			stake = n.Stakes.Total
		}
	}
	p, landing := j.progress.Plan, facts.Block.Number+1
	self := len(p.UIDs) == 1 && p.UIDs[0] == facts.UID && !facts.NullConsensus
	exempt := self || facts.Owner && !facts.NullConsensus
	_, room := substrate.EraPeriod(facts.Block.Number, o.deadline)
	var said error
	switch {
	case !facts.Owner && stake*raoPerToken < float64(facts.StakeThreshold):
		said = fail(ReasonLowStake, "The stake is %v; the chain asks for %v.", stake, float64(facts.StakeThreshold)/raoPerToken)
	case p.VersionKey < facts.VersionKey:
		said = fail(ReasonVersionKey, "The version key is %d; the subnet asks for %d.", p.VersionKey, facts.VersionKey)
	case !exempt && !facts.Permit:
		said = fail(ReasonNoPermit, "The neuron %d has no validator permit.", facts.UID)
	case !self && len(p.UIDs) < int(min(facts.Neurons, facts.MinAllowedWeights)):
		said = fail(ReasonTooFewWeights, "There are %d weights; the subnet asks for %d.", len(p.UIDs), min(facts.Neurons, facts.MinAllowedWeights))
	case o.notBefore > landing:
		said = fail(ReasonRateLimited, "%s", rateText(o, facts))
	case !room:
		said = expire(ReasonEpochOver, "%s", tooLateForEpoch(facts.Block.Number, o.deadline))
	}
	var v *verdictError
	if errors.As(said, &v) {
		return &v.verdict, nil
	}
	return nil, nil
}
