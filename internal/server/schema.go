package server

import (
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/swaggest/swgui/v5emb"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	apiTitle   = "Bittensor Pylon API"
	apiVersion = "0.1.0"

	openAPIPath = "/schema/openapi.json"
	swaggerPath = "/schema/swagger"
)

// newSwagger returns the handler of the page and its files, all of which are in the binary.
func newSwagger() http.Handler { return v5emb.New(apiTitle, openAPIPath, swaggerPath) }

const schemaIndex = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>` + apiTitle + `</title></head>
<body>
<h1>` + apiTitle + `</h1>
<ul>
<li><a href="` + swaggerPath + `">Read and try it</a></li>
<li><a href="` + openAPIPath + `">OpenAPI document</a></li>
</ul>
</body>
</html>
`

var htmlContent = []string{"text/html; charset=utf-8"}

func (x *exchange) answerSchemaIndex() error {
	x.writer.Header()["Content-Type"] = htmlContent
	x.begin(http.StatusOK)
	_, _ = x.writer.Write([]byte(schemaIndex))
	return nil
}

func (x *exchange) answerOpenAPI() error {
	return x.writeRendered(bodyKey{question: askOpenAPI}, func(dst []byte) []byte {
		return append(dst, openAPIDocument(x.server.served)...)
	})
}

func (x *exchange) answerSwagger() error {
	x.hand(x.server.swagger, x.swaggerRequest(""))
	return nil
}

func (x *exchange) answerSwaggerAsset() error {
	name := x.param("asset")
	if !hasAsset(name) {
		return problem.New(problem.NotFound, "Not Found")
	}
	x.hand(x.server.swagger, x.swaggerRequest("/"+name))
	return nil
}

// hasAsset tells whether a file is in the binary, compressed or not.
func hasAsset(name string) bool {
	for _, stored := range []string{name, name + ".gz"} {
		if file, err := static.FS.Open(stored); err == nil {
			_ = file.Close()
			return true
		}
	}
	return false
}

// swaggerRequest is the request with its path cleaned, which the page's handler looks at again.
func (x *exchange) swaggerRequest(rest string) *http.Request {
	r := x.request.Clone(x.ctx)
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = swaggerPath+rest, "", ""
	return r
}
