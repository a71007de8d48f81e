package substrate

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// BenchmarkStateCall reads answers of several sizes. "x-bare" is the ratio to writing the same request to a bare
// WebSocket and reading the same answer from it, without looking at it.
func BenchmarkStateCall(b *testing.B) {
	for _, size := range []int{32, 64 << 10, 1 << 20} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			node := newScripted(b, "a", 10)
			node.reply("state_call", json.RawMessage(`"0x`+strings.Repeat("ab", size)+`"`))
			server := httptest.NewServer(node)
			b.Cleanup(func() {
				node.drop()
				server.Close()
			})
			url := strings.Replace(server.URL, "http", "ws", 1)
			bare := bareCall(b, url)
			c, err := New(Config{Nodes: []string{url}})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = c.Close() })
			b.SetBytes(int64(2 * size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.StateCall(b.Context(), Hash{1}, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(bare), "x-bare")
		})
	}
}

// bareCall returns the time for a call by hand.
func bareCall(b *testing.B, url string) time.Duration {
	b.Helper()
	ws, _, err := websocket.Dial(b.Context(), url, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(64 << 20)
	request := []byte(`{"jsonrpc":"2.0","id":1,"method":"state_call","params":["NeuronInfoRuntimeApi_get_neurons_lite","0x0100","` + Hash{1}.String() + `"]}`)
	const n = 300
	began := time.Now()
	for range n {
		if err := ws.Write(b.Context(), websocket.MessageText, request); err != nil {
			b.Fatal(err)
		}
		if _, _, err := ws.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / n
}
