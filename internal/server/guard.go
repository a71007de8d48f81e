package server

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

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

// String returns what the guard is called in metrics.
func (g guard) String() string {
	return [...]string{public: "public", openAccess: "open_access", identityKey: "identity", metricsKey: "metrics"}[g]
}

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
		return x.check(&s.openAccess)
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
		return x.verify(&s.metrics, token)
	default:
		return nil
	}
}

// check demands the token with that digest, or, for clients of old versions, no token at all.
func (x *exchange) check(want *digest) error {
	token, present, err := bearer(x.request.Header)
	switch {
	case err != nil:
		return err
	case present:
		return x.verify(want, token)
	case x.server.config.LegacyLogin:
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
		if err := x.verify(&known.token, token); err != nil {
			return err
		}
	}
	x.identity = known
	return nil
}

// verify compares a token with the right one, unless its sender has to wait.
func (x *exchange) verify(want *digest, token string) error {
	right := want.matches(token)
	throttle := x.server.throttle
	if throttle == nil {
		if !right {
			x.failedToken(wrongReason)
			return errWrongToken()
		}
		return nil
	}
	sender, now := throttle.client(x.request.RemoteAddr), throttle.ticks(x.started)
	switch wait := throttle.wait(sender, now); {
	case wait > 0:
		// Looked up either way: how long it takes must not tell a right token from a wrong one.
		if trusted := throttle.trusts(sender, want, now); trusted && right {
			return nil
		}
		x.failedToken(throttledReason)
		return &problem.Error{
			Kind:       problem.TooMany,
			Detail:     "Too many wrong tokens from this address",
			RetryAfter: wait,
		}
	case right:
		throttle.trust(sender, want, now)
		return nil
	default:
		throttle.fail(sender, now)
		x.failedToken(wrongReason)
		if throttle.wait(sender, now) > 0 {
			x.warnThrottled()
		}
		return errWrongToken()
	}
}

// warnThrottled names the address that has to wait. One warning a second must do.
func (x *exchange) warnThrottled() {
	if dropped, ok := x.server.throttled.allow(time.Second); ok {
		x.server.log.WarnContext(x.request.Context(), "too many wrong tokens from an address, it has to wait", x.attr(),
			slog.String("address", clip(x.request.RemoteAddr, longestText)), slog.Int64("unlogged", dropped))
	}
}

func errWrongToken() error { return problem.New(problem.Forbidden, "Invalid authorization token") }

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
