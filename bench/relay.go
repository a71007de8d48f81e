package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// countingRelay stands between a service and a development chain and counts what passes: requests up, new heads down.
type countingRelay struct {
	url             string
	requests, heads atomic.Int64
	server          *http.Server
}

func newCountingRelay(b *bench, blockTime time.Duration) (*countingRelay, error) {
	chain, err := b.startChain(256, blockTime)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &countingRelay{url: "ws://" + l.Addr().String()}
	r.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		down, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer down.CloseNow()
		up, _, err := websocket.Dial(b.ctx, chain, nil)
		if err != nil {
			return
		}
		defer up.CloseNow()
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		go func() {
			defer cancel()
			pump(ctx, down, up, func([]byte) { r.requests.Add(1) })
		}()
		pump(ctx, up, down, func(frame []byte) {
			if bytes.Contains(frame[:min(len(frame), 200)], []byte(`chain_newHead`)) {
				r.heads.Add(1)
			}
		})
	})}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

func (r *countingRelay) close() { _ = r.server.Close() }

func pump(ctx context.Context, from, to *websocket.Conn, seen func([]byte)) {
	from.SetReadLimit(64 << 20)
	for {
		kind, frame, err := from.Read(ctx)
		if err != nil {
			return
		}
		seen(frame)
		if err := to.Write(ctx, kind, frame); err != nil {
			return
		}
	}
}
