package app

import (
	"fmt"
	"strings"
)

// referencePage describes every setting as a page of Markdown.
func referencePage() string {
	var b strings.Builder
	b.WriteString(`# Settings

Generated from the table in internal/app/table.go: edit that, then run ` + "`go test ./internal/app -update`" + `.

The service reads its settings from the environment and from a dotenv file: ` + "`.env`" + ` in the working directory, or the file that
` + "`" + envFileName + "`" + ` names. The environment wins. The settings of identities come from the file that ` + "`" + identityEnvFileName + "`" + ` names,
when it names one. A missing file is fine. Names are case-insensitive; unknown names are ignored, ` + "`PYLON_CLIENT_*`" + ` among them.

An empty value is the same as none, except for texts and secrets. Lists are JSON text. Booleans are ` + "`true`, `yes`, `on`, `1`" + ` and their
opposites in any case. Each secret can also be read from a file: set the name with ` + "`_FILE`" + ` at its end to the path of the file, whose
last line end does not count. Everything that is wrong is reported at once, and the service does not start.
`)
	var s Settings
	var identities []string
	sections := s.table(&identities)
	var id Identity
	perIdentity := section{
		"Per identity",
		"For each name in `" + identitiesName + "`. `{NAME}` is the name in upper case; URLs use the name as it is written in the list.",
		id.table("{NAME}"),
	}
	for i, sec := range sections {
		writeSection(&b, sec)
		if i == identitySection(sections) {
			writeSection(&b, perIdentity)
		}
	}
	return b.String()
}

func writeSection(b *strings.Builder, sec section) {
	fmt.Fprintf(b, "\n## %s\n\n", sec.title)
	if sec.about != "" {
		fmt.Fprintf(b, "%s\n\n", sec.about)
	}
	b.WriteString("| Name | Form | Default | Meaning |\n|---|---|---|---|\n")
	for _, r := range sec.rows {
		preset := "`" + r.preset + "`"
		switch {
		case r.required:
			preset = "required"
		case r.form.read == nil:
			preset = ""
		case r.preset == "":
			preset = "empty"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", r.name, r.form.name, preset, r.meaning)
	}
}
