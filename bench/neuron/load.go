//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Bench is the message that is sent.
type Bench struct {
	synapse.Synapse
	Prompt string `synapse:"required,hash"`
	Count  int    `synapse:"hash"`
	Answer synapse.Optional[string]
}

// requests are signed requests of one connection: one text, in which the nonce
// and the signature change.
type requests struct {
	text       []byte
	nonces     []int // where they are in the text
	signatures []int
	first      int64
	signed     [][64]byte
}

// sign makes n requests, whose nonces begin now.
func sign(key *wallet.Keypair, receiver, id string, n int) (*requests, error) {
	m := &Bench{Prompt: "What is the answer to everything, and why does it's text have quotes?", Count: 42}
	m.Timeout = synapse.Some(60.0)
	m.Axon = synapse.TerminalInfo{IP: synapse.Some("127.0.0.1"), Port: synapse.Some(8091), Hotkey: synapse.Some(receiver)}
	r := &requests{first: time.Now().UnixNano()}
	m.Dendrite = synapse.TerminalInfo{
		IP: synapse.Some("198.51.100.7"), Version: synapse.Some(synapse.ProtocolVersion), Nonce: synapse.Some(r.first),
		UUID: synapse.Some(id), Hotkey: synapse.Some(key.Address()), Signature: synapse.Some(synapse.FormatSignature([64]byte{})),
	}
	prepared, err := synapse.Prepare(m)
	if err != nil {
		return nil, err
	}
	hash := prepared.BodyHash()
	headers, body, err := prepared.Request(m.Base())
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "POST /Bench HTTP/1.1\r\nHost: axon\r\n")
	for _, h := range headers {
		fmt.Fprintf(&text, "%s: %s\r\n", h.Name, h.Value)
	}
	fmt.Fprintf(&text, "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: Python/3.11 aiohttp/3.13.5\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s", len(body), body)
	r.text = text.Bytes()
	r.nonces = find(r.text, strconv.FormatInt(r.first, 10))
	r.signatures = find(r.text, m.Dendrite.Signature.Value)
	for i := range n {
		d := m.Dendrite
		d.Nonce.Value = r.first + int64(i)
		r.signed = append(r.signed, key.Sign(synapse.RequestMessage(d, receiver, synapse.Some(hash))))
	}
	return r, nil
}

func find(text []byte, part string) (at []int) {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(part))
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(part)
	}
}

// next returns the request with a number.
func (r *requests) next(i int) []byte {
	nonce := strconv.FormatInt(r.first+int64(i), 10)
	for _, at := range r.nonces {
		copy(r.text[at:], nonce)
	}
	signature := synapse.FormatSignature(r.signed[i])
	for _, at := range r.signatures {
		copy(r.text[at:], signature)
	}
	return r.text
}

// load is what a measurement found.
type load struct {
	requests  int
	perSecond float64
	p50, p99  time.Duration
	// cpu is the processor time that the server used for a request. It says what a processor allows when others use it too.
	cpu time.Duration
}

// send sends requests over many connections, one at a time over each, for a
// round or until they are used up.
func send(address string, round time.Duration, all []*requests) (load, error) {
	var (
		mu        sync.Mutex
		latencies []time.Duration
		failure   error
		wg        sync.WaitGroup
	)
	start := time.Now()
	end := start.Add(round)
	for _, r := range all {
		wg.Go(func() {
			mine, err := sendOver(address, end, r)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, mine...)
			failure = errors.Join(failure, err)
		})
	}
	wg.Wait()
	took := time.Since(start)
	if failure != nil {
		return load{}, failure
	}
	slices.Sort(latencies)
	at := func(q float64) time.Duration { return latencies[min(int(q*float64(len(latencies))), len(latencies)-1)] }
	return load{requests: len(latencies), perSecond: float64(len(latencies)) / took.Seconds(), p50: at(0.5), p99: at(0.99)}, nil
}

func sendOver(address string, end time.Time, r *requests) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 8<<10)
	var latencies []time.Duration
	for i := range r.signed {
		began := time.Now()
		if began.After(end) {
			break
		}
		if _, err := conn.Write(r.next(i)); err != nil {
			return nil, err
		}
		if err := readAnswer(reader); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(began))
	}
	return latencies, nil
}

// readAnswer reads an answer and fails unless it is a success.
func readAnswer(reader *bufio.Reader) error {
	status, err := reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		rest, _ := reader.Peek(reader.Buffered())
		return fmt.Errorf("%s%s", status, rest)
	}
	length := 0
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > 16 && strings.EqualFold(string(line[:15]), "content-length:") {
			if length, err = strconv.Atoi(strings.TrimSpace(string(line[15:]))); err != nil {
				return err
			}
		}
	}
	_, err = reader.Discard(length)
	return err
}

// echo posts bytes again and again for a round, over a few connections, and
// returns how many times a second they came back.
func echo(url string, round time.Duration, prepare func(*http.Request) []byte, connections int) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var (
		mu      sync.Mutex
		done    int
		failure error
		wg      sync.WaitGroup
	)
	start := time.Now()
	for range connections {
		wg.Go(func() {
			n := 0
			var err error
			for time.Since(start) < round && err == nil {
				if err = echoOnce(client, url, prepare); err == nil {
					n++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done += n
			failure = errors.Join(failure, err)
		})
	}
	wg.Wait()
	return float64(done) / time.Since(start).Seconds(), failure
}

func echoOnce(client *http.Client, url string, prepare func(*http.Request) []byte) error {
	request, err := http.NewRequest(http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	body := prepare(request)
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || n < int64(len(body))/2) {
		err = fmt.Errorf("status %d, %d bytes", response.StatusCode, n)
	}
	return err
}
