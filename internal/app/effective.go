package app

import "strings"

// Effective is the value that a setting has in the end.
type Effective struct {
	// Section is the group of the documentation that the setting belongs to.
	Section string `json:"section"`
	Name    string `json:"name"`
	// Value is its text, as far as everybody may see it: secrets only tell whether there is one, addresses have no
	// user, path or query.
	Value string `json:"value"`
	// Source is where it comes from: SourceDefault, SourceEnvironment, SourceFile or SourceSecretFile.
	Source string `json:"source"`
}

// Where settings come from.
const (
	SourceDefault     = "default"
	SourceEnvironment = "environment"
	SourceFile        = "file"        // a dotenv file
	SourceSecretFile  = "secret file" // the file that the name with _FILE at its end names
)

// sourceOf tells where a setting that is given comes from.
func (l *loader) sourceOf(r row) string {
	if text, ok := l.process.get(r.name); ok && (text != "" || !r.form.secret) {
		return SourceEnvironment
	}
	if path, _ := l.process.get(r.name + "_FILE"); r.form.secret && path != "" {
		return SourceSecretFile
	}
	for _, file := range []variables{l.file, l.identityFile} {
		if path, _ := file.get(r.name + "_FILE"); r.form.secret && path != "" {
			return SourceSecretFile
		}
	}
	return SourceFile
}

// show notes every setting as it came out. The identities follow the setting that names them, as in the documentation.
func (l *loader) show(s *Settings, identities *[]string) {
	add := func(title string, rows []row) {
		for _, r := range rows {
			if r.form.read == nil {
				continue
			}
			source := l.sources[r.name]
			if source == "" {
				source = SourceDefault
			}
			l.effective = append(l.effective, Effective{title, r.name, r.form.show(), source})
		}
	}
	sections := s.table(identities)
	for i, sec := range sections {
		add(sec.title, sec.rows)
		if i != identitySection(sections) {
			continue
		}
		for j := range s.Identities {
			add("Identity "+s.Identities[j].Name, s.Identities[j].table(strings.ToUpper(s.Identities[j].Name)))
		}
	}
}

// identitySection finds the section after which the settings of identities are described: the one that names them.
func identitySection(sections []section) int {
	for i, sec := range sections {
		for _, r := range sec.rows {
			if r.name == identitiesName {
				return i
			}
		}
	}
	return -1
}
