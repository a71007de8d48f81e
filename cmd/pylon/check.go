package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bittensor-pylon/pylon/internal/app"
)

type checkCommand struct {
	Settings bool          `help:"Only print the settings as they come out, with secrets masked."`
	Output   string        `short:"o" enum:"table,json" default:"table" help:"Form of the output: table or json."`
	Timeout  time.Duration `default:"10s" help:"How long one check may take."`
}

// Help is shown by --help.
func (*checkCommand) Help() string {
	return "The exit code is 0 when all is well or there are only warnings, 1 when a check has failed, and 2 when the settings are wrong. " +
		"Nothing is written and nothing is sent that changes anything."
}

// Validate is called by the parser.
func (c *checkCommand) Validate() error {
	if c.Timeout <= 0 {
		return errors.New("--timeout must be above 0")
	}
	return nil
}

// errCheckFailed ends a check that has found something. The report has said what.
var errCheckFailed = errors.New("check failed")

// Run looks at all that the service would depend on.
func (c *checkCommand) Run(ctx context.Context, p process) error {
	if c.Settings {
		_, settings, err := app.LoadAndShow(p.environ, "")
		if err != nil {
			return err
		}
		return c.print(p.stdout, settings, func(w io.Writer) { settingsTable(w, settings) })
	}
	report := app.Check(ctx, p.environ, "", app.CheckOptions{Timeout: c.Timeout})
	if err := c.print(p.stdout, report, func(w io.Writer) { reportTable(w, report) }); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case report.Verdict != app.VerdictFailed:
		return nil
	case len(report.Findings) > 0 && report.Findings[0].Verdict == app.VerdictFailed && report.Findings[0].Check == "settings":
		return fmt.Errorf("%w: %w", errUsage, errCheckFailed)
	default:
		return errCheckFailed
	}
}

// print writes a value as JSON or as its table.
func (c *checkCommand) print(w io.Writer, value any, table func(io.Writer)) error {
	if c.Output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	table(columns)
	return columns.Flush()
}

func settingsTable(w io.Writer, settings []app.Effective) {
	section := ""
	for _, s := range settings {
		if s.Section != section {
			if section != "" {
				fmt.Fprintln(w)
			}
			section = s.Section
			fmt.Fprintf(w, "# %s\n", section)
		}
		fmt.Fprintf(w, "%s\t%s\t(%s)\n", s.Name, s.Value, s.Source)
	}
}

func reportTable(w io.Writer, report *app.Report) {
	fmt.Fprintln(w, "VERDICT\tCHECK\tSUBJECT\tDETAIL")
	failed, warnings := 0, 0
	for _, f := range report.Findings {
		switch f.Verdict {
		case app.VerdictFailed:
			failed++
		case app.VerdictWarning:
			warnings++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", shown(f.Verdict), f.Check, f.Subject, oneLine(f.Detail))
	}
	fmt.Fprintln(w)
	switch {
	case failed > 0:
		fmt.Fprintf(w, "FAILED: %s, %s\n", count(failed, "failure"), count(warnings, "warning"))
	case warnings > 0:
		fmt.Fprintf(w, "OK, with %s\n", count(warnings, "warning"))
	default:
		fmt.Fprintln(w, "OK")
	}
}

// shown makes what went wrong stand out in a column of verdicts.
func shown(v app.Verdict) string {
	if v == app.VerdictFailed || v == app.VerdictWarning {
		return strings.ToUpper(string(v))
	}
	return string(v)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// oneLine keeps a text from breaking the table.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}
