package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bittensor-pylon/pylon/internal/evm"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Verdict is what a check has found.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictWarning Verdict = "warning" // the service works, but not all of it or not well
	VerdictFailed  Verdict = "failed"  // something that the settings ask for does not work
	VerdictSkipped Verdict = "skipped" // another check has to be well first
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check is the sort of thing: settings, database, wallet, node, chain, history, evm node, registration.
	Check string `json:"check"`
	// Subject is which one: a variable, an identity, a node.
	Subject string  `json:"subject"`
	Verdict Verdict `json:"verdict"`
	// Detail is what was found, or what has to be done.
	Detail string `json:"detail"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
}

// Report is what a look at everything that the service depends on has found.
type Report struct {
	// Verdict is the worst one of the findings.
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// CheckOptions are what the settings do not say about a check.
type CheckOptions struct {
	// Timeout is how long one finding may take. Defaults to 10 seconds.
	Timeout time.Duration
}

// Check looks at everything that a service with these settings depends on: the settings, the folder of the database, the
// hotkeys of the identities, every node, whether they serve one chain, how far back the archive goes, and whether each
// identity is registered on its subnet. It writes nothing, and takes a few times the timeout at most.
//
// The environment and the folder are those of Load. Wrong settings are in the report too, and then alone.
func Check(ctx context.Context, environ []string, folder string, options CheckOptions) *Report {
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	report := &Report{Verdict: VerdictOK}
	settings, err := Load(environ, folder)
	if wrong := (*SettingsError)(nil); errors.As(err, &wrong) {
		for _, p := range wrong.Problems {
			report.add(Finding{Check: "settings", Subject: p.Name, Verdict: VerdictFailed, Detail: p.Reason})
		}
		return report
	}
	c := &checker{settings: settings, environ: environ, timeout: options.Timeout, report: report}
	defer c.close()
	c.checkSettings()
	c.checkDatabase(ctx)
	hotkeys := c.checkWallets(ctx)
	c.checkNodes(ctx)
	c.checkEVM(ctx)
	c.checkRegistrations(ctx, hotkeys)
	return report
}

func (r *Report) add(f Finding) {
	r.Findings = append(r.Findings, f)
	switch {
	case f.Verdict == VerdictFailed:
		r.Verdict = VerdictFailed
	case f.Verdict == VerdictWarning && r.Verdict == VerdictOK:
		r.Verdict = VerdictWarning
	}
}

// checker is the state of one Check.
type checker struct {
	settings *Settings
	environ  []string
	timeout  time.Duration
	report   *Report
	nodes    []*checkedNode

	passwords wallet.StretchedPasswords
}

func (c *checker) close() {
	for _, node := range c.nodes {
		node.close()
	}
}

// finding runs one check within its time and returns what it found. A check that ignores the end of its context is left
// to itself.
func (c *checker) finding(ctx context.Context, check, subject string, look func(context.Context) (Verdict, string)) Finding {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	type found struct {
		verdict Verdict
		detail  string
	}
	began := time.Now()
	done := make(chan found, 1)
	go func() {
		verdict, detail := look(ctx)
		done <- found{verdict, detail}
	}()
	var f found
	select {
	case f = <-done:
	case <-ctx.Done():
		// What has heard of the end in time says more than this.
		select {
		case f = <-done:
		case <-time.After(time.Second):
			f = found{VerdictFailed, "did not end within " + c.timeout.String()}
		}
	}
	return Finding{Check: check, Subject: subject, Verdict: f.verdict, Detail: f.detail, Seconds: time.Since(began).Seconds()}
}

func (c *checker) checkSettings() {
	s := c.settings
	c.report.add(Finding{
		Check: "settings", Subject: "all", Verdict: VerdictOK,
		Detail: "make sense; identities: " + strconv.Itoa(len(s.Identities)),
	})
	for _, warning := range s.Warnings {
		c.report.add(Finding{Check: "settings", Subject: "warning", Verdict: VerdictWarning, Detail: warning})
	}
	if len(s.Ignored) > 0 {
		c.report.add(Finding{
			Check: "settings", Subject: "ignored", Verdict: VerdictWarning,
			Detail: "mean nothing here, a typing mistake perhaps: " + strings.Join(s.Ignored, ", "),
		})
	}
}

// checkDatabase looks at the folder of the database, or asks the server. Nothing is written: the owner and mode have to tell.
func (c *checker) checkDatabase(ctx context.Context) {
	if len(c.settings.Identities) == 0 {
		return // nobody writes, and the database is not opened
	}
	if c.settings.DatabaseURL != "" {
		c.report.add(c.finding(ctx, "database", databaseURLName, func(ctx context.Context) (Verdict, string) {
			return pingPostgres(ctx, string(c.settings.DatabaseURL))
		}))
		return
	}
	path := c.settings.DatabasePath
	finding := Finding{Check: "database", Subject: path, Verdict: VerdictOK, Detail: "its folder is there and can be written to"}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		finding.Verdict, finding.Detail = VerdictFailed, fmt.Sprintf("its folder: %v", reason(err))
	case !info.IsDir():
		finding.Verdict, finding.Detail = VerdictFailed, folder+" is no folder"
	default:
		switch err := mayWrite(folder); {
		case errors.Is(err, errors.ErrUnsupported):
			finding.Verdict, finding.Detail = VerdictFailed, "files are not locked on this system: set "+databaseURLName
		case err != nil:
			finding.Verdict, finding.Detail = VerdictFailed, "this user may not write to "+folder
		}
	}
	c.report.add(finding)
}

// pingPostgres asks a server whether it lets us in.
func pingPostgres(ctx context.Context, address string) (Verdict, string) {
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return VerdictFailed, "cannot be used: " + err.Error() // which has no password in it
	}
	defer connection.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if err := connection.Ping(ctx); err != nil {
		return VerdictFailed, "cannot be used: " + err.Error()
	}
	return VerdictOK, "the PostgreSQL server answers"
}

// checkEVM asks each EVM node for its newest block. Only EVM logs depend on them.
func (c *checker) checkEVM(ctx context.Context) {
	looks := make([]pending, 0, 2)
	for _, address := range unique(c.settings.EVMRPC, c.settings.EVMArchiveRPC) {
		looks = append(looks, pending{"evm node", address.String(), func(ctx context.Context) (Verdict, string) {
			client, err := evm.New(evm.Config{URL: string(address), ArchiveURL: string(address), Timeout: c.timeout})
			if err != nil {
				return VerdictFailed, err.Error()
			}
			defer client.Close()
			head, err := client.Head(ctx)
			if err != nil {
				return VerdictWarning, "EVM logs can not be read: " + err.Error()
			}
			return VerdictOK, fmt.Sprintf("head %d", head)
		}})
	}
	c.all(ctx, looks)
}

// pending is a check that has not been done.
type pending struct {
	check, subject string
	look           func(context.Context) (Verdict, string)
}

// all does checks at the same time and reports them in order.
func (c *checker) all(ctx context.Context, looks []pending) {
	findings := make([]chan Finding, len(looks))
	for i, p := range looks {
		findings[i] = make(chan Finding, 1)
		go func() { findings[i] <- c.finding(ctx, p.check, p.subject, p.look) }()
	}
	for _, finding := range findings {
		c.report.add(<-finding)
	}
}

func unique(addresses ...Address) []Address {
	var list []Address
	seen := make(map[Address]bool)
	for _, address := range addresses {
		if !seen[address] {
			seen[address] = true
			list = append(list, address)
		}
	}
	return list
}
