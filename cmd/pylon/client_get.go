package main

import (
	"context"
	"fmt"

	pylon "github.com/bittensor-pylon/pylon"
)

type getCommand struct {
	clientFlags

	What   string  `arg:"" enum:"block,identities,neurons,validators,commitments,revealed,certificates,prices,price,associations,round" help:"What to read: ${enum}."`
	Netuid *uint16 `placeholder:"N" help:"The subnet, read with open access. Without it, the identity's."`
	Block  *uint64 `placeholder:"N" help:"The block. Without it, the newest."`
	Recent bool    `help:"Of neurons: those that the service has at hand, without a read of the chain."`
}

// Help is shown by --help.
func (*getCommand) Help() string { return clientHelp }

// subnetReader is what can be read with open access and with an identity alike.
type subnetReader interface {
	LatestNeurons(ctx context.Context) (*pylon.Neurons, error)
	RecentNeurons(ctx context.Context) (*pylon.Neurons, error)
	Neurons(ctx context.Context, block uint64) (*pylon.Neurons, error)
	LatestValidators(ctx context.Context) (*pylon.Validators, error)
	Validators(ctx context.Context, block uint64) (*pylon.Validators, error)
	LatestCommitments(ctx context.Context) (*pylon.Commitments, error)
	Commitments(ctx context.Context, block uint64) (*pylon.Commitments, error)
	LatestRevealedCommitments(ctx context.Context) (*pylon.RevealedCommitments, error)
	LatestCertificates(ctx context.Context) (*pylon.Certificates, error)
	Certificates(ctx context.Context, block uint64) (*pylon.Certificates, error)
	LatestPrice(ctx context.Context) (*pylon.Price, error)
	Price(ctx context.Context, block uint64) (*pylon.Price, error)
	LatestEVMAssociations(ctx context.Context) (*pylon.EVMAssociations, error)
	EVMAssociations(ctx context.Context, block uint64) (*pylon.EVMAssociations, error)
}

var (
	_ subnetReader = pylon.UnstableSubnet{}
	_ subnetReader = pylon.UnstableIdentity{}
)

// Run reads and prints.
func (c *getCommand) Run(ctx context.Context, p process) error {
	switch {
	case c.Block != nil && (c.What == "block" || c.What == "identities" || c.What == "revealed" || c.What == "round"):
		return fmt.Errorf("%w: %s has no --block", errUsage, c.What)
	case c.Recent && (c.What != "neurons" || c.Block != nil):
		return fmt.Errorf("%w: --recent is for neurons, without --block", errUsage)
	}
	return c.with(p, func(client *pylon.Client) error {
		value, t, err := c.read(ctx, client)
		if err != nil {
			return err
		}
		return c.print(p.stdout, value, t)
	})
}

func (c *getCommand) read(ctx context.Context, client *pylon.Client) (any, table, error) {
	var subnet subnetReader = client.Unstable().Identity()
	if c.Netuid != nil {
		subnet = client.Unstable().Subnet(pylon.Netuid(*c.Netuid))
	}
	switch c.What {
	case "block":
		return show(client.V1().LatestBlock(ctx))(func(b *pylon.BlockInfo) table {
			t := table{columns: []string{"NUMBER", "HASH", "TIMESTAMP"}}
			t.add(b.Number, b.Hash, b.Timestamp)
			return t
		})
	case "identities":
		return show(client.V1().Identities(ctx))(identitiesTable)
	case "neurons":
		if c.Recent {
			return show(subnet.RecentNeurons(ctx))(neuronsTable)
		}
		return show(at(ctx, c.Block, subnet.LatestNeurons, subnet.Neurons))(neuronsTable)
	case "validators":
		return show(at(ctx, c.Block, subnet.LatestValidators, subnet.Validators))(validatorsTable)
	case "commitments":
		return show(at(ctx, c.Block, subnet.LatestCommitments, subnet.Commitments))(commitmentsTable)
	case "revealed":
		return show(subnet.LatestRevealedCommitments(ctx))(revealedTable)
	case "certificates":
		return show(at(ctx, c.Block, subnet.LatestCertificates, subnet.Certificates))(certificatesTable)
	case "prices":
		return show(at(ctx, c.Block, client.Unstable().LatestPrices, client.Unstable().Prices))(pricesTable)
	case "price":
		return show(at(ctx, c.Block, subnet.LatestPrice, subnet.Price))(func(p *pylon.Price) table {
			t := table{title: titleOf(p.Block), columns: []string{"NETUID", "RAO"}}
			t.add(p.Netuid, p.Value)
			return t
		})
	case "associations":
		return show(at(ctx, c.Block, subnet.LatestEVMAssociations, subnet.EVMAssociations))(associationsTable)
	default: // round; the parser knows no other
		return show(client.Unstable().LastStoredRound(ctx))(func(round uint64) table {
			t := table{columns: []string{"LAST STORED ROUND"}}
			t.add(round)
			return t
		})
	}
}

// at reads at the block, or at the newest one.
func at[T any](
	ctx context.Context, block *uint64, latest func(context.Context) (T, error), numbered func(context.Context, uint64) (T, error),
) (T, error) {
	if block == nil {
		return latest(ctx)
	}
	return numbered(ctx, *block)
}

// show turns an answer into what is printed.
func show[T any](value T, err error) func(func(T) table) (any, table, error) {
	return func(tabulate func(T) table) (any, table, error) {
		if err != nil {
			return nil, table{}, err
		}
		return value, tabulate(value), nil
	}
}

func identitiesTable(all pylon.Identities) table {
	t := table{columns: []string{"IDENTITY", "NETUID"}}
	for _, identity := range all {
		t.add(identity.Name, identity.Netuid)
	}
	return t
}

func neuronsTable(n *pylon.Neurons) table { return neuronTable(n.Block, n.Neurons) }

func validatorsTable(v *pylon.Validators) table { return neuronTable(v.Block, v.Validators) }

func neuronTable(block pylon.Block, neurons []pylon.Neuron) table {
	t := table{title: titleOf(block), columns: []string{"UID", "HOTKEY", "STAKE", "INCENTIVE", "DIVIDENDS", "EMISSION", "UPDATED", "PERMIT", "AXON"}}
	for i := range neurons {
		n := &neurons[i]
		axon, permit := "-", "-"
		if n.AxonInfo.IsServing() {
			axon = fmt.Sprintf("%s:%d", n.AxonInfo.IP, n.AxonInfo.Port)
		}
		if n.ValidatorPermit {
			permit = "yes"
		}
		t.add(n.UID, n.Hotkey, share(n.Stakes.Total), share(n.Incentive), share(n.Dividends), share(n.Emission), n.LastUpdate, permit, axon)
	}
	return t
}

func commitmentsTable(c *pylon.Commitments) table {
	t := table{title: titleOf(c.Block), columns: []string{"HOTKEY", "BLOCK", "KIND", "ROUND", "DATA"}}
	for _, one := range c.Commitments {
		round := "-"
		if one.Kind == pylon.CommitmentTimelocked {
			round = fmt.Sprint(one.RevealRound)
		}
		t.add(one.Hotkey, one.BlockNumber, one.Kind, round, one.Data)
	}
	return t
}

func revealedTable(c *pylon.RevealedCommitments) table {
	t := table{title: titleOf(c.Block), columns: []string{"HOTKEY", "BLOCK", "TEXT"}}
	for _, of := range c.Hotkeys {
		for _, one := range of.Commitments {
			t.add(of.Hotkey, one.RevealBlockNumber, fmt.Sprintf("%q", one.Text))
		}
	}
	return t
}

func certificatesTable(c *pylon.Certificates) table {
	t := table{columns: []string{"HOTKEY", "ALGORITHM", "PUBLIC KEY"}}
	for _, one := range c.Certificates {
		t.add(one.Hotkey, one.Algorithm, one.PublicKey)
	}
	return t
}

func pricesTable(p *pylon.Prices) table {
	t := table{title: titleOf(p.Block), columns: []string{"NETUID", "RAO"}}
	for _, one := range p.Prices {
		t.add(one.Netuid, one.Value)
	}
	return t
}

func associationsTable(a *pylon.EVMAssociations) table {
	t := table{title: titleOf(a.Block), columns: []string{"HOTKEY", "EVM ADDRESS", "PROVEN"}}
	for _, one := range a.Associations {
		t.add(one.Hotkey, one.EVMAddress, one.LastProven)
	}
	return t
}
