package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/bittensor-pylon/pylon/bench/internal/measure"
)

var cases = []struct {
	name string
	run  func(*bench) ([]row, error)
}{
	{"hot neurons", hotNeurons},
	{"cold read", coldRead},
	{"chain calls", chainCalls},
	{"start", startToAnswer},
	{"memory", memory},
	{"many subnets", manySubnets},
}

const latest = "/api/v1/subnet/1/block/latest/neurons"

// hotNeurons compares the hottest route with a bare handler that writes the same bytes, in alternating rounds.
func hotNeurons(b *bench) ([]row, error) {
	var rows []row
	for _, neurons := range []int{256, 1024} {
		_, s, err := b.startServing(neurons, 12*time.Second)
		if err != nil {
			return nil, err
		}
		for _, encoding := range []string{"", "gzip"} {
			header := map[string]string{"Accept-Encoding": "identity"}
			if encoding != "" {
				header["Accept-Encoding"] = encoding
			}
			body, err := fetch(s.url+latest, header)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(b.dir, "body"+strconv.Itoa(neurons)+encoding)
			if err := os.WriteFile(file, body, 0o600); err != nil {
				return nil, err
			}
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			bare, err := b.processes.StartReady(exec.Command(self, "-bare", file, "-encoding", encoding), readyWithin)
			if err != nil {
				return nil, err
			}
			var ours, theirs, ratios []float64
			for round := range 8 {
				a, err := load(s.url, latest, encoding, 64, b.round)
				if err != nil {
					return nil, err
				}
				z, err := load(bare, "/", encoding, 64, b.round)
				if err != nil {
					return nil, err
				}
				if round == 0 {
					continue // warms both up
				}
				ours, theirs, ratios = append(ours, a), append(theirs, z), append(ratios, a/z)
			}
			name := "plain"
			if encoding != "" {
				name = encoding
			}
			ratio := median(ratios)
			rows = append(rows, row{
				what:   fmt.Sprintf("hot `latest/neurons`, %d neurons, %s (%d bytes), 64 connections", neurons, name, len(body)),
				value:  fmt.Sprintf("%.0f/s", median(ours)),
				beside: fmt.Sprintf("bare handler %.0f/s, ratio %.2f", median(theirs), ratio),
				bar:    "ratio ≥ 0.8", met: ratio >= 0.8,
			})
		}
		b.processes.Stop()
	}
	return rows, nil
}

// node is a bare JSON-RPC client: what a read costs at the node itself.
type node struct {
	conn *websocket.Conn
	id   int
}

func (b *bench) dial(chain string) (*node, error) {
	conn, _, err := websocket.Dial(b.ctx, chain, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20)
	return &node{conn: conn}, nil
}

func (b *bench) call(n *node, method string, params ...any) (json.RawMessage, error) {
	n.id++
	if params == nil {
		params = []any{}
	}
	if err := wsjson.Write(b.ctx, n.conn, map[string]any{"jsonrpc": "2.0", "id": n.id, "method": method, "params": params}); err != nil {
		return nil, err
	}
	var answer struct{ Result, Error json.RawMessage }
	if err := wsjson.Read(b.ctx, n.conn, &answer); err != nil {
		return nil, err
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("%s: %s", method, answer.Error)
	}
	return answer.Result, nil
}

// coldRead measures a block that nobody has asked for yet, by number, against the two runtime calls it needs made
// directly and in sequence at the node.
func coldRead(b *bench) ([]row, error) {
	chain, s, err := b.startServing(256, 250*time.Millisecond)
	if err != nil {
		return nil, err
	}
	n, err := b.dial(chain)
	if err != nil {
		return nil, err
	}
	defer n.conn.CloseNow()
	time.Sleep(12 * time.Second) // some blocks to ask for
	var head struct{ Number string }
	raw, err := b.call(n, "chain_getHeader")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	top, err := strconv.ParseUint(head.Number, 0, 64)
	if err != nil {
		return nil, err
	}
	var ours, theirs, over []float64
	for number := uint64(2); number+2 < top && len(ours) < 40; number++ {
		begin := time.Now()
		if _, err := fetch(fmt.Sprintf("%s/api/v1/subnet/1/block/%d/neurons", s.url, number), nil); err != nil {
			return nil, err
		}
		a := time.Since(begin)
		begin = time.Now()
		hash, err := b.call(n, "chain_getBlockHash", number)
		if err != nil {
			return nil, err
		}
		for _, method := range []string{"NeuronInfoRuntimeApi_get_neurons_lite", "SubnetInfoRuntimeApi_get_subnet_state"} {
			if _, err := b.call(n, "state_call", method, "0x0100", hash); err != nil {
				return nil, err
			}
		}
		z := time.Since(begin)
		ours = append(ours, float64(a.Microseconds())/1000)
		theirs = append(theirs, float64(z.Microseconds())/1000)
		over = append(over, float64((a-z).Microseconds())/1000)
	}
	overhead := median(over)
	return []row{{
		what:   "cold read of 256 neurons at a block not asked for before, median",
		value:  fmt.Sprintf("%.1f ms", median(ours)),
		beside: fmt.Sprintf("the node's own answers %.1f ms, overhead %.1f ms", median(theirs), overhead),
		bar:    "overhead ≤ 5 ms", met: overhead <= 5,
	}}, nil
}

// chainCalls counts what the node is asked for per new block with one client and with 256.
func chainCalls(b *bench) ([]row, error) {
	perBlock := map[int]float64{}
	for _, clients := range []int{1, 256} {
		relay, err := newCountingRelay(b, 500*time.Millisecond)
		if err != nil {
			return nil, err
		}
		s, err := b.startService(relay.url)
		if err != nil {
			return nil, err
		}
		if _, err := s.wait(latest); err != nil {
			return nil, err
		}
		if _, err := load(s.url, latest, "", clients, time.Second); err != nil {
			return nil, err
		}
		calls, heads := relay.requests.Load(), relay.heads.Load()
		if _, err := load(s.url, latest, "", clients, 10*time.Second); err != nil {
			return nil, err
		}
		perBlock[clients] = float64(relay.requests.Load()-calls) / float64(max(relay.heads.Load()-heads, 1))
		relay.close()
		b.processes.Stop()
	}
	return []row{{
		what:   "chain calls per new block, one hot subnet",
		value:  fmt.Sprintf("%.1f with 256 clients", perBlock[256]),
		beside: fmt.Sprintf("%.1f with one client", perBlock[1]),
		bar:    "the same", met: perBlock[256] <= perBlock[1]+0.5,
	}}, nil
}

// startToAnswer is the time from starting the process to the first neurons, the chain being warm.
func startToAnswer(b *bench) ([]row, error) {
	chain, err := b.startChain(256, 12*time.Second)
	if err != nil {
		return nil, err
	}
	var times []float64
	for range 7 {
		s, err := b.startService(chain)
		if err != nil {
			return nil, err
		}
		if _, err := s.wait(latest); err != nil {
			return nil, err
		}
		times = append(times, float64(time.Since(s.started).Microseconds())/1000)
		_ = s.process.Process.Kill()
	}
	t := median(times)
	return []row{{
		what: "start of the process to its first 256 neurons, median", value: fmt.Sprintf("%.0f ms", t), beside: "—",
		bar: "≤ 150 ms", met: t <= 150,
	}}, nil
}

// memory is what the process holds after serving three subnets over several blocks.
func memory(b *bench) ([]row, error) {
	chain, err := b.startChain(256, time.Second)
	if err != nil {
		return nil, err
	}
	s, err := b.startService(chain)
	if err != nil {
		return nil, err
	}
	for _, netuid := range []int{1, 2, 3} {
		path := fmt.Sprintf("/api/v1/subnet/%d/block/latest/neurons", netuid)
		if _, err := s.wait(path); err != nil {
			return nil, err
		}
	}
	var mib float64
	for range 10 {
		for _, netuid := range []int{1, 2, 3} {
			for _, encoding := range []string{"", "gzip"} {
				path := fmt.Sprintf("/api/v1/subnet/%d/block/latest/neurons", netuid)
				if _, err := load(s.url, path, encoding, 8, 200*time.Millisecond); err != nil {
					return nil, err
				}
			}
		}
		now, err := measure.Memory(s.process.Process.Pid, measure.Resident)
		if err != nil {
			return nil, err
		}
		mib = max(mib, now)
	}
	return []row{{
		what: "resident memory after serving 3 subnets (highest seen)", value: fmt.Sprintf("%.0f MiB", mib), beside: "—",
		bar: "< 60 MiB", met: mib < 60,
	}}, nil
}
