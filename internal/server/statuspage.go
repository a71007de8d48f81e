package server

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

// The status page is one file when it is served, and three to work on. It holds no data: what it shows it asks for with
// the token that its reader gives it.
var (
	//go:embed statuspage/page.html
	pageHTML string
	//go:embed statuspage/style.css
	pageStyle string
	//go:embed statuspage/script.js
	pageScript string
)

// The page's own style and script are all that a browser may use, and the service all that it may ask.
var (
	statusPage = []byte(strings.NewReplacer("/*style*/", pageStyle, "/*script*/", pageScript).Replace(pageHTML))

	pagePolicy = []string{"default-src 'none'; script-src " + sourceOf(pageScript) + "; style-src " + sourceOf(pageStyle) +
		"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	pageSniff    = []string{"nosniff"}
	pageReferrer = []string{"no-referrer"}
	pageCaching  = []string{"no-cache"}
)

// sourceOf names an inline text in a content security policy.
func sourceOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (x *exchange) answerStatusPage() error {
	header := x.writer.Header()
	header["Content-Security-Policy"] = pagePolicy
	header["X-Content-Type-Options"] = pageSniff
	header["Referrer-Policy"] = pageReferrer
	header["Cache-Control"] = pageCaching
	header["Content-Type"] = htmlContent
	x.begin(http.StatusOK)
	_, _ = x.writer.Write(statusPage)
	return nil
}
