package server

import (
	"net/http"
	"strconv"
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

// redirect answers with the same path on the identity's own subnet.
func (x *exchange) redirect() {
	x.writer.Header()["Location"] = []string{x.pathWith(func(_, name string) (string, bool) {
		return strconv.Itoa(int(x.identity.Netuid)), name == "netuid"
	})}
	x.begin(http.StatusPermanentRedirect)
}
