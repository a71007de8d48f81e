package evm

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vector is a log and what web3.py decodes it to (testdata/make.py).
type vector struct {
	ABI  pylon.ABIEntry  `json:"abi"`
	Log  json.RawMessage `json:"log"`
	Args json.RawMessage `json:"args"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(text, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

func compact(t testing.TB, text []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out.String()
}

// canonical keeps integers exact and orders keys, so that two texts of one value are equal.
func canonical(t testing.TB, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestDecodeAsWeb3(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		es, err := parseEvents([]pylon.ABIEntry{v.ABI})
		if err != nil {
			t.Fatal(err)
		}
		var raw rawLog
		if err := json.Unmarshal(v.Log, &raw); err != nil {
			t.Fatal(err)
		}
		log, ok := es.decode(raw)
		if !ok {
			t.Errorf("%s does not decode", v.ABI["name"])
			continue
		}
		if diff := cmp.Diff(canonical(t, v.Args), canonical(t, log.Args)); diff != "" {
			t.Errorf("%s (-web3.py +ours):\n%s", v.ABI["name"], diff)
		}
		if got := compact(t, log.Args); got != string(log.Args) {
			t.Errorf("%s is not compact: %s", v.ABI["name"], log.Args)
		}
		if log.Address != "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" {
			t.Errorf("address %s has not the checksum of EIP-55", log.Address)
		}
	}
}

func TestForeignLogsAreLeftOut(t *testing.T) {
	t.Parallel()
	v := vectors(t)[0]
	es, err := parseEvents([]pylon.ABIEntry{v.ABI})
	if err != nil {
		t.Fatal(err)
	}
	var good rawLog
	if err := json.Unmarshal(v.Log, &good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*rawLog){
		"no topics":       func(l *rawLog) { l.Topics = nil },
		"unknown event":   func(l *rawLog) { l.Topics = append([]common.Hash{{1}}, l.Topics[1:]...) },
		"a topic missing": func(l *rawLog) { l.Topics = l.Topics[:2] },
		"a topic too many": func(l *rawLog) {
			l.Topics = append(append([]common.Hash{}, l.Topics...), common.Hash{})
		},
		"short data": func(l *rawLog) { l.Data = l.Data[:31] },
		"no data":    func(l *rawLog) { l.Data = nil },
	} {
		log := good
		change(&log)
		if _, ok := es.decode(log); ok {
			t.Errorf("%s: decoded", name)
		}
	}
}

// A thousand offsets that all name the same bytes must not become a thousand copies.
func TestOverlappingOffsetsAreRefused(t *testing.T) {
	t.Parallel()
	entry := pylon.ABIEntry{
		"type": json.RawMessage(`"event"`), "name": json.RawMessage(`"E"`),
		"inputs": json.RawMessage(`[{"name":"a","type":"string[]","indexed":false}]`),
	}
	es, err := parseEvents([]pylon.ABIEntry{entry})
	if err != nil {
		t.Fatal(err)
	}
	word := func(n int) []byte { return common.LeftPadBytes(big.NewInt(int64(n)).Bytes(), 32) }
	const offsets = 1000
	data := append(word(32), word(offsets)...)
	for range offsets {
		data = append(data, word(offsets*32)...)
	}
	data = append(data, word(32_000)...)
	data = append(data, bytes.Repeat([]byte("x"), 32_000)...)
	for id, e := range es {
		if _, err := e.data.Unpack(data); err != nil {
			t.Fatalf("the attack is not one: %v", err)
		}
		if _, ok := es.decode(rawLog{Topics: []common.Hash{id}, Data: data}); ok {
			t.Error("decoded")
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed":   true,
		"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed":     true,
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed":   true,
		"0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED":   true,
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD":   false, // one letter's case
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe":    false,
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed00": false,
		"": false,
		"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY": false,
	} {
		if _, ok := parseAddress(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

// fakeNode answers eth_blockNumber and eth_getLogs for one log a block.
type fakeNode struct {
	head     uint64
	maxRange uint64
	refusal  string
	mu       sync.Mutex
	asked    [][2]uint64 // guarded by mu
	logs     func(block uint64) json.RawMessage
}

func (f *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req struct {
		ID     json.RawMessage
		Method string
		Params []struct{ FromBlock, ToBlock hexutil.Uint64 }
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	if req.Method == "eth_blockNumber" {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":"%s"}`, req.ID, hexutil.EncodeUint64(f.head))
		return
	}
	from, to := uint64(req.Params[0].FromBlock), uint64(req.Params[0].ToBlock)
	f.mu.Lock()
	f.asked = append(f.asked, [2]uint64{from, to})
	f.mu.Unlock()
	if f.refusal != "" && (f.maxRange == 0 || to-from+1 > f.maxRange) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":%q}}`, req.ID, f.refusal)
		return
	}
	var logs []json.RawMessage
	for b := from; b <= to; b++ {
		logs = append(logs, f.logs(b))
	}
	text, _ := json.Marshal(logs)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, req.ID, text)
}

func (f *fakeNode) ranges() [][2]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func numbered(t *testing.T) (entry pylon.ABIEntry, at func(uint64) json.RawMessage) {
	v := vectors(t)[0]
	return v.ABI, func(block uint64) json.RawMessage {
		var log map[string]any
		if err := json.Unmarshal(v.Log, &log); err != nil {
			panic(err)
		}
		log["blockNumber"] = hexutil.EncodeUint64(block)
		text, _ := json.Marshal(log)
		return text
	}
}

const contract = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"

func client(t *testing.T, main, archive http.Handler, routed *[]Routing) *Client {
	t.Helper()
	m, a := httptest.NewServer(main), httptest.NewServer(archive)
	t.Cleanup(m.Close)
	t.Cleanup(a.Close)
	c, err := New(Config{URL: m.URL, ArchiveURL: a.URL, ArchiveCutoff: 300, ObserveRouting: func(r Routing) {
		if routed != nil {
			*routed = append(*routed, r)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.main.web.CloseIdleConnections)
	return c
}

func blocks(logs *pylon.EVMLogs) (numbers []uint64) {
	for _, l := range logs.Logs {
		numbers = append(numbers, l.BlockNumber)
	}
	return numbers
}

func TestRouting(t *testing.T) {
	t.Parallel()
	entry, at := numbered(t)
	for _, c := range []struct {
		from, to      uint64
		want          Routing
		main, archive [][2]uint64
	}{
		{690, 700, RoutingArchive, nil, [][2]uint64{{690, 700}}},
		{701, 710, RoutingMain, [][2]uint64{{701, 710}}, nil},
		{698, 703, RoutingSplit, [][2]uint64{{701, 703}}, [][2]uint64{{698, 700}}},
		{702, 701, RoutingMain, nil, nil},
	} {
		main, archive := &fakeNode{head: 1000, logs: at}, &fakeNode{head: 1000, logs: at}
		var routed []Routing
		got, err := client(t, main, archive, &routed).Logs(t.Context(), contract, c.from, c.to, []pylon.ABIEntry{entry})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Routing{c.want}, routed); diff != "" {
			t.Errorf("%d-%d: %s", c.from, c.to, diff)
		}
		if diff := cmp.Diff(c.main, main.ranges()); diff != "" {
			t.Errorf("%d-%d main: %s", c.from, c.to, diff)
		}
		if diff := cmp.Diff(c.archive, archive.ranges()); diff != "" {
			t.Errorf("%d-%d archive: %s", c.from, c.to, diff)
		}
		var want []uint64
		for b := c.from; b <= c.to; b++ {
			want = append(want, b)
		}
		if diff := cmp.Diff(want, blocks(got)); diff != "" {
			t.Errorf("%d-%d: %s", c.from, c.to, diff)
		}
		if got.FromBlock != c.from || got.ToBlock != c.to {
			t.Errorf("%d-%d is echoed as %d-%d", c.from, c.to, got.FromBlock, got.ToBlock)
		}
	}
}

func TestRefusedRangeIsHalved(t *testing.T) {
	t.Parallel()
	entry, at := numbered(t)
	main := &fakeNode{head: 1000, logs: at, maxRange: 10, refusal: "query returned more than 10 results"}
	got, err := client(t, main, main, nil).Logs(t.Context(), contract, 901, 1000, []pylon.ABIEntry{entry})
	if err != nil {
		t.Fatal(err)
	}
	var want []uint64
	for b := uint64(901); b <= 1000; b++ {
		want = append(want, b)
	}
	if diff := cmp.Diff(want, blocks(got)); diff != "" {
		t.Error(diff)
	}
}

// What a node answers to one caller is bounded as a whole, in however many pieces it comes, and what it takes in memory is
// bounded by that.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	entry, at := numbered(t)
	with := func(node http.Handler, limit int64) error {
		server := httptest.NewServer(node)
		defer server.Close()
		c, err := New(Config{URL: server.URL, ArchiveURL: server.URL, ArchiveCutoff: 300, MaxAnswer: limit})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Logs(t.Context(), contract, 901, 1000, []pylon.ABIEntry{entry})
		return err
	}
	size := int64(len(at(1000))+64) * 100
	halving := func() *fakeNode {
		return &fakeNode{head: 1000, logs: at, maxRange: 10, refusal: "query returned more than 10 results"}
	}
	if err := with(halving(), 2*size); err != nil {
		t.Error(err)
	}
	if err := with(halving(), size/2); err == nil || !strings.Contains(err.Error(), "the answer is too large") {
		t.Errorf("half of them fit: %v", err)
	}
	node := halving()
	node.refusal = ""
	if err := with(node, size/2); err == nil || len(node.ranges()) != 1 {
		t.Errorf("a range that does not fit is asked for %d times: %v", len(node.ranges()), err)
	}
	node.logs = func(uint64) json.RawMessage { return json.RawMessage("{}") }
	if err := with(node, size); err == nil || !strings.Contains(err.Error(), "unexpected form") {
		t.Errorf("logs of nothing: %v", err)
	}
}

// A node that answers another question than the one asked is wrong, and not believed.
func TestLogsOfAnotherQuestion(t *testing.T) {
	t.Parallel()
	entry, at := numbered(t)
	for name, wrong := range map[string]func(uint64) json.RawMessage{
		"a block before":   func(uint64) json.RawMessage { return at(900) },
		"a block after":    func(uint64) json.RawMessage { return at(1001) },
		"another contract": func(n uint64) json.RawMessage { return bytes.Replace(at(n), []byte("0x5aaeb6"), []byte("0x5aaeb7"), 1) },
	} {
		node := &fakeNode{head: 1000, logs: wrong}
		if got, err := client(t, node, node, nil).Logs(t.Context(), contract, 901, 1000, []pylon.ABIEntry{entry}); err == nil {
			t.Errorf("%s: %d logs", name, len(got.Logs))
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	entry, at := numbered(t)
	good := &fakeNode{head: 1000, logs: at}
	nameless := pylon.ABIEntry{"type": json.RawMessage(`"event"`), "inputs": json.RawMessage(`[]`)}
	odd := pylon.ABIEntry{"type": json.RawMessage(`"event"`), "name": json.RawMessage(`"E"`), "inputs": json.RawMessage(`[{"name":"a","type":"notatype"}]`)}
	huge := pylon.ABIEntry{
		"type": json.RawMessage(`"event"`), "name": json.RawMessage(`"E"`),
		"inputs": json.RawMessage(`[{"name":"a","type":"tuple","components":[{"name":"b","type":"uint256[2147483647][2147483647][2147483647]"}]}]`),
	}
	for _, c := range []struct {
		name    string
		node    http.Handler
		address string
		abi     []pylon.ABIEntry
		kind    problem.Kind
		detail  string
	}{
		{"address", good, "0x12", []pylon.ABIEntry{entry}, problem.Invalid, "Invalid contract address: 0x12"},
		{"no name", good, contract, []pylon.ABIEntry{nameless}, problem.Unprocessable, "Malformed ABI event entry: 'name'"},
		{"bad type", good, contract, []pylon.ABIEntry{odd}, problem.Unprocessable, "Malformed ABI event entry: "},
		{"huge type", good, contract, []pylon.ABIEntry{huge}, problem.Unprocessable, "Malformed ABI event entry: "},
		{"refusal", &fakeNode{head: 1000, logs: at, refusal: "the database is on fire"}, contract, []pylon.ABIEntry{entry}, problem.Unavailable, "the database is on fire"},
		{"garbage", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), contract, []pylon.ABIEntry{entry}, problem.Unavailable, "get_current_block failed on http://127.0.0.1:"},
		{"status", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusServiceUnavailable) }), contract, []pylon.ABIEntry{entry}, problem.Unavailable, "HTTP status 503"},
	} {
		_, err := client(t, c.node, c.node, nil).Logs(t.Context(), c.address, 990, 1000, c.abi)
		var p *problem.Error
		if !errors.As(err, &p) || p.Kind != c.kind || !strings.Contains(p.Detail, c.detail) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if logs, err := client(t, good, good, nil).Logs(t.Context(), contract, 990, 1000, nil); err != nil || len(logs.Logs) != 0 || logs.Logs == nil {
		t.Errorf("an empty ABI: %v, %v", logs, err)
	}
}

// Credentials of a node's address are shown to nobody, and a caller who leaves stops the question.
func TestSecretsAndCancel(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(hang)
	address := strings.Replace(server.URL, "http://", "http://user:hunter2@", 1) + "/?key=hunter2"
	c, err := New(Config{URL: address, ArchiveURL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.main.web.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Logs(ctx, contract, 1, 2, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	closed := strings.Replace("http://127.0.0.1:1", "http://", "http://user:hunter2@", 1) + "/?key=hunter2"
	c, err = New(Config{URL: closed, ArchiveURL: closed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Logs(t.Context(), contract, 1, 2, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("refused connection: %v", err)
	}
	if _, err := New(Config{URL: "ftp://user:hunter2@x", ArchiveURL: closed}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("bad address: %v", err)
	}
}

// Whatever the data, decoding neither panics nor grows beyond a small multiple of it.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		inputs, _ := json.Marshal([]pylon.ABIEntry{v.ABI})
		var raw struct{ Data string }
		_ = json.Unmarshal(v.Log, &raw)
		data, _ := hex.DecodeString(strings.TrimPrefix(raw.Data, "0x"))
		f.Add(string(inputs), data)
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		if len(text) > 4096 || len(data) > 16384 {
			return
		}
		var entries []pylon.ABIEntry
		if json.Unmarshal([]byte(text), &entries) != nil {
			return
		}
		es, err := parseEvents(entries)
		if err != nil {
			return
		}
		for id, e := range es {
			topics := []common.Hash{id}
			for _, in := range e.inputs {
				if in.Indexed {
					topics = append(topics, common.Hash{})
				}
			}
			log, ok := es.decode(rawLog{Topics: topics, Data: data})
			if ok && !json.Valid(log.Args) {
				t.Errorf("not JSON: %s", log.Args)
			}
		}
	})
}
