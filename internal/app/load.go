package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bittensor-pylon/pylon/internal/server"
)

// Problem is one thing wrong with the settings.
type Problem struct {
	// Name is the variable that has to be looked at.
	Name string
	// Reason says what is wrong with it, and goes on after its name: "must be an integer …".
	Reason string
}

// SettingsError is everything that is wrong with the settings. Load returns it; whoever starts the service prints it and
// gives up.
type SettingsError struct {
	Problems []Problem
}

// Error lists the problems, one a line when there are several.
func (e *SettingsError) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].Name + " " + e.Problems[0].Reason
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d settings are wrong:", len(e.Problems))
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s %s", p.Name, p.Reason)
	}
	return b.String()
}

// Defaults returns the settings of an empty environment.
func Defaults() *Settings {
	s, err := (&loader{}).load()
	if err != nil {
		panic("app: a default is wrong: " + err.Error()) // the table is a constant; a test calls this
	}
	return s
}

// Load reads the settings from an environment in the form of os.Environ, and from the dotenv files that it names or
// that are found in folder, to which relative paths belong; an empty folder is the current one. The error is a
// *SettingsError.
func Load(environ []string, folder string) (*Settings, error) {
	return newLoader(environ, folder).load()
}

// LoadAndShow is Load that also returns every setting as it came out, in the order of the documentation.
func LoadAndShow(environ []string, folder string) (*Settings, []Effective, error) {
	l := newLoader(environ, folder)
	s, err := l.load()
	return s, l.effective, err
}

// newLoader reads the files.
func newLoader(environ []string, folder string) *loader {
	l := &loader{folder: folder, process: newVariables()}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			l.process.set(name, value)
		}
	}
	l.file = l.dotenv(envFileName, ".env")
	l.identityFile = l.file
	if name, _ := l.process.get(identityEnvFileName); name != "" {
		l.identityFile = l.dotenv(identityEnvFileName, "")
	}
	return l
}

// variables are names and values. Names are found in any case; the spelling in upper case wins over others.
type variables struct {
	values map[string]string
	exact  map[string]string // by the name as it was spelled
}

func newVariables() variables {
	return variables{values: make(map[string]string), exact: make(map[string]string)}
}

func (v variables) set(name, value string) {
	v.exact[name] = value
	upper := strings.ToUpper(name)
	if _, spelled := v.exact[upper]; !spelled || name == upper {
		v.values[upper] = value
	}
}

func (v variables) get(name string) (string, bool) {
	value, ok := v.values[strings.ToUpper(name)]
	return value, ok
}

// loader is the state of one Load.
type loader struct {
	folder       string
	process      variables
	file         variables
	identityFile variables

	problems []Problem
	warnings []string
	known    map[string]bool // every name that means something, in upper case
	given    map[string]bool // the names that had a good value; true when it is not the default's text
	sources  map[string]string

	effective []Effective // set at the end, when nothing was wrong
}

func (l *loader) problem(name, reason string, args ...any) {
	l.problems = append(l.problems, Problem{name, fmt.Sprintf(reason, args...)})
}

func (l *loader) warn(format string, args ...any) {
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

func (l *loader) load() (*Settings, error) {
	l.known = map[string]bool{envFileName: true, identityEnvFileName: true}
	l.given, l.sources = make(map[string]bool), make(map[string]string)
	var s Settings
	var identities []string
	for _, section := range s.table(&identities) {
		for _, r := range section.rows {
			l.read(r, l.file)
		}
	}
	s.Identities = make([]Identity, len(identities))
	for i, name := range identities {
		s.Identities[i].Name = name
		for _, r := range s.Identities[i].table(strings.ToUpper(name)) {
			l.read(r, l.identityFile)
		}
	}
	l.check(&s)
	if len(l.problems) > 0 {
		return nil, &SettingsError{l.problems}
	}
	s.Warnings = l.warnings
	s.Ignored = l.ignored()
	l.show(&s, &identities)
	return &s, nil
}

// read gives one setting its value: from the process, else from the file, else the default.
func (l *loader) read(r row, file variables) {
	l.known[strings.ToUpper(r.name)] = true
	if r.form.read == nil {
		return
	}
	text, given := l.lookup(r.name, file)
	if r.form.secret {
		if l.known[strings.ToUpper(r.name+"_FILE")] = true; text == "" {
			if path, _ := l.lookup(r.name+"_FILE", file); path != "" {
				content, err := l.readFile(path, maxTokenFile)
				if err != nil {
					l.problem(r.name+"_FILE", "names a file that cannot be read: %v", err)
					return
				}
				text, given = strings.TrimRight(content, "\r\n"), true
			}
		} else if path, _ := l.lookup(r.name+"_FILE", file); path != "" {
			l.problem(r.name, "and %s_FILE are both set: one of them has to go", r.name)
			return
		}
	}
	if strings.TrimSpace(text) == "" && (r.required || !r.form.literalEmpty) {
		given = false
	}
	switch {
	case given:
		if err := r.form.read(text); err != nil {
			l.problem(r.name, "%v", err)
			return
		}
		l.given[r.name] = strings.TrimSpace(text) != r.preset
		l.sources[r.name] = l.sourceOf(r)
	case r.required:
		l.problem(r.name, "is required and must not be empty")
	case r.preset != "":
		if err := r.form.read(r.preset); err != nil {
			l.problem(r.name, "has a bad default: %v", err)
		}
	}
}

func (l *loader) lookup(name string, file variables) (string, bool) {
	if value, ok := l.process.get(name); ok {
		return value, true
	}
	return file.get(name)
}

// check looks at what the settings say together.
func (l *loader) check(s *Settings) {
	l.checkPair(networkName, archiveNetworkName)
	l.checkPair(archiveNetworkName, networkName)
	l.checkPair(evmName, evmArchiveName)
	l.checkPair(evmArchiveName, evmName)
	if s.RecentHardLimit < s.RecentSoftLimit && !l.isProblem(softLimitName) && !l.isProblem(hardLimitName) {
		l.problem(hardLimitName, "is below %s: hard_limit_blocks must be greater than soft_limit_blocks.", softLimitName)
	}
	if s.DefaultRequestTimeout > s.MaxRequestTimeout {
		l.warn("%s is above %s", defaultTimeoutName, maxTimeoutName)
	}
	l.checkToken(openAccessTokenName, s.OpenAccessToken)
	l.checkToken(metricsTokenName, s.MetricsToken)
	for _, identity := range s.Identities {
		l.checkToken("the token of identity "+identity.Name, identity.Token)
		switch identity.Token {
		case "":
		case s.OpenAccessToken, s.MetricsToken:
			l.warn("the token of identity %s is that of open access or of the metrics too: who may read can write", identity.Name)
		}
	}
	if s.OTELEnvironment == "" {
		s.OTELEnvironment = s.Environment
	}
	if _, given := l.given[environmentName]; s.SentryEnvironment == "" && given {
		s.SentryEnvironment = s.Environment
	}
	if s.SentryEnvironment == "" {
		s.SentryEnvironment = "development"
	}
	switch {
	case s.LogLevel != "":
	case s.Debug:
		s.LogLevel = "debug"
	default:
		s.LogLevel = "info"
	}
	switch {
	case s.LogFormat != "":
	case s.Debug:
		s.LogFormat = "text"
	default:
		s.LogFormat = "json"
	}
}

// checkPair refuses a pair of settings of which only the first is given: new blocks would be read from one network and
// old ones from another. One that repeats its default does no harm.
func (l *loader) checkPair(first, second string) {
	changed, given := l.given[first]
	_, both := l.given[second]
	switch {
	case !given || both || l.isProblem(second):
	case changed:
		l.problem(first, "was overridden but %s was left at its default: set both explicitly (repeating the default is fine)", second)
	default:
		l.warn("%s is set, to its default, but %s is not: set both or none", first, second)
	}
}

func (l *loader) isProblem(name string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Name == name })
}

// shortToken is the length in bytes below which a token is worth a warning.
const shortToken = 16

func (l *loader) checkToken(what string, token server.Secret) {
	if token != "" && len(token) < shortToken {
		l.warn("%s has fewer than %d characters: it can be guessed", what, shortToken)
	}
}

// ignored returns the names that look like ours and are not. Those of the client are its own.
func (l *loader) ignored() []string {
	var names []string
	for _, source := range []variables{l.process, l.file, l.identityFile} {
		for name, value := range source.values {
			if strings.HasPrefix(name, "PYLON_") && !strings.HasPrefix(name, "PYLON_CLIENT_") && value != "" && !l.known[name] {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A settings file of a megabyte is not a settings file.
const (
	maxDotenvFile = 1 << 20
	maxTokenFile  = 4 << 10
)

// dotenv reads the file that the setting names, or else the one with the default name. A missing one is fine.
func (l *loader) dotenv(setting, byDefault string) variables {
	found := newVariables()
	path, _ := l.process.get(setting)
	named := path != ""
	if !named {
		path = byDefault
	}
	content, err := l.readFile(path, maxDotenvFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, errFolder):
		if named {
			l.warn("%s names %s, which is not a file", setting, path)
		}
		return found
	case err != nil:
		l.problem(setting, "(%s) cannot be read: %v", path, err)
		return found
	case !utf8.ValidString(content):
		l.problem(setting, "(%s) cannot be read: it is not UTF-8 text", path)
		return found
	}
	assignments, badLines := parseDotenv(content, func(name string) (string, bool) {
		value, ok := l.process.exact[name]
		return value, ok
	})
	for _, a := range assignments {
		found.set(a.name, a.value)
	}
	if len(badLines) > 0 {
		l.warn("%s: lines that make no sense were skipped: %s", path, shorten(badLines))
	}
	return found
}

// shorten writes the first few of some numbers.
func shorten(numbers []int) string {
	const most = 10
	text := strings.Trim(fmt.Sprint(numbers[:min(len(numbers), most)]), "[]")
	if len(numbers) > most {
		text += " …"
	}
	return text
}

var errFolder = errors.New("it is a folder")

// readFile reads a small file. Errors do not repeat the path.
func (l *loader) readFile(path string, most int64) (string, error) {
	path, err := expandHome(path)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.folder, path)
	}
	content, err := readAtMost(path, most)
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	return content, err
}

func readAtMost(path string, most int64) (string, error) {
	// A folder stands where container runtimes were told to mount a file that does not exist.
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if info.IsDir() {
		return "", errFolder
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return string(content), err
}
