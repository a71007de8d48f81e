package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/server"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// form is how the text of one setting is read, and into what. The accepted texts are those of the Python service
// (pydantic's lenient mode) where they mean anything: "12.0" is an integer, "False", "no" and "off" are booleans.
type form struct {
	// name is what the documentation calls it.
	name string
	// read stores what the text means. Its error says what the text must be and does not repeat a text that could be
	// secret.
	read func(text string) error
	// show returns the value as its text, or as far as everybody may see it.
	show func() string
	// literalEmpty tells that an empty text is a value like any other. Else it is the same as no text.
	literalEmpty bool
	// secret forms may also be given as the name of a file, and are never shown.
	secret bool
}

// wrong is the error of a text that must be something else. The text is shown, cut short: use it for forms that hold
// nothing secret.
func wrong(must, text string) error {
	return fmt.Errorf("must be %s, not %q", must, cutShort(text))
}

func cutShort(text string) string {
	const most = 40
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// masked stands for a secret: it tells whether there is one.
func masked(secret string) string {
	if secret == "" {
		return ""
	}
	return "[set]"
}

func showSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// showList writes a list as JSON, an empty one as [].
func showList[T any](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("app: a list of names or numbers has no JSON: " + err.Error())
	}
	return string(text)
}

func joinAddresses(list []Address) string {
	shown := make([]string, len(list))
	for i, address := range list {
		shown[i] = address.String()
	}
	return strings.Join(shown, ",")
}

func text(to *string) form {
	return form{name: "text", literalEmpty: true, show: func() string { return *to }, read: func(text string) error {
		*to = text
		return nil
	}}
}

// textOrDefault is text that is not taken literally when it is empty.
func textOrDefault(to *string) form {
	f := text(to)
	f.literalEmpty = false
	return f
}

// host is an IP address or the name of one. An empty one is not taken literally: it would be every address.
func host(to *string) form {
	f := text(to)
	f.name, f.literalEmpty = "address", false
	f.read = func(text string) error {
		bare := strings.TrimSpace(text)
		if inner, ok := strings.CutPrefix(bare, "["); ok { // as an URL has it
			bare = strings.TrimSuffix(inner, "]")
		}
		if _, err := netip.ParseAddr(bare); err != nil && strings.ContainsAny(bare, ":/[] \t") {
			return wrong("an address or a host name without a port, such as 0.0.0.0 or ::", text)
		}
		*to = bare
		return nil
	}
	return f
}

// file is the path of a file or folder. A leading ~ stands for the home folder.
func file(to *string) form {
	return form{name: "path", show: func() string { return *to }, read: func(text string) error {
		expanded, err := expandHome(text)
		*to = expanded
		return err
	}}
}

func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path, fmt.Errorf("starts with ~, but the home folder is not known: %w", err)
	}
	return filepath.Join(home, path[1:]), nil
}

// token is a secret that users send in an Authorization header, which ends at white space.
func token(to *server.Secret) form {
	return form{name: "secret", literalEmpty: true, secret: true, show: func() string { return masked(string(*to)) }, read: func(text string) error {
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return errors.New("has white space or control characters in it: no Authorization header could carry it")
		}
		*to = server.Secret(text)
		return nil
	}}
}

// postgres is the address of a PostgreSQL server, which has a password in it.
func postgres(to *server.Secret) form {
	f := token(to)
	f.name, f.literalEmpty = "PostgreSQL URL", false
	read := f.read
	f.read = func(text string) error {
		if text = strings.TrimSpace(text); !isAddress(text, "postgres", "postgresql") {
			return errors.New("must be a postgres:// address")
		}
		return read(text)
	}
	return f
}

// boolean takes what the Python service takes, in any case.
func boolean(to *bool) form {
	return form{name: "boolean", show: func() string { return strconv.FormatBool(*to) }, read: func(text string) error {
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "1", "true", "t", "yes", "y", "on":
			*to = true
		case "0", "false", "f", "no", "n", "off":
			*to = false
		default:
			return wrong("true or false", text)
		}
		return nil
	}}
}

// digits is a number as Python writes and reads it; underscores may stand between digits.
var digits = regexp.MustCompile(`^[+-]?(\d+(_\d+)*)?(\.(\d+(_\d+)*)?)?([eE][+-]?\d+)?$`)

// parseFloat reads a finite number.
func parseFloat(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if !digits.MatchString(text) {
		return 0, false
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return value, err == nil && !math.IsInf(value, 0)
}

// parseInteger reads an integer, which may have a fraction of zeros.
func parseInteger(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if !digits.MatchString(text) {
		return 0, false
	}
	whole, fraction, point := strings.Cut(strings.ReplaceAll(text, "_", ""), ".")
	if strings.Trim(fraction, "0") != "" || point && fraction == "" {
		return 0, false
	}
	value, err := strconv.ParseInt(whole, 10, 64)
	return value, err == nil
}

// integer is a whole number between least and most.
func integer[T ~int | ~uint16 | ~uint64](to *T, least, most int64) form {
	return form{name: "integer", show: func() string { return fmt.Sprint(*to) }, read: func(text string) error {
		value, ok := parseInteger(text)
		if !ok || value < least || value > most {
			return wrong(fmt.Sprintf("an integer from %d to %d", least, most), text)
		}
		*to = T(value)
		return nil
	}}
}

// optional is an integer that also knows not to be there.
func optional(to **uint64, least, most int64) form {
	var value uint64
	f := integer(&value, least, most)
	read := f.read
	f.read = func(text string) error {
		if err := read(text); err != nil {
			return err
		}
		given := value
		*to = &given
		return nil
	}
	f.show = func() string {
		if *to == nil {
			return ""
		}
		return strconv.FormatUint(**to, 10)
	}
	return f
}

// longest is the longest time that a setting may name: a hundred years fit into a time.Duration, a thousand do not.
const longest = 100 * 365 * 24 * time.Hour

// seconds is a time above zero and up to longest, written as a number of seconds, fractions allowed.
func seconds(to *time.Duration) form {
	return form{name: "seconds", show: func() string { return showSeconds(*to) }, read: func(text string) error {
		value, ok := parseFloat(text)
		if !ok || value <= 0 || value > longest.Seconds() {
			return wrong("a number of seconds above 0", text)
		}
		*to = max(time.Duration(value*float64(time.Second)), 1)
		return nil
	}}
}

// wholeSeconds is a time of zero or more, written as an integer number of seconds.
func wholeSeconds(to *time.Duration) form {
	return form{name: "seconds", show: func() string { return showSeconds(*to) }, read: func(text string) error {
		value, ok := parseInteger(text)
		if !ok || value < 0 || value > int64(longest/time.Second) {
			return wrong("an integer number of seconds, 0 or more", text)
		}
		*to = time.Duration(value) * time.Second
		return nil
	}}
}

// jsonList splits the JSON text of a list into the JSON texts of its elements.
func jsonList(text, example string) ([]json.RawMessage, error) {
	must := fmt.Errorf("must be a JSON list, such as %s", example)
	decoder := json.NewDecoder(strings.NewReader(text))
	var elements []json.RawMessage
	if !strings.HasPrefix(strings.TrimSpace(text), "[") || decoder.Decode(&elements) != nil || decoder.More() {
		return nil, must
	}
	return elements, nil
}

// names is a list of distinct names that can stand in a path of an URL.
func names(to *[]string) form {
	const example = `["sn1","sn2"]`
	return form{name: "JSON list of names", show: func() string { return showList(*to) }, read: func(text string) error {
		elements, err := jsonList(text, example)
		if err != nil {
			return err
		}
		*to = nil
		for _, element := range elements {
			var name string
			if bytes.Equal(element, []byte("null")) || json.Unmarshal(element, &name) != nil {
				return fmt.Errorf("must be a list of names, such as %s", example)
			}
			unusable := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\?#%`, r) }
			if name == "" || name == "." || name == ".." || len(name) > 100 || strings.ContainsFunc(name, unusable) {
				return fmt.Errorf("has the name %q in it, which the path of an URL cannot hold as it is", cutShort(name))
			}
			if !slices.Contains(*to, name) {
				*to = append(*to, name)
			}
		}
		return nil
	}}
}

// netuids is a list of distinct subnet numbers.
func netuids(to *[]pylon.Netuid) form {
	const example = `[12, 89]`
	return form{name: "JSON list of integers", show: func() string { return showList(*to) }, read: func(text string) error {
		elements, err := jsonList(text, example)
		if err != nil {
			return err
		}
		*to = nil
		for _, element := range elements {
			var netuid pylon.Netuid
			if err := integer(&netuid, 0, math.MaxUint16).read(strings.Trim(string(element), `"`)); err != nil {
				return fmt.Errorf("must be a list of subnet numbers, such as %s: an entry %w", example, err)
			}
			if !slices.Contains(*to, netuid) {
				*to = append(*to, netuid)
			}
		}
		return nil
	}}
}

// choice is one of a few words, in any case.
func choice(to *string, words ...string) form {
	return form{name: strings.Join(words, ", "), show: func() string { return *to }, read: func(text string) error {
		word := strings.ToLower(strings.TrimSpace(text))
		if !slices.Contains(words, word) {
			return wrong("one of "+strings.Join(words, ", "), text)
		}
		*to = word
		return nil
	}}
}

// Address is the address of a node, or a name for one: it prints without what could be secret in it, which is the
// user part, the path, and the query.
type Address string

// String returns the address as far as everybody may see it.
func (a Address) String() string {
	u, err := url.Parse(string(a))
	switch {
	case err != nil || (u.Scheme != "" && u.Host == ""):
		return "[address]"
	case u.Scheme == "":
		return string(a)
	default:
		return u.Scheme + "://" + u.Host
	}
}

// GoString returns the same as String, for the verb %#v.
func (a Address) GoString() string { return a.String() }

// MarshalText returns the same as String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// nodes is a list of nodes, each by its name or its WebSocket address, with commas between them. What may be in it is
// for package substrate to say.
func nodes(to *[]Address) form {
	return form{name: "nodes", show: func() string { return joinAddresses(*to) }, read: func(text string) error {
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" { // a comma too many does no harm
				list = append(list, part)
			}
		}
		if len(list) == 0 {
			return errors.New("names no node")
		}
		client, err := substrate.New(substrate.Config{Nodes: list})
		if err != nil {
			_, reason, _ := strings.Cut(err.Error(), "]: ") // behind the field of the Config; it shows the entry as far as it may
			return fmt.Errorf("cannot be used: %s", reason)
		}
		*to = nil
		for _, part := range list {
			*to = append(*to, Address(part))
		}
		return client.Close()
	}}
}

// webAddress is an HTTP address.
func webAddress(to *Address) form {
	return form{name: "URL", show: func() string { return to.String() }, read: func(text string) error {
		text = strings.TrimSpace(text)
		if !isAddress(text, "http", "https") {
			return errors.New("must be an http:// or https:// address")
		}
		*to = Address(text)
		return nil
	}}
}

// dsn is the address of a Sentry project, which has a key in it.
func dsn(to *server.Secret) form {
	f := token(to)
	f.name, f.literalEmpty = "DSN, a secret", false
	f.read = func(text string) error {
		text = strings.TrimSpace(text)
		if u, err := url.Parse(text); err != nil || !isAddress(text, "http", "https") || u.User.Username() == "" || strings.Trim(u.Path, "/") == "" {
			return errors.New("must be a DSN, such as https://key@host/project")
		}
		*to = server.Secret(text)
		return nil
	}
	return f
}

// isAddress tells whether text is an URL with a host and one of the given schemes.
func isAddress(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains(schemes, strings.ToLower(u.Scheme)) && u.Hostname() != ""
}
