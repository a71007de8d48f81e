// Package server is the HTTP side of the service: routes, authentication, timeouts, errors, rendering, metrics, and
// the OpenAPI document.
package server
