package app

import (
	"strings"
	"unicode"
)

// The dialect of dotenv files is the one of the python-dotenv package, because the files at hand were written for it.
// The Go package at hand differs where it hurts: it replaces $word in values, which tokens may well contain, and it
// quotes whole lines, tokens included, in its errors.

// assignment is one NAME=value of a dotenv file.
type assignment struct {
	name  string
	value string
}

// maxDotenvValue bounds a value after interpolation: lines that double each other would grow without end.
const maxDotenvValue = 64 << 10

// parseDotenv reads the text of a dotenv file. Lines that make no sense are skipped; their numbers, counted from one,
// are returned. A name without "=" is not an assignment. ${NAME} and ${NAME:-default} in values stand for earlier
// assignments of the file and else for what lookup finds.
func parseDotenv(text string, lookup func(name string) (string, bool)) (assignments []assignment, badLines []int) {
	s := dotenvScanner{rest: strings.TrimPrefix(text, "\ufeff")}
	total := s.rest
	resolved := make(map[string]string)
	for {
		s.skip(unicode.IsSpace)
		if s.rest == "" {
			return assignments, badLines
		}
		start := len(total) - len(s.rest)
		name, value, ok := s.statement()
		if !ok {
			badLines = append(badLines, lineNumber(total[:start]))
			s.skip(func(r rune) bool { return !isLineEnd(r) })
			continue
		}
		if name == "" {
			continue
		}
		value = interpolate(value, func(name string) (string, bool) {
			if known, ok := resolved[name]; ok {
				return known, true
			}
			return lookup(name)
		})
		if len(value) > maxDotenvValue {
			badLines = append(badLines, lineNumber(total[:start]))
			continue
		}
		resolved[name] = value
		assignments = append(assignments, assignment{name, value})
	}
}

// dotenvScanner walks through the text of a dotenv file.
type dotenvScanner struct {
	rest string
}

// statement reads one line, or several when a quoted value spans them. The name is empty for comments and for names
// without a value.
func (s *dotenvScanner) statement() (name, value string, ok bool) {
	if after, found := strings.CutPrefix(s.rest, "export"); found && after != strings.TrimLeftFunc(after, isBlank) {
		s.rest = strings.TrimLeftFunc(after, isBlank)
	}
	if name, ok = s.name(); !ok {
		return "", "", false
	}
	s.skip(isBlank)
	if after, found := strings.CutPrefix(s.rest, "="); found {
		s.rest = after
		blanks := s.skip(isBlank)
		// A "#" right after the "=" belongs to the value; one after a blank starts a comment.
		if blanks == 0 || !strings.HasPrefix(s.rest, "#") {
			if value, ok = s.value(); !ok {
				return "", "", false
			}
		}
	} else {
		name = ""
	}
	s.skip(isBlank)
	if strings.HasPrefix(s.rest, "#") {
		s.skip(func(r rune) bool { return !isLineEnd(r) })
	}
	return name, value, s.rest == "" || strings.ContainsRune("\r\n", rune(s.rest[0]))
}

func (s *dotenvScanner) name() (name string, ok bool) {
	switch {
	case strings.HasPrefix(s.rest, "#"):
		return "", true
	case strings.HasPrefix(s.rest, "'"):
		name, after, closed := strings.Cut(s.rest[1:], "'")
		if !closed || name == "" {
			return "", false
		}
		s.rest = after
		return name, true
	}
	before := s.rest
	n := s.skip(func(r rune) bool { return r != '=' && r != '#' && !unicode.IsSpace(r) })
	return before[:n], n > 0
}

func (s *dotenvScanner) value() (value string, ok bool) {
	switch {
	case strings.HasPrefix(s.rest, "'"):
		return s.quoted('\'', map[byte]byte{'\\': '\\', '\'': '\''})
	case strings.HasPrefix(s.rest, `"`):
		return s.quoted('"', map[byte]byte{
			'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
		})
	}
	before := s.rest
	value = before[:s.skip(func(r rune) bool { return !isLineEnd(r) })]
	// A comment starts at the first "#" that follows white space.
	for i := 1; i < len(value); i++ {
		if value[i] == '#' && strings.TrimRightFunc(value[:i], unicode.IsSpace) != value[:i] {
			value = value[:i]
			break
		}
	}
	return strings.TrimRightFunc(value, unicode.IsSpace), true
}

// quoted reads a value in quotes. Only the given escapes mean something; every other backslash stays.
func (s *dotenvScanner) quoted(quote byte, escapes map[byte]byte) (value string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == quote:
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			if meant, known := escapes[s.rest[i]]; known {
				b.WriteByte(meant)
			} else {
				b.WriteByte('\\')
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// skip passes over the characters that match and returns how many bytes they were.
func (s *dotenvScanner) skip(match func(rune) bool) int {
	after := strings.TrimLeftFunc(s.rest, match)
	n := len(s.rest) - len(after)
	s.rest = after
	return n
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

func isBlank(r rune) bool { return unicode.IsSpace(r) && !isLineEnd(r) }

// lineNumber returns the number of the line that follows the given text.
func lineNumber(text string) int {
	unix := strings.ReplaceAll(text, "\r\n", "\n")
	return 1 + strings.Count(unix, "\n") + strings.Count(unix, "\r")
}

// interpolate replaces ${NAME} and ${NAME:-default} in a value. $NAME without braces stays as it is. A name that is
// not known and has no default is replaced by nothing.
func interpolate(value string, lookup func(name string) (string, bool)) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(value, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		inside, rest, closed := strings.Cut(after, "}")
		name, byDefault, hasDefault := strings.Cut(inside, ":-")
		if !closed || strings.Contains(name, ":") || (!hasDefault && strings.Contains(inside, ":")) {
			b.WriteString("${")
			value = after
			continue
		}
		if known, ok := lookup(name); ok {
			b.WriteString(known)
		} else {
			b.WriteString(byDefault)
		}
		value = rest
	}
}
