package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// serveBare is the plainest server there is: net/http and one handler that writes the bytes of a file.
func serveBare(file, encoding string) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready http://%s\n", l.Addr())
	length := strconv.Itoa(len(body))
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", length)
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(body)
	}))
}

// load sends one request over and over on each of many connections and returns the answers per second.
//
// It speaks HTTP/1.1 by hand, because the standard client would cost more than the servers that are measured.
func load(target, path, encoding string, connections int, length time.Duration) (float64, error) {
	u, err := url.Parse(target)
	if err != nil {
		return 0, err
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer " + token + "\r\n"
	if encoding != "" {
		request += "Accept-Encoding: " + encoding + "\r\n"
	}
	request += "\r\n"
	var answers atomic.Int64
	var firstErr atomic.Pointer[error]
	var wg sync.WaitGroup
	begin := time.Now()
	end := begin.Add(length)
	for range connections {
		wg.Go(func() {
			if err := loadOne(u.Host, []byte(request), encoding, end, &answers); err != nil {
				firstErr.CompareAndSwap(nil, &err)
			}
		})
	}
	wg.Wait()
	if err := firstErr.Load(); err != nil {
		return 0, *err
	}
	return float64(answers.Load()) / time.Since(begin).Seconds(), nil
}

func loadOne(host string, request []byte, encoding string, end time.Time, answers *atomic.Int64) error {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(end.Add(5 * time.Second)); err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 64<<10)
	for time.Now().Before(end) {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := readAnswer(in, encoding); err != nil {
			return err
		}
		answers.Add(1)
	}
	return nil
}

func readAnswer(in *bufio.Reader, encoding string) error {
	length, encoded := -1, ""
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
				return fmt.Errorf("answer begins %q", line)
			}
			continue
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Content-Encoding")):
			encoded = string(value)
		}
	}
	if length < 0 || encoded != encoding {
		return fmt.Errorf("length %d, encoding %q instead of %q", length, encoded, encoding)
	}
	_, err := io.CopyN(io.Discard, in, int64(length))
	return err
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
