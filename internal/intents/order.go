package intents

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// order is a call that is to be signed.
type order struct {
	pallet, call string
	args         map[string]any
	// deadline is the last block that may include it, notBefore the first one.
	deadline, notBefore uint64
}

func (o *order) name() string { return o.pallet + "." + o.call }

// verdictError ends an intent: what it says of the chain will not change by trying again.
type verdictError struct{ verdict }

func (e *verdictError) Error() string { return string(e.Reason) + ": " + e.Detail }

func fail(reason pylon.IntentReason, format string, args ...any) error {
	return &verdictError{verdict{pylon.StateFailed, reason, fmt.Sprintf(format, args...)}}
}

func expire(reason pylon.IntentReason, format string, args ...any) error {
	return &verdictError{verdict{pylon.StateExpired, reason, fmt.Sprintf(format, args...)}}
}

// prepare decides what to sign for an intent, from the facts of the newest block. The error is a *verdictError when
// there is nothing to sign any more.
func (e *Engine) prepare(ctx context.Context, j *job, facts *chain.Facts) (*order, error) {
	if !facts.Exists {
		return nil, fail(ReasonNoSubnet, "There is no subnet %d at block %d.", facts.Netuid, facts.Block.Number)
	}
	if !facts.Registered {
		return nil, fail(ReasonNotRegistered, "The hotkey %s has no neuron on subnet %d at block %d.", hotkeyOf(j.Hotkey), facts.Netuid, facts.Block.Number)
	}
	if j.kind() == pylon.IntentWeights {
		return e.prepareWeights(ctx, j, facts)
	}
	j.StartBlock = max(j.StartBlock, 1)
	if j.DeadlineBlock == 0 {
		j.StartBlock = facts.Block.Number
		j.DeadlineBlock = j.StartBlock + e.config.PatienceBlocks
	}
	if facts.Block.Number >= j.DeadlineBlock {
		return nil, expire(ReasonTimeOver, "The last block for it was %d.", j.DeadlineBlock)
	}
	o := &order{deadline: j.DeadlineBlock}
	var err error
	switch j.kind() {
	case pylon.IntentCommitment:
		err = o.commitment(j)
	case pylon.IntentRevealedCommitment:
		err = e.revealedCommitment(o, j, facts)
	case pylon.IntentCertificate:
		err = o.certificate(j, facts)
	case pylon.IntentAxon:
		err = o.axon(j, facts)
	default:
		err = fail(ReasonUnsupported, "Nobody knows how to do %q.", j.Kind)
	}
	if err == nil && !facts.Calls[o.name()] {
		err = fail(ReasonUnsupported, "The chain's runtime has no call %s.", o.name())
	}
	return o, err
}

func (j *job) request(into any) error {
	if err := json.Unmarshal(j.Request, into); err != nil {
		return fmt.Errorf("intents: request of %s: %w", j.ID, err)
	}
	return nil
}

func (o *order) commitment(j *job) error {
	var request commitmentRequest
	if err := j.request(&request); err != nil {
		return err
	}
	o.setCommitment(j, scale.Enum{Name: "Raw" + strconv.Itoa(len(request.Data)), Value: scale.Bytes(request.Data)})
	return nil
}

func (o *order) setCommitment(j *job, field scale.Enum) {
	o.pallet, o.call = "Commitments", "set_commitment"
	o.args = map[string]any{"netuid": j.Netuid, "info": map[string]any{"fields": []any{field}}}
}

// revealedCommitment encrypts the text. The round is chosen anew with every signature, so that the blocks count from the
// one in which the text really can be included.
func (e *Engine) revealedCommitment(o *order, j *job, facts *chain.Facts) error {
	var request revealedRequest
	if err := j.request(&request); err != nil {
		return err
	}
	key, schedule, err := e.beacon(facts)
	if err != nil {
		return err
	}
	message, err := timelock.AppendCommitment(nil, request.Text)
	if err != nil {
		return err
	}
	pace := e.pace(facts)
	round := schedule.CommitmentRound(pace.Time, request.Blocks, pace.BlockTime)
	ciphertext, err := timelock.Encrypt(e.config.Random, key, round, message)
	if err != nil {
		return err
	}
	if len(ciphertext) > timelock.MaxCommitmentCiphertext {
		return fail(ReasonPayloadTooLarge, "The encrypted text has %d bytes; the chain takes at most %d.", len(ciphertext), timelock.MaxCommitmentCiphertext)
	}
	j.progress.Round = round
	o.setCommitment(j, scale.Enum{Name: "TimelockEncrypted", Value: map[string]any{"encrypted": scale.Bytes(ciphertext), "reveal_round": round}})
	return nil
}

// axonVersion is the version that the Python service gives its axons, and the protocol is its HTTP.
const axonVersion = 9003000

func (o *order) axon(j *job, facts *chain.Facts) error {
	var request axonRequest
	if err := j.request(&request); err != nil {
		return err
	}
	o.serve("serve_axon", j, pylon.AxonInfo{IP: request.IP, Port: request.Port, Protocol: request.Protocol}, facts)
	return nil
}

// certificate serves the neuron's present axon again, with the public key beside it: the chain knows no other way.
func (o *order) certificate(j *job, facts *chain.Facts) error {
	public, err := hex.DecodeString(j.progress.PublicKey)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return errors.Join(errors.New("intents: the public key of "+j.ID+" is damaged"), err)
	}
	served := pylon.AxonInfo{IP: netip.IPv4Unspecified()}
	if facts.Axon != nil {
		served = *facts.Axon
	}
	if served.Port == 0 {
		return fail(ReasonInvalidPort, "The hotkey has served no axon on subnet %d: a certificate is published with one.", facts.Netuid)
	}
	served.Protocol = pylon.ProtocolHTTP
	o.serve("serve_axon_tls", j, served, facts)
	o.args["certificate"] = scale.Bytes(append([]byte{byte(pylon.AlgorithmEd25519)}, public...))
	return nil
}

func (o *order) serve(call string, j *job, axon pylon.AxonInfo, facts *chain.Facts) {
	o.pallet, o.call = "SubtensorModule", call
	ipType := uint8(4)
	if axon.IP.Is6() {
		ipType = 6
	}
	o.args = map[string]any{
		"netuid": j.Netuid, "version": uint32(axonVersion), "ip": numberOf(axon.IP), "port": axon.Port, "ip_type": ipType,
		"protocol": uint8(axon.Protocol), "placeholder1": uint8(0), "placeholder2": uint8(0),
	}
	if facts.AxonBlock > 0 && facts.ServingRateLimit > 0 {
		o.notBefore = facts.AxonBlock + facts.ServingRateLimit
	}
}

// numberOf is an address as the chain has it: a number of 128 bits.
func numberOf(ip netip.Addr) scale.Uint128 {
	if ip.Is4() {
		b := ip.As4()
		return scale.Uint128{Lo: uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])}
	}
	var n scale.Uint128
	for i, b := range ip.As16() {
		if i < 8 {
			n.Hi = n.Hi<<8 | uint64(b)
		} else {
			n.Lo = n.Lo<<8 | uint64(b)
		}
	}
	return n
}
