package intents

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

var update = flag.Bool("update", false, "rewrite docs/reasons.md")

// docs/reasons.md is the list of reasons.
func TestReasonsDocs(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "reasons.md")
	want := reasonsPage()
	if *update {
		must(t, os.WriteFile(path, want, 0o644))
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("docs/reasons.md is stale: run make docs")
	}
}

func reasonsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`# States and reasons of intents

<!-- Generated from the list in internal/intents/reasons.go: go test ./internal/intents -update -->

An intent is something that the service has promised to bring onto the chain. It goes through the states in this order, and
one step back, to recorded, when what was signed can never be included any more:

`)
	for _, state := range pylon.IntentStates() {
		end := ""
		if state.Ended() {
			end = " (an end)"
		}
		fmt.Fprintf(&b, "- `%s`%s\n", state, end)
	}
	b.WriteString("\nWhy one ended other than well, or waits: `reason` is one of these, and `detail` has the numbers.\n\n| Reason | In state | What has happened | What to do |\n|---|---|---|---|\n")
	for _, r := range Reasons() {
		states := make([]string, len(r.States))
		for i, state := range r.States {
			states[i] = "`" + string(state) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, strings.Join(states, ", "), r.Meaning, r.Advice)
	}
	b.WriteString("\n## What the chain says, and what is done about it\n\n" +
		"`end`: the intent ends. `again`: it is done anew from the present facts. `wait`: it is done anew when the rate limit allows it. " +
		"`same`: the same bytes are sent again until they are in a block or never can be.\n\n| The chain says | Done | Reason |\n|---|---|---|\n")
	for _, table := range []map[string]class{dispatchClasses, customClasses, submitTable()} {
		names := make([]string, 0, len(table))
		for name := range table {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", name, table[name].reaction, table[name].reason)
		}
	}
	b.WriteString("\nWhat is in no row ends as `refused`, with the chain's words in the detail.\n")
	return b.Bytes()
}

func submitTable() map[string]class {
	table := make(map[string]class)
	for kind, c := range submitClasses {
		table["pool: "+kind.String()] = c
	}
	return table
}

// Every reason is in the list once, and every reason that a table gives is in the list.
func TestReasonsAreClosed(t *testing.T) {
	t.Parallel()
	listed := make(map[pylon.IntentReason]bool)
	for _, r := range Reasons() {
		if listed[r.Name] || r.Meaning == "" || r.Advice == "" || len(r.States) == 0 {
			t.Errorf("%q is listed twice or without words", r.Name)
		}
		listed[r.Name] = true
	}
	for _, table := range []map[string]class{dispatchClasses, customClasses, submitTable()} {
		for name, c := range table {
			if !listed[c.reason] {
				t.Errorf("%s: the reason %q is not listed", name, c.reason)
			}
		}
	}
	source, err := os.ReadFile("reasons.go")
	must(t, err)
	for _, line := range strings.Split(string(source), "\n") {
		name, value, ok := strings.Cut(line, "pylon.IntentReason = ")
		if ok && !listed[pylon.IntentReason(strings.Trim(value, `"`))] {
			t.Errorf("%s is not listed", strings.TrimSpace(name))
		}
	}
}
