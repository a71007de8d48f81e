package server

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// The keys of the fake chain.
const (
	hotkeyA = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	hotkeyB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
	hotkeyC = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
	// unregistered has commitments and no uid.
	unregistered = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"

	keyOfA = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"
)

// published is what the fake chain tells besides neurons, at the block of its neurons.
type published struct {
	certificates pylon.Certificates
	commitments  pylon.Commitments // of registered hotkeys
	stray        pylon.Commitment  // of an unregistered one
	revealed     pylon.RevealedCommitments
	prices       pylon.Prices
	associations pylon.EVMAssociations
	extrinsics   []*pylon.Extrinsic
	round        uint64
}

func newPublished(at pylon.Block) published {
	signer := hotkeyA
	return published{
		certificates: pylon.Certificates{Block: at, Certificates: []pylon.HotkeyCertificate{
			{Hotkey: hotkeyA, Certificate: pylon.Certificate{Algorithm: pylon.AlgorithmEd25519, PublicKey: keyOfA}},
			{Hotkey: hotkeyB, Certificate: pylon.Certificate{Algorithm: 7, PublicKey: "00"}},
		}},
		commitments: pylon.Commitments{Block: at, Commitments: []pylon.Commitment{
			{Kind: pylon.CommitmentHex, BlockNumber: 11, Hotkey: hotkeyA, Data: "0xc0ffee"},
			{Kind: pylon.CommitmentTimelocked, BlockNumber: 12, Hotkey: hotkeyB, Data: "0xbeef", RevealRound: 99},
			{Kind: pylon.CommitmentHex, BlockNumber: 13, Hotkey: hotkeyC, Data: "0x00"},
		}},
		stray: pylon.Commitment{Kind: pylon.CommitmentHex, BlockNumber: 3, Hotkey: unregistered, Data: "0x01"},
		revealed: pylon.RevealedCommitments{Block: at, Hotkeys: []pylon.HotkeyRevealedCommitments{
			{Hotkey: hotkeyA, Commitments: []pylon.RevealedCommitment{
				{RevealBlockNumber: 5, Hotkey: hotkeyA, Text: "first"}, {RevealBlockNumber: 9, Hotkey: hotkeyA, Text: "second <é>"},
			}},
			{Hotkey: unregistered, Commitments: []pylon.RevealedCommitment{{RevealBlockNumber: 6, Hotkey: unregistered, Text: "{}"}}},
		}},
		prices: pylon.Prices{Block: at, Prices: []pylon.SubnetPrice{
			{Netuid: 0, Value: 1_000_000_000}, {Netuid: 1, Value: 9007199254740993}, {Netuid: 64, Value: 7},
		}},
		associations: pylon.EVMAssociations{Block: at, Associations: []pylon.EVMAssociation{
			{Hotkey: hotkeyB, EVMAddress: "0x00000000000000000000000000000000000000aa", LastProven: 8},
			{Hotkey: hotkeyA, EVMAddress: "0x00000000000000000000000000000000000000bb", LastProven: 4},
		}},
		extrinsics: []*pylon.Extrinsic{
			{
				BlockNumber: at.Number, Hash: "0xaa", Length: 10,
				Call: pylon.Call{Module: "Timestamp", Function: "set", Args: []pylon.CallArg{{Name: "now", Type: "u64", Value: json.RawMessage("1")}}},
			},
			{
				BlockNumber: at.Number, Index: 1, Hash: "0xbb", Length: 140, Address: &signer,
				Call: pylon.Call{
					Module: "SubtensorModule", Function: "set_weights",
					Args: []pylon.CallArg{{
						Name: "netuid", Type: "u16", Value: json.RawMessage("1"),
						More: []pylon.Member{{Name: "docs", Value: json.RawMessage(`["x"]`)}},
					}},
					More: []pylon.Member{{Name: "call_index", Value: json.RawMessage(`"0x0700"`)}},
				},
				More: []pylon.Member{{Name: "nonce", Value: json.RawMessage("5")}, {Name: "signature", Value: json.RawMessage(`{"Sr25519":"0xcc"}`)}},
			},
		},
		round: 1234567,
	}
}

// read ends a read with an error when the test says so, or when the block is not the one that the fake chain has.
// Nil means the latest.
func (c *fakeChain) read(ctx context.Context, name string, number *uint64) error {
	if err := c.ask(ctx, name); err != nil {
		return err
	}
	switch at := c.neurons.Block.Number; {
	case number == nil || *number == at:
		return nil
	case *number < oldest:
		return problem.Newf(problem.Unsupported, "The runtime API required for '%s' is not available at block %d.", name, *number)
	default:
		return problem.Newf(problem.NotFound, "Block %d not found.", *number)
	}
}

// oldest is the first block at which the fake runtime can do what it does.
const oldest = 3

func (c *fakeChain) LatestCertificates(ctx context.Context, _ pylon.Netuid) (*pylon.Certificates, error) {
	return &c.published.certificates, c.read(ctx, "LatestCertificates", nil)
}

func (c *fakeChain) Certificates(ctx context.Context, number uint64, _ pylon.Netuid) (*pylon.Certificates, error) {
	return &c.published.certificates, c.read(ctx, "Certificates", &number)
}

func (c *fakeChain) LatestCertificate(ctx context.Context, _ pylon.Netuid, hotkey pylon.Hotkey) (*pylon.Certificate, error) {
	if err := c.read(ctx, "LatestCertificate", nil); err != nil {
		return nil, err
	}
	for i, known := range c.published.certificates.Certificates {
		if known.Hotkey == hotkey {
			return &c.published.certificates.Certificates[i].Certificate, nil
		}
	}
	return nil, problem.New(problem.NotFound, "Certificate not found or error fetching.")
}

func (c *fakeChain) LatestCommitments(ctx context.Context, _ pylon.Netuid) (*pylon.Commitments, error) {
	return &c.published.commitments, c.read(ctx, "LatestCommitments", nil)
}

func (c *fakeChain) Commitments(ctx context.Context, number uint64, _ pylon.Netuid) (*pylon.Commitments, error) {
	return &c.published.commitments, c.read(ctx, "Commitments", &number)
}

func (c *fakeChain) LatestCommitment(ctx context.Context, _ pylon.Netuid, hotkey pylon.Hotkey) (*pylon.CommitmentAt, error) {
	if err := c.read(ctx, "LatestCommitment", nil); err != nil {
		return nil, err
	}
	for _, known := range append(slices.Clone(c.published.commitments.Commitments), c.published.stray) {
		if known.Hotkey == hotkey {
			return &pylon.CommitmentAt{Commitment: known, Block: c.published.commitments.Block}, nil
		}
	}
	return nil, problem.New(problem.NotFound, "Commitment not found.")
}

func (c *fakeChain) LatestRevealedCommitments(ctx context.Context, _ pylon.Netuid) (*pylon.RevealedCommitments, error) {
	return &c.published.revealed, c.read(ctx, "LatestRevealedCommitments", nil)
}

func (c *fakeChain) LatestRevealedCommitment(ctx context.Context, _ pylon.Netuid, hotkey pylon.Hotkey) (*pylon.RevealedCommitmentsAt, error) {
	if err := c.read(ctx, "LatestRevealedCommitment", nil); err != nil {
		return nil, err
	}
	for _, known := range c.published.revealed.Hotkeys {
		if known.Hotkey == hotkey {
			return &pylon.RevealedCommitmentsAt{Commitments: known.Commitments, Block: c.published.revealed.Block}, nil
		}
	}
	return nil, problem.New(problem.NotFound, "Revealed commitments not found.")
}

func (c *fakeChain) Extrinsic(ctx context.Context, number uint64, index uint32) (*pylon.Extrinsic, error) {
	if err := c.read(ctx, "Extrinsic", &number); err != nil {
		return nil, err
	}
	if int(index) >= len(c.published.extrinsics) {
		return nil, problem.Newf(problem.NotFound, "Extrinsic %d-%d not found.", number, index)
	}
	return c.published.extrinsics[index], nil
}

func (c *fakeChain) LastStoredRound(ctx context.Context) (uint64, error) {
	return c.published.round, c.read(ctx, "LastStoredRound", nil)
}

func (c *fakeChain) LatestPrices(ctx context.Context) (*pylon.Prices, error) {
	return &c.published.prices, c.read(ctx, "LatestPrices", nil)
}

func (c *fakeChain) Prices(ctx context.Context, number uint64) (*pylon.Prices, error) {
	return &c.published.prices, c.read(ctx, "Prices", &number)
}

func (c *fakeChain) price(netuid pylon.Netuid) *pylon.Price {
	price := &pylon.Price{Block: c.published.prices.Block, Netuid: netuid, Value: 1_000_000_000}
	for _, known := range c.published.prices.Prices {
		if known.Netuid == netuid {
			price.Value = known.Value
		}
	}
	return price
}

func (c *fakeChain) LatestPrice(ctx context.Context, netuid pylon.Netuid) (*pylon.Price, error) {
	return c.price(netuid), c.read(ctx, "LatestPrice", nil)
}

func (c *fakeChain) Price(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Price, error) {
	return c.price(netuid), c.read(ctx, "Price", &number)
}

func (c *fakeChain) LatestEVMAssociations(ctx context.Context, _ pylon.Netuid) (*pylon.EVMAssociations, error) {
	return &c.published.associations, c.read(ctx, "LatestEVMAssociations", nil)
}

func (c *fakeChain) EVMAssociations(ctx context.Context, number uint64, _ pylon.Netuid) (*pylon.EVMAssociations, error) {
	return &c.published.associations, c.read(ctx, "EVMAssociations", &number)
}

// fakeEVM answers with one log for each entry of the ABI that has a name.
type fakeEVM struct {
	before func(ctx context.Context) error
}

const contractAddress = "0xdAC17F958D2ee523a2206206994597C13D831ec7"

func (e *fakeEVM) Logs(ctx context.Context, address string, from, to uint64, abi []pylon.ABIEntry) (*pylon.EVMLogs, error) {
	if e.before != nil {
		if err := e.before(ctx); err != nil {
			return nil, err
		}
	}
	if !strings.HasPrefix(address, "0x") {
		return nil, problem.New(problem.Invalid, "Invalid contract address: "+address)
	}
	logs := &pylon.EVMLogs{Logs: []pylon.EVMLog{}, FromBlock: from, ToBlock: to}
	for _, entry := range abi {
		if _, ok := entry["name"]; !ok {
			return nil, problem.New(problem.Unprocessable, "Malformed ABI event entry: 'name'")
		}
		args, err := json.Marshal(map[string]string{"keys": strings.Join(slices.Sorted(maps.Keys(entry)), ",")})
		if err != nil {
			return nil, err
		}
		logs.Logs = append(logs.Logs, pylon.EVMLog{
			Event: "Transfer", Args: args, Address: address, BlockNumber: from,
			TransactionHash: "0x02", LogIndex: 4,
		})
	}
	return logs, nil
}
