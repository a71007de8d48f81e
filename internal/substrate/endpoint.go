package substrate

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// endpoint is the address of a node. Only label may be shown.
type endpoint struct {
	url     string
	label   string
	genesis *Hash
	// secrets are the parts of the URL that must not be in any text.
	secrets []string
}

// parseEndpoint reads a network name or a ws:// or wss:// URL.
func parseEndpoint(text string) (endpoint, error) {
	text = strings.TrimSpace(text)
	if n, ok := networks[strings.ToLower(text)]; ok {
		return endpoint{url: n.url, label: n.url, genesis: n.genesis}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		// The text of url.Parse's error holds the whole address.
		return endpoint{}, fmt.Errorf("%q is neither one of the names %s nor a ws:// or wss:// URL", redact(text), strings.Join(networkNames(), ", "))
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http", "https":
		return endpoint{}, fmt.Errorf("%q: heads come by WebSocket: use %s", addressLabel(u), strings.Replace(u.Scheme, "http", "ws", 1)+"://"+u.Host)
	default:
		return endpoint{}, fmt.Errorf("%q: the scheme is ws or wss, not %s", addressLabel(u), u.Scheme)
	}
	if u.Hostname() == "" {
		return endpoint{}, fmt.Errorf("%q names no host", addressLabel(u))
	}
	if u.Fragment != "" {
		return endpoint{}, errors.New("a node's address has no # part")
	}
	if strings.Contains(u.Path, "@") {
		// It is the end of a password, and what looks like the host is its middle.
		return endpoint{}, errors.New("a node's address has no @ after the host: write a / in a password as %2F")
	}
	return endpoint{url: u.String(), label: addressLabel(u), secrets: secretsOf(u)}, nil
}

func networkNames() []string {
	names := make([]string, 0, len(networks))
	for name := range networks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// addressLabel is the address as everybody may see it. A path is a key as often as not, so it is not shown either.
func addressLabel(u *url.URL) string {
	label := u.Scheme + "://" + u.Host
	if u.Path != "" && u.Path != "/" {
		label += "/…"
	}
	return label
}

// redact shortens a text that may be an address to the part before anything that could be a secret.
func redact(text string) string {
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if _, host, ok := cutLast(rest, "@"); ok {
			rest = host
		}
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i] + "/…"
		}
		return scheme + "://" + rest
	}
	if i := strings.IndexAny(text, "@/?#:"); i >= 0 {
		return "…"
	}
	return text
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// secretsOf returns the parts of the address that label leaves out, as they are and as the URL writes them, the longest
// first.
func secretsOf(u *url.URL) []string {
	parts := []string{u.RawQuery, strings.Trim(u.Path, "/"), strings.Trim(u.EscapedPath(), "/")}
	for values := range strings.SplitSeq(u.RawQuery, "&") {
		_, value, _ := strings.Cut(values, "=")
		parts = append(parts, value, unescaped(value))
	}
	if u.User != nil {
		user := u.User.String()
		parts = append(parts, user)
		for part := range strings.SplitSeq(user, ":") {
			parts = append(parts, part, unescaped(part))
		}
	}
	// Very short parts would tear ordinary words apart, and are no secrets.
	parts = slices.DeleteFunc(parts, func(s string) bool { return len(s) < 3 })
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return parts
}

func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// scrub replaces everything secret in a text that came from a library or from the node.
func (e *endpoint) scrub(text string) string {
	for _, s := range e.secrets {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}
