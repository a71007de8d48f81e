package substrate

import (
	"slices"
	"strings"
)

// classification is a row of the table that turns a node's error into a Kind. A row matches when the code is one of its
// codes (no codes: any) and every text is somewhere in the message or the data (no texts: any).
type classification struct {
	kind  Kind
	codes []int
	texts []string
}

// classifications is read from the top; what no row matches is KindUnknown. Texts stand before codes: nodes of different
// age, proxies and the subnet RPC methods (code 1) give the same trouble with different codes, and code 4003 means no
// more than "the client said no". Codes of jsonrpsee are those of its ErrorCode.
var classifications = []classification{
	// The author methods, whose codes nothing else has: refusal.go says which of them means what.
	{kind: KindRefused, codes: []int{1001, 1002, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1018, 1019, 1020, 1021}},
	{kind: KindMethodMissing, texts: []string{"Exported method", "is not found"}},
	{kind: KindMethodMissing, texts: []string{"Function to start was not found"}}, // of smoldot, so of chopsticks
	{kind: KindStateDiscarded, texts: []string{"State already discarded"}},
	{kind: KindStateDiscarded, texts: []string{"state has been pruned"}},
	{kind: KindUnknownBlock, texts: []string{"Header was not found"}},
	{kind: KindUnknownBlock, texts: []string{"Expect header"}},
	{kind: KindUnknownBlock, texts: []string{"UnknownBlock"}},
	{kind: KindUnknownBlock, texts: []string{"unknown Block"}},
	{kind: KindUnknownBlock, texts: []string{"Unknown block"}},
	// A runtime that trapped. It would do so on every node, so it is not the node that lacks the block.
	{kind: KindNode, texts: []string{"Execution failed"}},
	{kind: KindNode, texts: []string{"Execution aborted"}},
	{kind: KindTooLarge, texts: []string{"Response is too big"}},
	{kind: KindTooLarge, codes: []int{-32008}},
	{kind: KindUnknownBlock, codes: []int{4003}},
	{kind: KindInvalidParams, codes: []int{3001, 4001, 4002, -32602}},
	{kind: KindRPCMethodMissing, codes: []int{-32601}},
	{kind: KindRPCMethodMissing, texts: []string{"Method not found"}},
	{kind: KindInvalidParams, texts: []string{"Invalid params"}},
	// 1: the subnet RPC methods; -32006: too many subscriptions; -32009 and -32999: the node is busy or limits the rate of calls; -32600 and -32700: it
	// says that it did not understand a request that is always formed in the same way.
	{kind: KindNode, codes: []int{1, -32000, -32001, -32006, -32009, -32600, -32603, -32700, -32999}},
}

// classify returns the kind of an error that a node answered.
func classify(code int, message, data string) Kind {
	for _, row := range classifications {
		if len(row.codes) > 0 && !slices.Contains(row.codes, code) {
			continue
		}
		if !slices.ContainsFunc(row.texts, func(text string) bool {
			return !strings.Contains(message, text) && !strings.Contains(data, text)
		}) {
			return row.kind
		}
	}
	return KindUnknown
}
