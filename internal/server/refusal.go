package server

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// jsonRefusals makes the answers of net/http to requests that it can not read, which no handler ever sees, the JSON
// that every error of the contract is.
type jsonRefusals struct{ net.Listener }

func (l jsonRefusals) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return refusingConn{tcp}, err
	}
	return conn, err
}

// refusingConn keeps all that net/http knows to do with a TCP connection.
type refusingConn struct{ *net.TCPConn }

func (c refusingConn) Write(b []byte) (int, error) {
	answer, ok := refusal(b)
	if !ok {
		return c.TCPConn.Write(b)
	}
	if _, err := c.TCPConn.Write(answer); err != nil {
		return 0, err
	}
	return len(b), nil
}

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
	body := problemAnswer{status: status, detail: detail}.body()
	return fmt.Appendf(nil, "%s%d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		version, status, http.StatusText(status), len(body), body), true
}
