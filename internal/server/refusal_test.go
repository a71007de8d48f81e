package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Conformance 5 for requests that reach no handler.
func TestConformance005WhatCannotBeReadIsRefusedInJSON(t *testing.T) {
	t.Parallel()
	address := serve(t, newFixture(t, nil))
	for _, test := range []struct {
		request, body string
		status        int
	}{
		{"GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", `{"status_code":400,"detail":"Invalid host header"}`, 400},
		{"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", `{"status_code":400,"detail":"Invalid host header"}`, 400},
		{"GET /nope HTTP/1.1\r\nHost: é\r\n\r\n", `{"status_code":400,"detail":"Invalid host header"}`, 400},
		{"GET /health HTTP/1.1\r\n\r\n", `{"status_code":400,"detail":"Invalid host header"}`, 400},
		{"nonsense\r\n\r\n", `{"status_code":400,"detail":"Bad Request"}`, 400},
		{"GET /health HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", `{"status_code":400,"detail":"Bad Request"}`, 400},
		{"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip\r\n\r\n", `{"status_code":501,"detail":"Not Implemented"}`, 501},
		{"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", maxHeaderBytes+8192) + "\r\n\r\n", `{"status_code":431,"detail":"Request Header Fields Too Large"}`, 431},
		{"GET /health HTTP/3.0\r\nHost: a\r\n\r\n", `{"status_code":505,"detail":"HTTP Version Not Supported"}`, 505},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, test.request); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", clip(test.request, 80), err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != test.status || string(body) != test.body || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %d %s %v, want %d %s", clip(test.request, 80), answer.StatusCode, body, err, test.status, test.body)
		}
		_ = conn.Close()
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte("HTTP/1.1 400 Bad Request: malformed Host header" + refusalHeaders + "400 Bad Request: malformed Host header"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if answer, ok := refusal(b); ok && !strings.Contains(string(b), refusalHeaders) {
			t.Fatalf("%q became %q", b, answer)
		}
	})
}
