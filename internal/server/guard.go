package server

import (
	"net/http"
	"strings"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// guard is who may ask a route.
type guard uint8

const (
	public      guard = iota // anybody
	openAccess               // who knows the open-access token
	identityKey              // who knows the token of the identity that the path names
	metricsKey               // who knows the metrics token
)

// identity is one of the configured identities.
type identity struct {
	Identity

	token digest
}

// admit lets the request pass or says why not. On identity routes it finds the identity.
func (x *exchange) admit() error {
	s := x.server
	switch x.route.guard {
	case openAccess:
		if s.config.OpenAccessToken == "" {
			return nil
		}
		return s.check(x.request.Header, &s.openAccess)
	case identityKey:
		return x.admitIdentity()
	case metricsKey:
		if s.config.MetricsToken == "" {
			return problem.New(problem.Forbidden, "Metrics endpoint is not configured")
		}
		token, present, err := bearer(x.request.Header)
		if err != nil {
			return err
		}
		if !present {
			return errNoAuthorization()
		}
		return verify(&s.metrics, token)
	default:
		return nil
	}
}

// check demands the token with that digest, or, for clients of old versions, no token at all.
func (s *Server) check(header http.Header, want *digest) error {
	token, present, err := bearer(header)
	switch {
	case err != nil:
		return err
	case present:
		return verify(want, token)
	case s.config.LegacyLogin:
		return nil
	default:
		return errNoAuthorization()
	}
}

// admitIdentity keeps the order of the contract: a header that is missing or malformed, then an unknown identity, then
// a wrong token.
func (x *exchange) admitIdentity() error {
	token, present, err := bearer(x.request.Header)
	if err != nil {
		return err
	}
	if !present && !x.server.config.LegacyLogin {
		return errNoAuthorization()
	}
	name := x.param("identity_name")
	known, ok := x.server.identities[name]
	if !ok {
		return errNoIdentity(name)
	}
	if present {
		if err := verify(&known.token, token); err != nil {
			return err
		}
	}
	x.identity = known
	return nil
}

func verify(want *digest, token string) error {
	if !want.matches(token) {
		return problem.New(problem.Forbidden, "Invalid authorization token")
	}
	return nil
}

func errNoAuthorization() error {
	return problem.New(problem.Unauthorized, "Authorization header is required")
}

func errNoIdentity(name string) error {
	return problem.New(problem.NotFound, "Identity '"+name+"' not found")
}

// bearer takes the token from the Authorization header. A missing or empty header gives no token; one that is not
// exactly the word bearer and one more is an error, and so are several headers, which proxies and servers could read
// differently.
func bearer(header http.Header) (token string, present bool, err error) {
	values := header["Authorization"]
	if len(values) > 1 {
		return "", false, problem.New(problem.Invalid, "Only one Authorization header is allowed")
	}
	if len(values) == 0 {
		return "", false, nil
	}
	value := strings.Trim(values[0], whitespace)
	if value == "" {
		return "", false, nil
	}
	space := strings.IndexAny(value, whitespace)
	if space < 0 || !strings.EqualFold(value[:space], "bearer") {
		return "", false, errMalformedAuthorization()
	}
	token = strings.TrimLeft(value[space:], whitespace)
	if strings.ContainsAny(token, whitespace) {
		return "", false, errMalformedAuthorization()
	}
	return token, true, nil
}

const whitespace = " \t\r\n\v\f"

func errMalformedAuthorization() error {
	return problem.New(problem.Unauthorized, "Invalid Authorization header format. Expected: Bearer <token>")
}
