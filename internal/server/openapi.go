package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// The bodies whose Go form is not their JSON form, as the document describes them.
type (
	neuronsBody struct {
		Block   pylon.Block                   `json:"block"`
		Neurons map[pylon.Hotkey]pylon.Neuron `json:"neurons" doc:"By hotkey, in uid order."`
	}
	identitiesBody struct {
		Identities map[string]pylon.Netuid `json:"identities" doc:"Netuids by name, in the order of the configuration."`
	}
	loginAnswer struct {
		Netuid       pylon.Netuid `json:"netuid"`
		IdentityName string       `json:"identity_name"`
	}
	loginBody struct {
		Token string `json:"token"`
	}
	statusBody struct {
		Status string `json:"status"`
	}
	problemBody struct {
		StatusCode int          `json:"status_code" doc:"The HTTP status."`
		Detail     string       `json:"detail"`
		Extra      []extraEntry `json:"extra,omitempty" doc:"What is wrong with the request, field by field."`
	}
	extraEntry struct {
		Message string `json:"message"`
		Key     string `json:"key,omitempty"`
		Source  string `json:"source,omitempty" enum:"body,query"`
	}
)

// schemaName drops what only tells Go types apart.
func schemaName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Body")
}

const bearerScheme = "bearer"

// openAPIDocument describes every route of the resources.
func openAPIDocument(served []resource) []byte {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	document := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       apiTitle,
			Version:     apiVersion,
			Description: "Reads the Bittensor chain and writes to it on behalf of its users.",
		},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bearerScheme: {Type: "http", Scheme: "bearer"},
			},
		},
	}
	for _, resource := range served {
		for _, mount := range resource.at {
			document.AddOperation(resource.operation(mount, registry))
		}
	}
	for _, schema := range registry.Map() {
		schema.AdditionalProperties = openSchema(schema.AdditionalProperties)
	}
	compact, err := document.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("server: the OpenAPI document does not encode: %v", err)) // it is made of constants
	}
	var text bytes.Buffer
	if err := json.Indent(&text, compact, "", "  "); err != nil {
		panic(fmt.Sprintf("server: the OpenAPI document is no JSON: %v", err))
	}
	text.WriteByte('\n')
	return text.Bytes()
}

// openSchema lets objects have members that the document does not know: answers may grow.
func openSchema(additional any) any {
	if additional == false {
		return nil
	}
	return additional
}

func (r *resource) operation(at mount, registry huma.Registry) *huma.Operation {
	operation := &huma.Operation{
		OperationID: at.name + "-" + r.name,
		Method:      r.method,
		Path:        at.prefix + r.path,
		Summary:     r.summary,
		Tags:        []string{strings.Split(at.name, "-")[0]},
		Parameters:  []*huma.Param{timeoutParameter()},
		Responses:   map[string]*huma.Response{"200": r.success(registry)},
	}
	for segment := range strings.SplitSeq(operation.Path, "/") {
		if name, ok := paramName(segment); ok {
			operation.Parameters = append(operation.Parameters, pathParameter(name))
		}
	}
	if r.method == http.MethodPost && r.legacy {
		operation.RequestBody = &huma.RequestBody{
			Required: true,
			Content:  jsonMedia(registry.Schema(reflect.TypeFor[loginBody](), true, "")),
		}
	}
	kinds := append([]problem.Kind{problem.Invalid, problem.Unknown, problem.Timeout}, r.fails...)
	if at.guard != public {
		operation.Security = []map[string][]string{{bearerScheme: {}}}
		kinds = append(kinds, problem.Unauthorized, problem.Forbidden)
	}
	if at.guard == identityKey {
		kinds = append(kinds, problem.NotFound)
		operation.Responses["308"] = &huma.Response{
			Description: "The identity works on another subnet: the Location header has its path.",
		}
	}
	body := registry.Schema(reflect.TypeFor[problemBody](), true, "")
	for _, kind := range kinds {
		row := answers[kind]
		operation.Responses[strconv.Itoa(row.status)] = &huma.Response{Description: row.when, Content: jsonMedia(body)}
	}
	return operation
}

func (r *resource) success(registry huma.Registry) *huma.Response {
	response := &huma.Response{Description: r.summary + "."}
	if r.body != nil {
		response.Content = jsonMedia(registry.Schema(reflect.TypeOf(r.body), true, ""))
	}
	return response
}

func jsonMedia(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

func timeoutParameter() *huma.Param {
	above := 0.0
	return &huma.Param{
		Name:        timeoutHeader,
		In:          "header",
		Description: "How many seconds the answer may take. It comes a little earlier.",
		Schema:      &huma.Schema{Type: huma.TypeNumber, ExclusiveMinimum: &above},
	}
}

func pathParameter(name string) *huma.Param {
	parameter := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	if isPathInteger(name) {
		parameter.Schema.Type = huma.TypeInteger
	}
	parameter.Description = map[string]string{
		"netuid":        "Number of the subnet.",
		"block_number":  "Number of the block.",
		"identity_name": "Name of the identity.",
		"asset":         "Name of the file.",
	}[name]
	return parameter
}
