package devchain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// What a node refuses in one eth_getLogs, as Frontier does by default.
const (
	maxLogBlocks = 1024
	maxLogs      = 10_000
)

func ethMethods() []method {
	return []method{
		{name: "eth_blockNumber", handle: ethBlockNumber},
		{name: "eth_getLogs", params: []string{"filter"}, handle: ethLogs},
	}
}

func ethBlockNumber(c *invocation) (any, error) { return quantity(c.node.header(nil).Number), nil }

// quantity is a number as Ethereum's JSON-RPC has it.
type quantity uint64

func (q quantity) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%x", uint64(q)), nil }

// logFilter is the parameter of eth_getLogs.
type logFilter struct {
	FromBlock json.RawMessage `json:"fromBlock"`
	ToBlock   json.RawMessage `json:"toBlock"`
	BlockHash *Hash           `json:"blockHash"`
	Address   oneOrMore       `json:"address"`
	Topics    []oneOrMore     `json:"topics"`
}

// oneOrMore are hexadecimal texts of which one must match; none match everything.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	switch text[0] {
	case 'n':
		return nil
	case '"':
		*o = make([]string, 1)
		if err := json.Unmarshal(text, &(*o)[0]); err != nil {
			return err
		}
	default:
		if err := json.Unmarshal(text, (*[]string)(o)); err != nil {
			return err
		}
	}
	for i, one := range *o {
		(*o)[i] = strings.ToLower(one)
	}
	return nil
}

func (o oneOrMore) matches(b []byte) bool {
	return len(o) == 0 || slices.Contains(o, fmt.Sprintf("0x%x", b))
}

// matches tells whether a log is one that the filter asks for.
func (f *logFilter) matches(log *runtime.Log) bool {
	if !f.Address.matches(log.Address[:]) || len(f.Topics) > len(log.Topics) {
		return false
	}
	for i, topic := range f.Topics {
		if !topic.matches(log.Topics[i][:]) {
			return false
		}
	}
	return true
}

// ethLog is a log as Ethereum's JSON-RPC has it.
type ethLog struct {
	Address          hexBytes   `json:"address"`
	Topics           []hexBytes `json:"topics"`
	Data             hexBytes   `json:"data"`
	BlockNumber      quantity   `json:"blockNumber"`
	BlockHash        Hash       `json:"blockHash"`
	TransactionHash  hexBytes   `json:"transactionHash"`
	TransactionIndex quantity   `json:"transactionIndex"`
	LogIndex         quantity   `json:"logIndex"`
	Removed          bool       `json:"removed"`
}

func ethLogs(c *invocation) (any, error) {
	var filter logFilter
	if err := c.decode(0, &filter); err != nil {
		return nil, err
	}
	hashes, err := c.logBlocks(&filter)
	if err != nil {
		return nil, err
	}
	logs := []ethLog{}
	for _, hash := range hashes {
		found, err := c.node.logs(hash)
		if err != nil {
			return nil, err
		}
		for i := range found.logs {
			if !filter.matches(&found.logs[i]) {
				continue
			}
			if len(logs) == maxLogs {
				return nil, &RPCError{Code: codeInternalError, Message: fmt.Sprintf("query returned more than %d results", maxLogs)}
			}
			logs = append(logs, renderLog(found, i))
		}
	}
	return logs, nil
}

// logBlocks are the blocks that a filter asks for, in order.
func (c *invocation) logBlocks(filter *logFilter) ([]Hash, error) {
	if filter.BlockHash != nil {
		return []Hash{*filter.BlockHash}, nil
	}
	l := c.node.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	best := c.node.best.Number
	from, err := c.ethNumber(filter.FromBlock, best)
	if err != nil {
		return nil, err
	}
	to, err := c.ethNumber(filter.ToBlock, best)
	if err != nil {
		return nil, err
	}
	to = min(to, best)
	if from > to {
		return nil, nil
	}
	if to-from >= maxLogBlocks {
		return nil, &RPCError{Code: codeInternalError, Message: fmt.Sprintf("block range is too wide (maximum %d)", maxLogBlocks)}
	}
	hashes := make([]Hash, 0, to-from+1)
	for number := from; number <= to; number++ {
		hashes = append(hashes, l.ancestor(c.node.best, number).Hash)
	}
	return hashes, nil
}

// ethNumber reads the number of a block or one of the words for it. The caller
// holds the ledger's lock.
func (c *invocation) ethNumber(arg json.RawMessage, best uint64) (uint64, error) {
	if len(arg) == 0 || string(arg) == "null" {
		return best, nil
	}
	var text string
	if json.Unmarshal(arg, &text) != nil {
		return 0, c.invalid(0, "expected a block number in hexadecimal")
	}
	switch text {
	case "latest", "pending":
		return best, nil
	case "finalized", "safe":
		return c.node.finalized.Number, nil
	case "earliest":
		return 0, nil
	}
	digits, ok := strings.CutPrefix(text, "0x")
	number, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return 0, c.invalid(0, "expected a block number in hexadecimal")
	}
	return number, nil
}

// blockLogs are the logs of a block.
type blockLogs struct {
	block *block
	logs  []runtime.Log
}

// logs asks the runtime that has made a block for its logs; those without
// contracts have none.
func (n *Node) logs(hash Hash) (*blockLogs, error) {
	found := &blockLogs{block: n.header(&hash)}
	if found.block != nil && found.block.parent == nil {
		return found, nil // block 0 has run nothing
	}
	_, state, missing := n.state(&hash)
	if missing != nil {
		return nil, &RPCError{Code: codeInternalError, Message: missing.Error()}
	}
	contracts, ok := found.block.parent.runtime.(runtime.EVM)
	if !ok {
		return found, nil
	}
	var err error
	if found.logs, err = contracts.Logs(state.Edit()); err != nil {
		return nil, &RPCError{Code: codeInternalError, Message: err.Error()}
	}
	return found, nil
}

func renderLog(found *blockLogs, i int) ethLog {
	log := &found.logs[i]
	topics := make([]hexBytes, len(log.Topics))
	for t, topic := range log.Topics {
		topics[t] = topic[:]
	}
	return ethLog{
		Address: log.Address[:], Topics: topics, Data: log.Data,
		BlockNumber: quantity(found.block.Number), BlockHash: found.block.Hash,
		TransactionHash: log.Transaction[:], TransactionIndex: quantity(log.TransactionIndex), LogIndex: quantity(i),
	}
}
