package server

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
)

// What the server reads with. Everything that is returned is shared and must not be changed, and what is read at one
// block is always the same: the server keeps its rendered bytes under the block's hash. "Latest" is the newest block for
// which the answer is ready.

// BlockReader reads blocks.
type BlockReader interface {
	// LatestBlock returns the newest known block.
	LatestBlock(ctx context.Context) (*pylon.BlockInfo, error)
}

// NeuronReader reads the neurons of a subnet.
type NeuronReader interface {
	LatestNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error)
	Neurons(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Neurons, error)
}

// ValidatorReader reads the validators of a subnet.
type ValidatorReader interface {
	LatestValidators(ctx context.Context, netuid pylon.Netuid) (*pylon.Validators, error)
	Validators(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Validators, error)
}

// CertificateReader reads the TLS keys that the hotkeys of a subnet have published.
type CertificateReader interface {
	LatestCertificates(ctx context.Context, netuid pylon.Netuid) (*pylon.Certificates, error)
	Certificates(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Certificates, error)
	// LatestCertificate fails with a problem that is NotFound when the hotkey has none.
	LatestCertificate(ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey) (*pylon.Certificate, error)
}

// CommitmentReader reads what the hotkeys of a subnet have committed to.
type CommitmentReader interface {
	// LatestCommitments returns those of registered hotkeys, of both kinds.
	LatestCommitments(ctx context.Context, netuid pylon.Netuid) (*pylon.Commitments, error)
	Commitments(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Commitments, error)
	// LatestCommitment looks at registered hotkeys and others. It fails with a problem that is NotFound when the hotkey
	// has none.
	LatestCommitment(ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey) (*pylon.CommitmentAt, error)
}

// RevealedCommitmentReader reads the timelocked commitments of a subnet whose time has come.
type RevealedCommitmentReader interface {
	LatestRevealedCommitments(ctx context.Context, netuid pylon.Netuid) (*pylon.RevealedCommitments, error)
	// LatestRevealedCommitment returns those of one hotkey, oldest first. It fails with a problem that is NotFound when
	// there are none.
	LatestRevealedCommitment(ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey) (*pylon.RevealedCommitmentsAt, error)
}

// ExtrinsicReader reads and decodes extrinsics.
type ExtrinsicReader interface {
	Extrinsic(ctx context.Context, number uint64, index uint32) (*pylon.Extrinsic, error)
}

// DrandReader reads the state of the randomness beacon on the chain.
type DrandReader interface {
	// LastStoredRound returns the newest round that the chain knows at its newest block.
	LastStoredRound(ctx context.Context) (uint64, error)
}

// PricesReader reads what alpha costs on all subnets.
type PricesReader interface {
	LatestPrices(ctx context.Context) (*pylon.Prices, error)
	Prices(ctx context.Context, number uint64) (*pylon.Prices, error)
}

// PriceReader reads what alpha costs on one subnet. A subnet that does not exist has the runtime's default price.
type PriceReader interface {
	LatestPrice(ctx context.Context, netuid pylon.Netuid) (*pylon.Price, error)
	Price(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Price, error)
}

// EVMAssociationReader reads the EVM addresses of a subnet's hotkeys.
type EVMAssociationReader interface {
	LatestEVMAssociations(ctx context.Context, netuid pylon.Netuid) (*pylon.EVMAssociations, error)
	EVMAssociations(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.EVMAssociations, error)
}

// EVMLogReader reads the logs of contracts.
type EVMLogReader interface {
	// Logs returns the logs of a contract between two blocks, both included, that are events of the ABI.
	Logs(ctx context.Context, address string, from, to uint64, abi []pylon.ABIEntry) (*pylon.EVMLogs, error)
}

// ChainReader is everything that the server reads from the chain.
type ChainReader interface {
	BlockReader
	NeuronReader
	ValidatorReader
	CertificateReader
	CommitmentReader
	RevealedCommitmentReader
	ExtrinsicReader
	DrandReader
	PricesReader
	PriceReader
	EVMAssociationReader
}

// RecentReader is the cache of recent objects. It never waits for the chain.
type RecentReader interface {
	// RecentNeurons returns the newest neurons kept for the identity of that name, or for open access when the name is
	// empty.
	RecentNeurons(identity string, netuid pylon.Netuid) (*pylon.Neurons, error)
}

// EventSource tells what happens on the chain.
type EventSource interface {
	// Events returns a channel that holds that many events and the function that ends it. A reader that is too slow
	// loses old events; nobody waits for it.
	Events(buffer int) (events <-chan pylon.ChainEvent, stop func())
}
