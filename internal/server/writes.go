package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	keyHeader = "Idempotency-Key"
	// intentHeader names the intent of an answer, also where the body of the contract has no place for it.
	intentHeader = "X-Pylon-Intent"
	longestKey   = 255
	// waitReserve is what is left of a request's time to answer after a wait.
	waitReserve = 200 * time.Millisecond
	// mostWaiters bounds how many requests wait for intents. Others get their answer at once.
	mostWaiters = 1024
)

// idempotencyKey returns the key that the request has, empty for none.
func (x *exchange) idempotencyKey() (string, error) {
	values := x.request.Header[keyHeader]
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	strange := func(r rune) bool { return r < ' ' || r > '~' }
	if len(values) > 1 || key == "" || len(key) > longestKey || strings.ContainsFunc(key, strange) {
		return "", problem.New(problem.Invalid, "Invalid "+keyHeader+" header: it must be one text of 1 to 255 printable ASCII characters")
	}
	return key, nil
}

func (x *exchange) nameIntent(intent pylon.Intent) {
	if intent.ID != "" {
		x.writer.Header()[intentHeader] = []string{intent.ID}
	}
}

// writeValue answers with a value in its JSON form.
func (x *exchange) writeValue(status int, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	x.writeJSON(status, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return nil
}

// missed returns nil for an intent that is on its way or has succeeded, else the problem that it has ended with.
func missed(intent pylon.Intent) error {
	if !intent.State.Ended() || intent.State.Succeeded() {
		return nil
	}
	why := string(intent.State)
	for _, text := range []string{string(intent.Reason), intent.LastError, intent.Detail} {
		if text != "" {
			why = text
		}
	}
	if intent.State == pylon.StateCancelled {
		return problem.New(problem.Conflict, why)
	}
	return problem.New(problem.Unavailable, why)
}

// finished is what is left to do with an intent that its writer has waited for.
func (x *exchange) finished(ctx context.Context, intent pylon.Intent, err error) error {
	x.nameIntent(intent)
	if err != nil {
		if errors.Is(err, context.Canceled) && problem.KindOf(context.Cause(ctx)) == problem.NotReady {
			return context.Cause(ctx)
		}
		return err
	}
	return missed(intent)
}

// onlyIn returns the intent where the answer's body names it.
func onlyIn(named bool, intent pylon.Intent) *pylon.Intent {
	if !named {
		return nil
	}
	return &intent
}

// stopping is the context that ends when the server begins to stop.
func (x *exchange) stopping() context.Context {
	if ctx, ok := x.request.Context().Value(stoppingKey{}).(context.Context); ok {
		return ctx
	}
	return context.Background()
}

// patience is the context of a write that waits for the chain: it ends with the request, or when the server begins to
// stop, since what was begun goes on after the next start.
func (x *exchange) patience() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(x.ctx)
	watching := context.AfterFunc(x.stopping(), func() { cancel(errStopping()) })
	return ctx, func() {
		watching()
		cancel(context.Canceled)
	}
}

func errStopping() error {
	return problem.New(problem.NotReady, "The service is stopping. What has been begun goes on when it starts again.")
}

// The query parameters of writes.
var (
	waitParameter = parameter{
		name: "wait", values: []string{string(pylon.WaitIncluded), string(pylon.WaitFinalized), string(pylon.WaitRevealed)},
		about: "Hold the answer until the intent has come that far. 200 says that it has, 202 that the time of the request is " +
			"over before it has; then the intent goes on. An intent that has ended otherwise is 502, or 409 when it was cancelled.",
	}
	dryRunParameter = parameter{
		name: "dry_run", flag: true,
		about: "Send and record nothing. The answer says what would be sent, and whether the chain would take it.",
	}
)

// writeOptions are what the query of a write says.
type writeOptions struct {
	wait   pylon.WaitFor
	dryRun bool
}

// readWriteOptions is stricter than the queries of reads: what cannot be read, or says two things, could have meant a dry
// run.
func (x *exchange) readWriteOptions(wrong *[]problem.Field) (options writeOptions) {
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		*wrong = append(*wrong, problem.Field{Message: "Malformed query", Source: "query"})
	}
	for _, p := range []parameter{waitParameter, dryRunParameter} {
		if len(query[p.name]) > 1 {
			*wrong = append(*wrong, problem.Field{Message: "Expected one value", Key: p.name, Source: "query"})
		}
	}
	if values := query[waitParameter.name]; len(values) > 0 {
		var text string
		text, *wrong = waitParameter.readWord(values[0], *wrong)
		options.wait = pylon.WaitFor(text)
	}
	if values := query[dryRunParameter.name]; len(values) > 0 {
		options.dryRun, *wrong = dryRunParameter.readFlag(values[0], *wrong)
	}
	return options
}

// beginWrite reads the body and the key of a write that has no dry run: a request for one must not be taken for the
// real thing.
func (x *exchange) beginWrite(model string) (*fields, string, error) {
	body, err := x.readFields(model)
	if err != nil {
		return nil, "", err
	}
	if x.readWriteOptions(&body.wrong).dryRun {
		return nil, "", problem.New(problem.Invalid, "There is no dry run of this. Nothing was done.")
	}
	key, err := x.idempotencyKey()
	return body, key, err
}

func (x *exchange) answerSetCommitmentV1() error { return x.setCommitment(false) }

func (x *exchange) answerSetCommitment() error { return x.setCommitment(true) }

func (x *exchange) setCommitment(named bool) error {
	body, key, err := x.beginWrite("SetCommitmentBody")
	if err != nil {
		return err
	}
	request := pylon.CommitmentRequest{Data: body.hex("commitment"), IdempotencyKey: key}
	if len(body.wrong) > 0 {
		return x.invalid(body.wrong...)
	}
	ctx, done := x.patience()
	defer done()
	intent, err := x.server.config.Writes.SetCommitment(ctx, x.identity.Name, request)
	if err := x.finished(ctx, intent, err); err != nil {
		return err
	}
	return x.writeValue(http.StatusCreated, writtenBody{Detail: "Commitment set successfully.", Intent: onlyIn(named, intent)})
}

// hex reads the member of that name as hexadecimal digits, with 0x or without.
func (f *fields) hex(key string) []byte {
	before := len(f.wrong)
	text := f.text(key, "Value error, commitment must be bytes or hex string")
	if len(f.wrong) > before {
		return nil
	}
	data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	switch {
	case err != nil:
		f.fail(key, "Value error, passed commitment data is not a valid hex string.")
	case len(data) == 0:
		f.fail(key, "Data should have at least 1 byte")
	}
	return data
}

// mostRevealBlocks is a year of blocks of 12 seconds.
const mostRevealBlocks = 2_628_000

func (x *exchange) answerSetRevealedCommitmentV1() error { return x.setRevealedCommitment(false) }

func (x *exchange) answerSetRevealedCommitment() error { return x.setRevealedCommitment(true) }

func (x *exchange) setRevealedCommitment(named bool) error {
	body, key, err := x.beginWrite("SetRevealedCommitmentBody")
	if err != nil {
		return err
	}
	request := pylon.RevealedCommitmentRequest{
		Text:              body.text("commitment", notText),
		BlocksUntilReveal: body.integer("blocks_until_reveal", 0, mostRevealBlocks),
		IdempotencyKey:    key,
	}
	if len(body.wrong) > 0 {
		return x.invalid(body.wrong...)
	}
	ctx, done := x.patience()
	defer done()
	intent, err := x.server.config.Writes.SetRevealedCommitment(ctx, x.identity.Name, request)
	if err := x.finished(ctx, intent, err); err != nil {
		return err
	}
	return x.writeValue(http.StatusCreated, revealRoundBody{RevealRound: intent.RevealRound, Intent: onlyIn(named, intent)})
}

func (x *exchange) answerGenerateCertificateV1() error { return x.generateCertificate(false) }

func (x *exchange) answerGenerateCertificate() error { return x.generateCertificate(true) }

func (x *exchange) generateCertificate(named bool) error {
	body, key, err := x.beginWrite("GenerateCertificateKeypairBody")
	if err != nil {
		return err
	}
	if raw := body.members["algorithm"]; raw != nil {
		value, message := readInteger(raw)
		if message == "" && value != float64(pylon.AlgorithmEd25519) {
			message = "Value error, Currently, only algorithm equals 1 is supported which is EdDSA using Ed25519 curve"
		}
		if message != "" {
			return x.invalid(problem.Field{Key: "algorithm", Message: message})
		}
	}
	request := pylon.CertificateRequest{Algorithm: pylon.AlgorithmEd25519, IdempotencyKey: key}
	ctx, done := x.patience()
	defer done()
	pair, intent, err := x.server.config.Writes.GenerateCertificate(ctx, x.identity.Name, request)
	if intent.Reason == "not_registered" {
		x.nameIntent(intent)
		return problem.New(problem.Unavailable, "Could not generate certificate pair.")
	}
	if err := x.finished(ctx, intent, err); err != nil {
		return err
	}
	x.writer.Header()["Cache-Control"] = noStore
	return x.writeValue(http.StatusCreated, keyPairBody{CertificateKeyPair: pair, Intent: onlyIn(named, intent)})
}

func (x *exchange) answerServeAxon() error {
	body, key, err := x.beginWrite("ServeAxonBody")
	if err != nil {
		return err
	}
	request := pylon.AxonRequest{IP: body.address("ip"), Port: uint16(body.integer("port", 1, 65535)), Protocol: protocolHTTP, IdempotencyKey: key}
	if body.members["protocol"] != nil {
		request.Protocol = pylon.AxonProtocol(body.integer("protocol", 0, 255))
	}
	if len(body.wrong) > 0 {
		return x.invalid(body.wrong...)
	}
	ctx, done := x.patience()
	defer done()
	intent, err := x.server.config.Writes.ServeAxon(ctx, x.identity.Name, request)
	if err := x.finished(ctx, intent, err); err != nil {
		return err
	}
	return x.writeValue(http.StatusCreated, writtenBody{Detail: "Axon served successfully.", Intent: &intent})
}

// protocolHTTP is what neurons that speak the usual protocol say.
const protocolHTTP = 4

// address reads the member of that name as an IP address.
func (f *fields) address(key string) netip.Addr {
	before := len(f.wrong)
	text := f.text(key, notText)
	if len(f.wrong) > before {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		f.fail(key, "value is not a valid IPv4 or IPv6 address")
	}
	return address
}
