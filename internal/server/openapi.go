package server

import (
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

// propertyTexts describe the members of bodies, by schema and member.
var propertyTexts = map[string]string{
	"Block.hash":              "0x and 64 lower-case hexadecimal digits.",
	"BlockInfo.hash":          "0x and 64 lower-case hexadecimal digits.",
	"BlockInfo.timestamp":     "When the block was made, in whole seconds since the Unix epoch.",
	"AxonInfo.ip":             "IPv4 or IPv6 address; 0.0.0.0 when the neuron serves nothing.",
	"AxonInfo.protocol":       "0 TCP, 1 UDP, 4 HTTP; others as the neuron gave them.",
	"Stakes.alpha":            "Stake in the subnet's token, own and inherited.",
	"Stakes.tao":              "Stake on the root subnet in TAO, unweighted.",
	"Stakes.total":            "Alpha and weighted TAO: what permits and thresholds look at.",
	"Neuron.uid":              "Number of the neuron on its subnet.",
	"Neuron.coldkey":          "SS58 address of the owner.",
	"Neuron.hotkey":           "SS58 address.",
	"Neuron.stake":            "Stake of the hotkey on this subnet in alpha, without inheritance.",
	"Neuron.emission":         "What the last epoch gave, in alpha.",
	"Neuron.rank":             "Between 0 and 1.",
	"Neuron.incentive":        "Between 0 and 1.",
	"Neuron.consensus":        "Between 0 and 1.",
	"Neuron.trust":            "Between 0 and 1.",
	"Neuron.validator_trust":  "Between 0 and 1.",
	"Neuron.dividends":        "Between 0 and 1.",
	"Neuron.last_update":      "Number of the block at which the neuron last set weights.",
	"Neuron.validator_permit": "Whether the neuron may validate.",
	"Neuron.pruning_score":    "The raw 16-bit score.",
	"Validators.validators":   "By total stake, highest first; equal stakes in uid order.",
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
	for _, kind := range kinds {
		operation.Responses[strconv.Itoa(answers[kind].status)] = &huma.Response{Ref: "#/components/responses/" + responseName(kind)}
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
