package server

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
)

// net/http answers requests that it can not read by itself; no handler ever sees them. These answers become the JSON that
// every error of the contract is.

// refusalHeaders are the only headers of such an answer. No handler's answer has them right after its status line.
const refusalHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// refusal returns what is written instead of b when b is such an answer. They are short and written at once.
func refusal(b []byte) ([]byte, bool) {
	const version = "HTTP/1.1 "
	if len(b) > 512 || len(b) < len(version)+3 || string(b[:len(version)]) != version {
		return nil, false
	}
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if !bytes.HasPrefix(rest, []byte(refusalHeaders[2:])) {
		return nil, false
	}
	status, err := strconv.Atoi(string(b[len(version) : len(version)+3]))
	if err != nil {
		return nil, false
	}
	detail := http.StatusText(status)
	if bytes.Contains(line, []byte("Host header")) {
		detail = "Invalid host header"
	}
	return rawAnswer(status, detail, ""), true
}

// overloaded is the answer to a connection that there is no room for.
var overloaded = rawAnswer(http.StatusServiceUnavailable, "Too many connections. Try again later.", "Retry-After: 1\r\n")

// rawAnswer is an answer without net/http, after which the connection is closed.
func rawAnswer(status int, detail, headers string) []byte {
	body := problemAnswer{status: status, detail: detail}.body()
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), headers, body)
}
