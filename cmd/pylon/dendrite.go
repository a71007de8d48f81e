package main

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

type dendriteCallCommand struct {
	neuronKey
	Target     string        `arg:"" help:"Address of the axon: 203.0.113.7:8091 or [2001:db8::1]:8091."`
	AxonHotkey string        `required:"" placeholder:"SS58" help:"Hotkey of the axon, which the message is signed for."`
	Message    string        `default:"Synapse" help:"Name of the message's class."`
	Fields     []string      `name:"field" sep:"none" placeholder:"NAME=JSON" help:"A field of the message, such as 'text=\"hello\"'. May be given many times."`
	Hash       []string      `placeholder:"NAME" help:"The fields that the class hashes (required_hash_fields), in its order. Defaults to none."`
	Timeout    time.Duration `default:"12s" help:"Time for the call, which the axon is told too."`
}

// Help is shown by --help.
func (*dendriteCallCommand) Help() string {
	return `Without --message it is a ping, which every axon answers. The exit code is 1 unless the answer is 200.`
}

// Validate is called by the parser.
func (c *dendriteCallCommand) Validate() error {
	if _, err := netip.ParseAddrPort(c.Target); err != nil {
		return errors.New("the target is an IP address and a port, such as 203.0.113.7:8091")
	}
	if c.Message == "" || strings.ContainsAny(c.Message, "/?#% ") {
		return errors.New("--message is the name of a class")
	}
	if c.Timeout <= 0 {
		return errors.New("--timeout must be above 0")
	}
	return nil
}

// Run sends the message and prints the answer.
func (c *dendriteCallCommand) Run(ctx context.Context, p process) error {
	key, err := c.open(p)
	if err != nil {
		return err
	}
	fields, err := readFields(c.Fields)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	request, err := c.request(ctx, key, fields)
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	start := time.Now()
	response, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("no answer after %.3f s: %w", time.Since(start).Seconds(), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, echoBody))
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	printAnswer(p.stdout, response, body, time.Since(start))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the axon answered %d", response.StatusCode)
	}
	return nil
}

// field is a field of the message, as it is sent.
type field struct {
	name string
	json json.RawMessage
}

func readFields(texts []string) ([]field, error) {
	fields := make([]field, 0, len(texts))
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("--field %q is not NAME=JSON; a text needs its quotation marks: 'text=\"hello\"'", text)
		}
		fields = append(fields, field{name, json.RawMessage(value)})
	}
	return fields, nil
}

// hashed is a message of one field, which has Python's text of it.
type hashed struct {
	synapse.Synapse
	Value any `synapse:"hash"`
}

// bodyHash is the hash over some of the fields.
func bodyHash(fields []field, names []string) (string, error) {
	if len(names) == 0 {
		return synapse.EmptyBodyHash, nil
	}
	var hashes []byte
	for _, name := range names {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return "", fmt.Errorf("%w: --hash names %q, which no --field has", errUsage, name)
		}
		m := new(hashed)
		if err := synapse.Decode(slices.Concat([]byte(`{"value":`), fields[i].json, []byte(`}`)), m); err != nil {
			return "", err
		}
		text, err := synapse.FieldText(m, "value")
		if err != nil {
			return "", err
		}
		sum := sha3.Sum256([]byte(text))
		hashes = hex.AppendEncode(hashes, sum[:])
	}
	sum := sha3.Sum256(hashes)
	return hex.EncodeToString(sum[:]), nil
}

// request signs the message.
func (c *dendriteCallCommand) request(ctx context.Context, key *wallet.Keypair, fields []field) (*http.Request, error) {
	at, err := netip.ParseAddrPort(c.Target)
	if err != nil {
		return nil, err
	}
	hash, err := bodyHash(fields, c.Hash)
	if err != nil {
		return nil, err
	}
	m := synapse.New[synapse.Synapse]()
	m.Timeout = synapse.Some(c.Timeout.Seconds())
	m.Axon = synapse.TerminalInfo{IP: synapse.Some(at.Addr().String()), Port: synapse.Some(int(at.Port())), Hotkey: synapse.Some(c.AxonHotkey)}
	m.Dendrite = synapse.TerminalInfo{
		Version: synapse.Some(synapse.ProtocolVersion), Nonce: synapse.Some(time.Now().UnixNano()), UUID: synapse.Some("pylon-" + strconv.Itoa(os.Getpid())),
		Hotkey: synapse.Some(key.Address()),
	}
	m.Dendrite.Signature = synapse.Some(synapse.FormatSignature(key.Sign(synapse.RequestMessage(m.Dendrite, c.AxonHotkey, synapse.Some(hash)))))
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		return nil, err
	}
	text, err := synapse.AppendRequest(nil, m)
	if err != nil {
		return nil, err
	}
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, err
	}
	body["name"] = quoted(c.Message)
	for _, f := range fields {
		body[f.name] = f.json
	}
	if text, err = json.Marshal(body); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.String()+"/"+c.Message, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		request.Header[h.Name] = []string{h.Value} // in lower case, as Python sends them
	}
	request.Header["name"], request.Header["computed_body_hash"] = []string{c.Message}, []string{hash}
	for _, f := range fields {
		if empty := emptyValue(f.json); empty != "" {
			request.Header["bt_header_input_obj_"+f.name] = []string{base64.StdEncoding.EncodeToString([]byte(empty))}
		}
	}
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// maxInput is how long a value in a header may be: servers allow about 8 KiB for a line.
const maxInput = 4096

// emptyValue is what a header carries in the place of a required field: an empty value of its type.
func emptyValue(value json.RawMessage) string {
	text := string(bytes.TrimSpace(value))
	switch text[0] {
	case '"':
		return `""`
	case '[':
		return "[]"
	case '{':
		// A nested model may have required fields of its own, which an empty one lacks.
		// An axon takes any value that fits.
		if len(text) <= maxInput {
			return text
		}
		return "{}"
	case 't', 'f':
		return "false"
	case 'n':
		return "" // a required field that is None has no header
	}
	if strings.ContainsAny(text, ".eE") {
		return "0.0"
	}
	return "0"
}

// printAnswer prints the status, the headers of the protocol and the body, quoted where they could disturb a terminal.
func printAnswer(w io.Writer, response *http.Response, body []byte, took time.Duration) {
	fmt.Fprintf(w, "%d in %.3f s, %d bytes\n", response.StatusCode, took.Seconds(), len(body))
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "bt_header_") || lower == "name" || lower == "timeout" || lower == "computed_body_hash" {
			fmt.Fprintf(w, "  %s: %s\n", strings.Map(printable, lower), strings.Map(printable, strings.Join(response.Header[name], ", ")))
		}
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") != nil {
		fmt.Fprintf(w, "%q\n", body)
		return
	}
	fmt.Fprintln(w, strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '?'
		}
		return r
	}, pretty.String()))
}
