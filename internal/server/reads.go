package server

import (
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

func (x *exchange) answerIdentities() error {
	return x.writeRendered(bodyKey{question: askIdentities}, x.server.identityList.AppendJSON)
}

func (x *exchange) answerLatestBlock() error {
	block, err := x.server.config.Chain.LatestBlock(x.ctx)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, block.AppendJSON(make([]byte, 0, 160)))
	return nil
}

func (x *exchange) answerLatestNeurons() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	neurons, err := x.server.config.Chain.LatestNeurons(x.ctx, netuid)
	if err != nil {
		return err
	}
	return x.writeNeurons(netuid, neurons)
}

func (x *exchange) answerNeurons() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	number, latest, err := x.blockNumber()
	if err != nil {
		return err
	}
	if latest {
		return x.answerLatestNeurons()
	}
	neurons, err := x.server.config.Chain.Neurons(x.ctx, number, netuid)
	if err != nil {
		return err
	}
	return x.writeNeurons(netuid, neurons)
}

func (x *exchange) answerRecentNeurons() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	name := ""
	if x.identity != nil {
		name = x.identity.Name
	}
	neurons, err := x.server.config.Recent.RecentNeurons(name, netuid)
	if err != nil {
		return err
	}
	return x.writeNeurons(netuid, neurons)
}

func (x *exchange) answerLatestValidators() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	validators, err := x.server.config.Chain.LatestValidators(x.ctx, netuid)
	if err != nil {
		return err
	}
	return x.writeValidators(netuid, validators)
}

func (x *exchange) answerValidators() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	number, latest, err := x.blockNumber()
	if err != nil {
		return err
	}
	if latest {
		return x.answerLatestValidators()
	}
	validators, err := x.server.config.Chain.Validators(x.ctx, number, netuid)
	if err != nil {
		return err
	}
	return x.writeValidators(netuid, validators)
}

func (x *exchange) writeNeurons(netuid pylon.Netuid, neurons *pylon.Neurons) error {
	return x.writeRendered(bodyKey{question: askNeurons, netuid: netuid, block: neurons.Block.Hash}, neurons.AppendJSON)
}

func (x *exchange) writeValidators(netuid pylon.Netuid, validators *pylon.Validators) error {
	return x.writeRendered(bodyKey{question: askValidators, netuid: netuid, block: validators.Block.Hash}, validators.AppendJSON)
}

// netuid returns the subnet that the path names. No subnet has a number outside of the type.
func (x *exchange) netuid() (pylon.Netuid, error) {
	if x.identity != nil {
		return x.identity.Netuid, nil // the path has been compared with it
	}
	n := x.integer("netuid")
	value, ok := n.uint(16)
	if !ok {
		return 0, problem.New(problem.NotFound, "Subnet "+n.String()+" not found.")
	}
	return pylon.Netuid(value), nil
}

// blockNumber returns the block that the path names. -1 means the latest one, as it happens to do in the Python
// service.
func (x *exchange) blockNumber() (number uint64, latest bool, err error) {
	n := x.integer("block_number")
	if n.negative && n.digits == "1" {
		return 0, true, nil
	}
	number, ok := n.uint(64)
	if !ok {
		return 0, false, problem.New(problem.NotFound, "Block "+n.String()+" not found.")
	}
	return number, false, nil
}
