package evm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// maxHalvings bounds how often one range is cut in two: 2^16 pieces cover any range a caller can mean.
const maxHalvings = 16

// node is one EVM node.
type node struct {
	url     string // as asked
	label   string // as shown: without user, password, path and query
	timeout time.Duration
	limit   int64
	web     *http.Client
	observe func(context.Context, Operation)
	lastID  atomic.Uint64
}

func newNode(config Config, address string, web *http.Client) *node {
	label := address
	if u, err := url.Parse(address); err == nil {
		label = u.Scheme + "://" + u.Host
	}
	return &node{url: address, label: label, timeout: config.Timeout, limit: config.MaxAnswer, web: web, observe: config.Observe}
}

// rawLog is a log as a node has it.
type rawLog struct {
	Address          common.Address `json:"address"`
	Topics           []common.Hash  `json:"topics"`
	Data             hexutil.Bytes  `json:"data"`
	BlockNumber      hexutil.Uint64 `json:"blockNumber"`
	TransactionHash  common.Hash    `json:"transactionHash"`
	TransactionIndex hexutil.Uint64 `json:"transactionIndex"`
	LogIndex         hexutil.Uint64 `json:"logIndex"`
}

// rawLogs are the logs of an answer.
type rawLogs []rawLog

// leastLog is less than the text of any log: its hashes alone are longer. It keeps a node from filling memory with logs
// of nothing, which would take forty times their text.
const leastLog = 128

// UnmarshalJSON reads a list of logs.
func (l *rawLogs) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('[') {
		return errors.New("not a list")
	}
	for decoder.More() {
		if len(*l) >= len(text)/leastLog {
			return errors.New("a log of nothing")
		}
		var log rawLog
		if err := decoder.Decode(&log); err != nil {
			return err
		}
		*l = append(*l, log)
	}
	return nil
}

func (n *node) blockNumber(ctx context.Context) (uint64, error) {
	var number hexutil.Uint64
	err := n.ask(ctx, "get_current_block", "eth_blockNumber", []any{}, newRoom(n.limit), &number)
	return uint64(number), err
}

// room is how many bytes answers may still have.
type room struct{ left atomic.Int64 }

// rangeOfLogs are the logs that one question is about. Others in its answer are an error.
type rangeOfLogs struct {
	contract common.Address
	from, to uint64
	logs     rawLogs
}

// UnmarshalJSON reads a list of logs.
func (r *rangeOfLogs) UnmarshalJSON(text []byte) error {
	if err := r.logs.UnmarshalJSON(text); err != nil {
		return err
	}
	for i := range r.logs {
		if number := uint64(r.logs[i].BlockNumber); r.logs[i].Address != r.contract || number < r.from || number > r.to {
			return errors.New("a log of another contract or block")
		}
	}
	return nil
}

func newRoom(bytes int64) *room {
	r := new(room)
	r.left.Store(bytes)
	return r
}

// logs reads a range, in halves where the node refuses its size. All answers have to fit into the room.
func (n *node) logs(ctx context.Context, contract common.Address, from, to uint64, room *room) ([]rawLog, error) {
	if from > to {
		return nil, nil
	}
	return n.logsWithin(ctx, contract, from, to, room, maxHalvings)
}

func (n *node) logsWithin(ctx context.Context, contract common.Address, from, to uint64, room *room, halvings int) ([]rawLog, error) {
	logs := rangeOfLogs{contract: contract, from: from, to: to}
	filter := map[string]string{"address": contract.Hex(), "fromBlock": hexutil.EncodeUint64(from), "toBlock": hexutil.EncodeUint64(to)}
	err := n.ask(ctx, "get_logs", "eth_getLogs", []any{filter}, room, &logs)
	if err == nil || halvings == 0 || from == to || !tooMuch(err) {
		return logs.logs, err
	}
	middle := from + (to-from)/2
	first, err := n.logsWithin(ctx, contract, from, middle, room, halvings-1)
	if err != nil {
		return nil, err
	}
	second, err := n.logsWithin(ctx, contract, middle+1, to, room, halvings-1)
	if err != nil {
		return nil, err
	}
	return append(first, second...), nil
}

// rpcError is what a node says when it refuses.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return e.Message }

// tooMuch tells whether a smaller range may be answered. Nodes have no common code for it: -32005 is the one of the
// Ethereum JSON-RPC extensions (EIP-1474), the texts are those of Frontier, geth and the usual gateways.
func tooMuch(err error) bool {
	var refused *rpcError
	if !errors.As(err, &refused) {
		return false
	}
	text := strings.ToLower(refused.Message)
	for _, sign := range []string{
		"query returned more than", "too many results", "range too large", "range is too large", "block range", "range too wide",
		"limit exceeded", "response size", "query timeout", "too many logs", "max results", "more than",
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return refused.Code == -32005
}

// ask puts one question. Its error is a problem that carries the node's words.
func (n *node) ask(ctx context.Context, operation, method string, params []any, room *room, into any) error {
	begin := time.Now()
	err := n.call(ctx, method, params, room, into)
	n.observe(ctx, Operation{Name: operation, URL: n.label, Duration: time.Since(begin), Err: err})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var refused *rpcError
	if errors.As(err, &refused) {
		return problem.Wrap(problem.Unavailable, refused.Message, err)
	}
	return problem.Wrap(problem.Unavailable, fmt.Sprintf("%s failed on %s: %v", operation, n.label, err), err)
}

func (n *node) call(ctx context.Context, method string, params []any, room *room, into any) error {
	deadline, cancel := context.WithTimeoutCause(ctx, n.timeout, fmt.Errorf("%s gave no answer within %s", method, n.timeout))
	defer cancel()
	id := n.lastID.Add(1)
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(deadline, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return n.plain(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := n.web.Do(req)
	if err != nil {
		if deadline.Err() != nil {
			return context.Cause(deadline)
		}
		return n.plain(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, max(room.left.Load(), 0)+1))
	if err != nil {
		if deadline.Err() != nil {
			return context.Cause(deadline)
		}
		return n.plain(err)
	}
	if room.left.Add(-int64(len(text))) < 0 {
		return fmt.Errorf("the answer is too large: over %d bytes", n.limit)
	}
	var answer struct {
		ID     json.RawMessage `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("HTTP status %d", resp.StatusCode)
		}
		return errors.New("the answer is not JSON-RPC")
	}
	if answer.Error != nil {
		return answer.Error
	}
	if string(answer.ID) != fmt.Sprint(id) || len(answer.Result) == 0 || string(answer.Result) == "null" {
		return errors.New("the answer is not JSON-RPC")
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		return errors.New("the answer has an unexpected form")
	}
	return nil
}

// plain strips the address, which may carry credentials, from the errors of net/http.
func (n *node) plain(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}
