package server

import (
	pylon "github.com/bittensor-pylon/pylon"
)

func (x *exchange) answerNeurons() error {
	neurons, netuid, err := readSubnet(x, ChainReader.LatestNeurons, ChainReader.Neurons)
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

func (x *exchange) writeNeurons(netuid pylon.Netuid, neurons *pylon.Neurons) error {
	return x.writeList(askNeurons, netuid, neurons.Block, neurons, len(neurons.Neurons), func(from, to int) jsonAppender {
		return &pylon.Neurons{Block: neurons.Block, Neurons: neurons.Neurons[from:to]}
	})
}

func (x *exchange) answerValidators() error {
	validators, netuid, err := readSubnet(x, ChainReader.LatestValidators, ChainReader.Validators)
	if err != nil {
		return err
	}
	return x.writeList(askValidators, netuid, validators.Block, validators, len(validators.Validators), func(from, to int) jsonAppender {
		return &pylon.Validators{Block: validators.Block, Validators: validators.Validators[from:to]}
	})
}
