package server

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bittensor-pylon/pylon/internal/problem"
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
			Schemas:   registry,
			Responses: map[string]*huma.Response{},
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
	body := registry.Schema(reflect.TypeFor[problemBody](), true, "")
	for kind, row := range answers {
		document.Components.Responses[responseName(kind)] = &huma.Response{Description: row.when, Content: jsonMedia(body)}
	}
	describe(registry)
	text, err := document.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("server: the OpenAPI document does not encode: %v", err)) // it is made of constants
	}
	return text
}

// describe adds to the schemas what Go types do not say.
func describe(registry huma.Registry) {
	for name, schema := range registry.Map() {
		schema.AdditionalProperties = openSchema(schema.AdditionalProperties)
		for property, member := range schema.Properties {
			if member.Type == huma.TypeArray {
				member.Nullable = false
			}
			if text, ok := propertyTexts[name+"."+property]; ok {
				member.Description = text
			}
		}
	}
}

// responseName is what the document calls the answer to a kind of problem.
func responseName(kind problem.Kind) string { return strings.ReplaceAll(kind.String(), " ", "-") }

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
		Responses:   map[string]*huma.Response{strconv.Itoa(cmp.Or(r.status, http.StatusOK)): r.success(registry)},
	}
	if r.later != "" {
		later := r.success(registry)
		later.Description = r.later
		operation.Responses["202"] = later
	}
	if r.keyed {
		operation.Parameters = append(operation.Parameters, keyParameter())
	}
	for segment := range strings.SplitSeq(operation.Path, "/") {
		if name, ok := paramName(segment); ok {
			operation.Parameters = append(operation.Parameters, pathParameter(name))
		}
	}
	for _, query := range r.query {
		operation.Parameters = append(operation.Parameters, query.document())
	}
	if r.request != nil {
		operation.RequestBody = &huma.RequestBody{
			Required: true,
			Content:  jsonMedia(registry.Schema(reflect.TypeOf(r.request), true, "")),
		}
	}
	kinds := append([]problem.Kind{problem.Invalid, problem.Unknown, problem.Timeout}, r.fails...)
	if at.guard != public {
		operation.Security = []map[string][]string{{bearerScheme: {}}}
		kinds = append(kinds, problem.Unauthorized, problem.Forbidden, problem.TooMany)
	}
	if at.guard == identityKey {
		kinds = append(kinds, problem.NotFound)
		operation.Responses["308"] = &huma.Response{
			Description: "The identity works on another subnet: the Location header has its path.",
		}
	}
	for _, kind := range kinds {
		operation.Responses[strconv.Itoa(answers[kind].status)] = &huma.Response{Ref: "#/components/responses/" + responseName(kind)}
	}
	return operation
}

func (r *resource) success(registry huma.Registry) *huma.Response {
	response := &huma.Response{Description: r.summary + "."}
	switch {
	case r.body != nil:
		body := registry.Schema(reflect.TypeOf(r.body), true, "")
		if r.instead != nil {
			body = &huma.Schema{AnyOf: []*huma.Schema{body, registry.Schema(reflect.TypeOf(r.instead), true, "")}}
		}
		response.Content = jsonMedia(body)
	case r.media != "":
		response.Content = map[string]*huma.MediaType{r.media: {Schema: &huma.Schema{Type: huma.TypeString}}}
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

func keyParameter() *huma.Param {
	longest := longestKey
	return &huma.Param{
		Name: keyHeader,
		In:   "header",
		Description: "A text of the caller's choice. A second request with the same key does nothing and gets the intent of the first; " +
			"if it asks for something else it is 422. A key is known for at least a day.",
		Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
	}
}

func pathParameter(name string) *huma.Param {
	parameter := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	if isPathInteger(name) {
		parameter.Schema.Type = huma.TypeInteger
	}
	if name == "contract_address" {
		parameter.Schema.Pattern = "^(0x)?[0-9a-fA-F]{40}$"
	}
	parameter.Description = map[string]string{
		"netuid":           "Number of the subnet.",
		"block_number":     "Number of the block.",
		"extrinsic_index":  "Number of the extrinsic in its block, from 0.",
		"identity_name":    "Name of the identity.",
		"hotkey":           "SS58 address of the hotkey.",
		"contract_address": "Address of the contract, 0x and 40 hexadecimal digits.",
		"mechanism_id":     "Number of the mechanism, from 0.",
		"intent_id":        "Id of the intent.",
		"asset":            "Name of the file.",
	}[name]
	return parameter
}
