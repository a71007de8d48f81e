package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// forIdentity wraps the answer of an identity route: a path that names another subnet than the identity's is answered
// with the right path.
func forIdentity(answer func(*exchange) error) func(*exchange) error {
	return func(x *exchange) error {
		if value, ok := x.integer("netuid").uint(16); !ok || value != uint64(x.identity.Netuid) {
			x.redirect()
			return nil
		}
		return answer(x)
	}
}

// redirect answers with the same path on the identity's own subnet. The path is built from the template, not from what
// was asked, so that it can not lead to another host.
func (x *exchange) redirect() {
	var location strings.Builder
	next := 0
	for segment := range strings.SplitSeq(x.route.template[1:], "/") {
		location.WriteByte('/')
		name, isParam := paramName(segment)
		switch {
		case !isParam:
			location.WriteString(segment)
			continue
		case name == "netuid":
			location.WriteString(strconv.Itoa(int(x.identity.Netuid)))
		default:
			location.WriteString(url.PathEscape(x.params[next]))
		}
		next++
	}
	x.writer.Header()["Location"] = []string{location.String()}
	x.begin(http.StatusPermanentRedirect)
}
