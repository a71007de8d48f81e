package onchain_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/onchain"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// The code of docs/migration-from-sdk10.md.

type Translate struct {
	synapse.Synapse
	Text     string `synapse:"required,hash"`
	Language string `synapse:"hash"`
	Result   synapse.Optional[string]
}

func (t *Translate) SetDefaults() { t.Language = "de" }

func (t *Translate) Deserialize() string { return t.Result.Or("") }

func forward(ctx context.Context, m *Translate) error {
	m.Result = synapse.Some(m.Text + " in " + m.Language)
	return nil
}

func blacklist(ctx context.Context, m *Translate) (refuse bool, reason string) {
	caller, _ := axon.CallerFrom(ctx) // not m.Dendrite: this one is checked after Verify
	return caller.Hotkey == "", "who are you?"
}

func mine(ctx context.Context, own pylon.UnstableIdentity) error {
	hotkey, err := wallet.Wallet{Root: wallet.DefaultRoot, Name: "miner"}.Hotkey("default")
	if err != nil {
		return err
	}
	settings, err := axon.SettingsFrom(os.LookupEnv) // BT_AXON_PORT, BT_AXON_EXTERNAL_IP …
	if err != nil {
		return err
	}
	a, err := axon.New(axon.Config{Settings: settings, Signer: hotkey, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		return err
	}
	if err := axon.Attach(a, forward, axon.Options[*Translate]{Blacklist: blacklist}); err != nil {
		return err
	}
	if err := a.Serve(ctx, 1, onchain.Publisher{Identity: own, Netuid: 1}, nil); err != nil {
		return err
	}
	return a.Run(ctx) // start, until ctx ends, then stop
}

func validate(ctx context.Context, own pylon.UnstableIdentity, d *dendrite.Dendrite) error {
	neurons, err := own.LatestNeurons(ctx)
	if err != nil {
		return err
	}
	weights := map[pylon.Hotkey]float64{}
	question := &Translate{Text: "hello", Language: "fr"}
	for _, r := range dendrite.Forward(ctx, d, onchain.Axons(neurons), question, dendrite.Options{Timeout: 12 * time.Second}) {
		if r.Answer.IsSuccess() {
			weights[pylon.Hotkey(r.Target.Hotkey)] = float64(len(r.Answer.Deserialize()))
		}
	}
	scheduled, err := own.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
	if err != nil {
		return err
	}
	_, err = own.WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed)
	return err
}

func both(hotkey *wallet.Keypair) (*axon.Axon, error) {
	auth, err := btauth.New(btauth.Config{Receiver: hotkey.Address(), Verifier: wallet.NewVerifier(0)})
	if err != nil {
		return nil, err
	}
	return axon.New(axon.Config{Signer: hotkey, Verifier: wallet.NewVerifier(0), BTAuth: auth})
}

// The whole of it runs in examples/subnet.
var _, _ = mine, validate

func Example_migration() {
	hotkey, _ := wallet.FromURI("//Bob")
	a, err := both(hotkey)
	fmt.Println(a, err)
	m := synapse.New[Translate]()
	m.Text = "hello"
	fmt.Println(forward(context.Background(), m), m.Deserialize())
	// Output:
	// Axon([::], 8091, 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty, stopped, ['Synapse']) <nil>
	// <nil> hello in de
}

// Every line of Go in the guide stands in this file.
func TestMigrationGuideCompiles(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "docs", "migration-from-sdk10.md"))
	must(t, err)
	source, err := os.ReadFile("migration_test.go")
	must(t, err)
	known := map[string]bool{"": true}
	for line := range strings.Lines(string(source)) {
		known[strings.TrimSpace(line)] = true
	}
	lines, inside := 0, false
	for line := range strings.Lines(string(guide)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```go"
		case inside:
			lines++
			if !known[line] {
				t.Errorf("not compiled: %s", line)
			}
		}
	}
	if lines < 40 {
		t.Errorf("%d lines of Go", lines)
	}
}

// The names of the SDK that miners and validators meet, as the description of the
// protocol lists them.
const sdkNames = `get_size get_total_size cast_int cast_float TerminalInfo Synapse deserialize set_name_type
	required_hash_fields is_success is_failure is_timeout is_blacklist failed_verification get_required_fields to_headers
	body_hash computed_body_hash parse_headers_to_inputs from_headers AxonMiddleware dispatch synapse_to_response
	create_error_response log_and_handle_error FastAPIThreadedServer wallet config port ip external_ip external_port
	max_workers attach forward_fn blacklist_fn priority_fn verify_fn add_args config check_config help start stop info
	to_string serve default_verify verify_body_integrity StreamingSynapse Tensor dendrite forward query call call_stream`

// The guide has a row for each name, and every name that it gives in return
// exists.
func TestMigrationGuideNames(t *testing.T) {
	t.Parallel()
	exported := map[string]bool{}
	for _, dir := range []string{"..", "../synapse", "../axon", "../dendrite", "../btauth", "../wallet", "../onchain"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		must(t, err)
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			must(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					exported[n.Name.Name] = true
					return false
				case *ast.TypeSpec:
					exported[n.Name.Name] = true
				case *ast.Field: // of structs and interfaces
					for _, field := range n.Names {
						exported[field.Name] = true
					}
				}
				return true
			})
		}
	}
	guide, err := os.ReadFile(filepath.Join("..", "docs", "migration-from-sdk10.md"))
	must(t, err)
	code := regexp.MustCompile("`[^`]+`")
	ours := regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*`)
	var theirs string
	for line := range strings.Lines(string(guide)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 2 {
			continue
		}
		theirs += strings.Join(code.FindAllString(cells[0], -1), " ")
		for _, name := range ours.FindAllString(strings.Join(code.FindAllString(cells[1], -1), " "), -1) {
			if !exported[name] && name != "None" && name != "Handler" {
				t.Errorf("%s is in no package", name)
			}
		}
	}
	for name := range strings.FieldsSeq(sdkNames) {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(theirs) {
			t.Errorf("no row for %s", name)
		}
	}
}
