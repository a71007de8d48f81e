package evm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// Routing says which node answered a range, as the label of pylon_evm_archive_routing_total.
type Routing string

// The routings.
const (
	RoutingMain    Routing = "main"
	RoutingArchive Routing = "archive"
	RoutingSplit   Routing = "split"
)

// Operation is one question to a node, for metrics.
type Operation struct {
	Name     string // get_current_block or get_logs
	URL      string // of the node, without credentials
	Duration time.Duration
	Err      error
}

// Config says which nodes to ask.
type Config struct {
	// URL is the main node. Required, http or https.
	URL string
	// ArchiveURL is the node that has every block. Required, http or https.
	ArchiveURL string
	// ArchiveCutoff is how many blocks behind the head still belong to the main node. Defaults to 0.
	ArchiveCutoff uint64
	// Timeout bounds one question to a node. Defaults to 30 seconds.
	Timeout time.Duration
	// MaxAnswer bounds the bytes of what the nodes answer to one caller. Defaults to 64 MiB.
	MaxAnswer int64
	// Observe hears of every question, with the context of who asked. Defaults to nothing.
	Observe func(context.Context, Operation)
	// ObserveRouting hears where each range was read. Defaults to nothing.
	ObserveRouting func(Routing)
}

func (c *Config) validate() error {
	for _, u := range []struct{ field, value string }{{"URL", c.URL}, {"ArchiveURL", c.ArchiveURL}} {
		parsed, err := url.Parse(u.value)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return fmt.Errorf("evm: %s must be an http or https address", u.field)
		}
	}
	if c.Timeout < 0 || c.MaxAnswer < 0 {
		return errors.New("evm: Timeout and MaxAnswer must not be negative")
	}
	return nil
}

// Client asks a main and an archive node. It is safe for concurrent use and holds idle connections only.
type Client struct {
	cutoff        uint64
	main, archive *node
	routed        func(Routing)
	web           *http.Client
}

// New returns a client. It opens no connection.
func New(config Config) (*Client, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Timeout == 0 {
		config.Timeout = 30 * time.Second
	}
	if config.MaxAnswer == 0 {
		config.MaxAnswer = 64 << 20
	}
	if config.Observe == nil {
		config.Observe = func(context.Context, Operation) {}
	}
	if config.ObserveRouting == nil {
		config.ObserveRouting = func(Routing) {}
	}
	web := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
	}}
	return &Client{
		cutoff: config.ArchiveCutoff, routed: config.ObserveRouting, web: web,
		main:    newNode(config, config.URL, web),
		archive: newNode(config, config.ArchiveURL, web),
	}, nil
}

// Logs returns the logs of a contract between two blocks, both included, that match an event of the ABI, in the order
// of the chain. A range whose end lies before its beginning has none.
//
// The errors are problems: Invalid for an address that is none, Unprocessable for an ABI that does not parse,
// Unavailable with the node's own words.
func (c *Client) Logs(ctx context.Context, address string, from, to uint64, abi []pylon.ABIEntry) (*pylon.EVMLogs, error) {
	contract, ok := parseAddress(address)
	if !ok {
		return nil, problem.New(problem.Invalid, "Invalid contract address: "+address)
	}
	events, err := parseEvents(abi)
	if err != nil {
		return nil, problem.Wrap(problem.Unprocessable, "Malformed ABI event entry: "+err.Error(), err)
	}
	raw, err := c.read(ctx, contract, from, to)
	if err != nil {
		return nil, err
	}
	logs := make([]pylon.EVMLog, 0, len(raw))
	for _, r := range raw {
		if log, ok := events.decode(r); ok {
			logs = append(logs, log)
		}
	}
	return &pylon.EVMLogs{Logs: logs, FromBlock: from, ToBlock: to}, nil
}

// Head returns the number of the newest block that the node for new blocks knows. Its error is a problem, Unavailable.
func (c *Client) Head(ctx context.Context) (uint64, error) { return c.main.blockNumber(ctx) }

// Close closes the connections that nobody uses at the moment.
func (c *Client) Close() { c.web.CloseIdleConnections() }

// read fetches the raw logs of a range from the nodes that have it.
func (c *Client) read(ctx context.Context, contract common.Address, from, to uint64) ([]rawLog, error) {
	head, err := c.main.blockNumber(ctx)
	if err != nil {
		return nil, err
	}
	cutoff, room := head-min(head, c.cutoff), newRoom(c.main.limit)
	switch {
	case to <= cutoff:
		c.routed(RoutingArchive)
		return c.archive.logs(ctx, contract, from, to, room)
	case from > cutoff:
		c.routed(RoutingMain)
		return c.main.logs(ctx, contract, from, to, room)
	}
	c.routed(RoutingSplit)
	var old, recent []rawLog
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		old, err = c.archive.logs(ctx, contract, from, cutoff, room)
		return err
	})
	group.Go(func() (err error) {
		recent, err = c.main.logs(ctx, contract, cutoff+1, to, room)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return append(old, recent...), nil
}
