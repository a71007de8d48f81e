package pylon

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// version is a version of the API.
type version int

const (
	v1 version = iota
	unstable
)

// path returns a path below the version's root.
func (v version) path(rest string) string {
	if v == v1 {
		return "/api/v1" + rest
	}
	return "/api/_unstable" + rest
}

// place is where in the API something about a subnet is asked: with an identity or with open access, in one of the
// versions.
type place struct {
	client  *Client
	version version
	own     bool   // of the identity; netuid is not known then
	netuid  Netuid // of open access
}

// send calls use with the beginning of the path and the token.
func (p place) send(ctx context.Context, use func(prefix, token string) error) error {
	config := &p.client.config
	if p.own {
		return p.client.identity(ctx, p.version, func(netuid Netuid) error {
			prefix := p.version.path("/identity/" + url.PathEscape(config.IdentityName) + subnetPath(netuid))
			return use(prefix, config.IdentityToken)
		})
	}
	token, err := p.client.openAccess()
	if err != nil {
		return err
	}
	if p.version == v1 {
		return use(v1.path(subnetPath(p.netuid)), token)
	}
	return use(unstable.path("/openaccess"+subnetPath(p.netuid)), token)
}

func subnetPath(netuid Netuid) string { return "/subnet/" + strconv.FormatUint(uint64(netuid), 10) }

// openAccess returns the token for open access, which may be none.
func (c *Client) openAccess() (string, error) {
	if c.config.OpenAccessToken == "" && !c.config.OpenAccessWithoutToken {
		return "", &ConfigError{
			Field:  "OpenAccessToken",
			Detail: "Can not use open access api - no open access token provided in config.",
		}
	}
	return c.config.OpenAccessToken, nil
}

// get reads something at a place.
func get[T any](ctx context.Context, p place, path string, check func(*T) error) (*T, error) {
	return submit(ctx, p, request{method: http.MethodGet, path: path}, check)
}

// submit makes a request at a place.
func submit[T any](ctx context.Context, p place, r request, check func(*T) error) (read *T, err error) {
	path := r.path
	err = p.send(ctx, func(prefix, token string) error {
		r.path, r.token = prefix+path, token
		read, err = ask(ctx, p.client, r, check)
		return err
	})
	return read, err
}

// blockPath is the path of something at a block.
func blockPath(number uint64, rest string) string {
	return "/block/" + strconv.FormatUint(number, 10) + rest
}

// pathPart checks a text that becomes a part of a path.
func pathPart(argument, text string) (string, error) {
	if text == "" || text == "." || text == ".." {
		return "", &ArgumentError{Argument: argument, Detail: "it is empty"}
	}
	return url.PathEscape(text), nil
}
